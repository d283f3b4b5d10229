"""The append-only journal: one record, one write, before anybody is told.

`kill -9` loses nothing that was written; a power cut may (there is no fsync: the gateway stands in for a
broker, and brokers do not lose power). A line torn by the kill itself is cut off when the journal is opened.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from hydra.domain.errors import Unavailable, UserError
from hydra.simgateway.records import Record, from_line, to_line

JOURNAL_NAME: Final = "journal.jsonl"
LOCK_NAME: Final = "lock"


class Journal(Protocol):
    """Where records go; `append` returns only when the record is safe from a kill of this process."""

    def append(self, record: Record) -> None: ...
    def records(self) -> Iterable[Record]: ...


class MemoryJournal:
    """A journal that outlives the gateway object but not the process."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    def append(self, record: Record) -> None:
        self._records.append(record)

    def records(self) -> Iterator[Record]:
        yield from list(self._records)


class FileJournal:
    """A journal in a state directory, held by one process at a time."""

    def __init__(self, state_dir: Path) -> None:
        """Opens and locks; Unavailable if another gateway holds the directory or it cannot be written."""
        self._path = state_dir / JOURNAL_NAME
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(state_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
            self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable("HY-204", path=state_dir, problem=error.strerror) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise Unavailable("HY-205", path=state_dir) from None
        self._cut_torn_line()

    def append(self, record: Record) -> None:
        line = to_line(record)
        written = os.write(self._fd, line)
        if written != len(line):
            raise Unavailable(
                "HY-204", path=self._path, problem=f"only {written} of {len(line)} bytes written"
            )

    def records(self) -> Iterator[Record]:
        return read_records(self._path)

    def close(self) -> None:
        for name in ("_fd", "_lock"):
            fd = getattr(self, name, None)
            if fd is not None:
                os.close(fd)
                setattr(self, name, None)

    def _cut_torn_line(self) -> None:
        size = os.fstat(self._fd).st_size
        keep = size
        while keep > 0:
            start = max(keep - 4096, 0)
            chunk = os.pread(self._fd, keep - start, start)
            cut = chunk.rfind(b"\n")
            keep = start + cut + 1 if cut >= 0 else start
            if cut >= 0:
                break
        if keep < size:
            os.ftruncate(self._fd, keep)


def read_records(path: Path) -> Iterator[Record]:
    """The records of a journal file, also while a gateway writes it; UserError names a broken line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield from_line(line)
            except ValueError as error:
                raise UserError("HY-212", where=f"{path}:{number}", problem=error) from error
