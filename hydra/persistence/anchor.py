"""Stream heads kept outside the ledger: a hash chain alone does not show a dropped tail or an older file."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra.persistence.chain import Head


@dataclass(frozen=True, slots=True)
class Anchored:
    """One line of the heads file: at that instant the stream ended there."""

    at: str
    stream: str
    head: Head


class HeadsFile:
    """A file that only grows, one line for every commit, written after it.

    It is not flushed to disk by itself: after a power failure it may lag behind the ledger, which proves
    nothing and harms nothing; it is never ahead of a ledger that lost nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._descriptor: int | None = None
        self._noted: list[str] = []

    def note(self, stream: str, head: Head, at: str) -> None:
        """Keeps one line for the next `write`: a sending must not wait for it."""
        self._noted.append(f'["{at}","{stream}",{head.seq},"{head.hash}"]\n')

    def write(self) -> None:
        """Adds what was noted; a full disk here must not stop trading, so a failure is only remembered."""
        if not self._noted:
            return
        lines, self._noted = "".join(self._noted), []
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(self._descriptor, lines.encode())
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror}"

    def lines(self) -> Iterator[Anchored]:
        """Every readable line; a line torn by a crash is skipped."""
        self.write()
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                at, stream, seq, own_hash = json.loads(line)
            except ValueError:
                continue
            yield Anchored(at, stream, Head(seq, own_hash))

    def newest(self) -> dict[str, Head]:
        """Where each stream ended by the last line about it."""
        return {line.stream: line.head for line in self.lines()}

    def abandon(self) -> None:
        """Lets go as the death of the process would: what was noted and not written is lost."""
        self._noted.clear()
        self.close()

    def close(self) -> None:
        self.write()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
