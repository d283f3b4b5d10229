"""Stream heads kept outside the ledger: a hash chain alone does not show a dropped tail or an older file."""

import json
import os
from collections.abc import Iterator, Mapping
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
    """A file that only grows, one line for every commit, written after it and before anything is sent.

    A promise whose frame may have left is known here, too: a ledger that lost it is found out. It is not
    flushed to disk by itself: after a power failure it may lag behind the ledger, which proves nothing and
    harms nothing; it is never ahead of a ledger that lost nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._descriptor: int | None = None

    def add(self, heads: Mapping[str, Head], at: str) -> None:
        """Adds where streams end; a full disk here must not stop trading, so a failure is only remembered."""
        lines = "".join(f'["{at}","{stream}",{head.seq},"{head.hash}"]\n' for stream, head in heads.items())
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(self._descriptor, lines.encode())
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror}"

    def lines(self) -> Iterator[Anchored]:
        """Every readable line; a line torn by a crash is skipped."""
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

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
