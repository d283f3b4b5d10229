"""The experiment journal: every trial, failures included, written once; DSR takes its trial count here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from hydra.domain.errors import Unavailable, UserError
from hydra.persistence.codec import instant_of, instant_text
from hydra.persistence.database import Database, Failure, TransactionFailed
from hydra.research.experiment import Experiment, canonical

VERSION: Final = 2
"""Of the payload. Version 1 did not say of which days and instruments its data was: it cannot be run again.
A row of any other version is refused with a line, never half read."""
READABLE: Final = (1, 2)
_KNOWN: Final = f"versions {READABLE[0]} to {READABLE[-1]}"

_INSERT: Final = "INSERT INTO experiments VALUES (?, ?, ?, ?, ?, ?)"
_HAS: Final = "SELECT 1 FROM experiments WHERE experiment_id = ?"
_ALL: Final = "SELECT version, recorded_at, payload FROM experiments ORDER BY recorded_at, experiment_id"
_TRIED: Final = "SELECT DISTINCT spec_id, data_hash FROM experiments"
_COUNT: Final = "SELECT COUNT(*) FROM experiments"
_BOOK: Final = "INSERT INTO books VALUES (?, ?, ?, ?)"
_BOOK_OF: Final = "SELECT champion_id, payload FROM books WHERE session_on = ?"
_BOOKS: Final = "SELECT session_on, champion_id, payload FROM books ORDER BY session_on"
_LAST_BOOK: Final = (
    "SELECT session_on, champion_id, payload FROM books WHERE session_on < ? ORDER BY session_on DESC LIMIT 1"
)


class ExperimentJournal:
    """Experiments and books over one connection; a repetition of either changes nothing."""

    def __init__(self, database: Database, where: str) -> None:
        self._database = database
        self._where = where

    def close(self) -> None:
        self._database.close()

    def record(self, experiment: Experiment) -> bool:
        """Whether it was new; the same experiment again is the same row, with its first result."""
        payload = asdict(experiment)
        recorded_at = instant_text(payload.pop("recorded_at"))
        row = (
            experiment.experiment_id,
            VERSION,
            experiment.spec_id,
            experiment.data_hash,
            recorded_at,
            canonical(payload),
        )
        return self._insert(_INSERT, row)

    def has(self, experiment: Experiment) -> bool:
        """Whether this spec was tried on this data with this seed and build: then its result is known."""
        return self._database.row(_HAS, (experiment.experiment_id,)) is not None

    def experiments(self) -> Sequence[Experiment]:
        """All, oldest first. HY-875 names a row this build cannot read."""
        return [self._read(*row) for row in self._database.rows(_ALL)]

    def tried(self) -> frozenset[tuple[str, str]]:
        """(spec id, data hash) of everything tried."""
        return frozenset((str(spec), str(data)) for spec, data in self._database.rows(_TRIED))

    def trials(self) -> int:
        """How many experiments were ever made, failures included: N of the deflated Sharpe ratio."""
        row = self._database.row(_COUNT)
        return int(row[0]) if row else 0

    def record_book(
        self, session_on: date, champion_id: str, book: Mapping[str, Any], recorded_at: str
    ) -> bool:
        """The book of a session, decided once; False when that session has one already."""
        return self._insert(_BOOK, (session_on.isoformat(), champion_id, canonical(book), recorded_at))

    def book(self, session_on: date) -> tuple[str, dict[str, Any]] | None:
        """(champion, book) of a session; None before it is decided."""
        row = self._database.row(_BOOK_OF, (session_on.isoformat(),))
        return None if row is None else (str(row[0]), json.loads(row[1]))

    def books(self) -> Sequence[tuple[date, str, dict[str, Any]]]:
        """(session, champion, book) of every session decided, oldest first."""
        rows = self._database.rows(_BOOKS)
        return [(date.fromisoformat(row[0]), str(row[1]), json.loads(row[2])) for row in rows]

    def last_book(self, before: date) -> tuple[date, str, dict[str, Any]] | None:
        """(session, champion, book) of the newest session before that day."""
        row = self._database.row(_LAST_BOOK, (before.isoformat(),))
        return None if row is None else (date.fromisoformat(row[0]), str(row[1]), json.loads(row[2]))

    def _insert(self, sql: str, row: Sequence[object]) -> bool:
        try:
            with self._database.transaction():
                self._database.execute(sql, row)
        except TransactionFailed as error:
            if error.failure is Failure.TAKEN:
                return False
            raise Unavailable("HY-406", where=self._where, problem=error.reason) from error
        return True

    def _read(self, version: int, recorded_at: str, payload: str) -> Experiment:
        if version not in READABLE:
            problem = f"the experiment of {recorded_at} is of version {version}"
            raise UserError("HY-875", where=self._where, problem=problem, known=_KNOWN)
        try:
            fields = json.loads(payload)
            fields["refusals"] = tuple(fields["refusals"])
            fields["instruments"] = tuple(fields.get("instruments", ()))
            return Experiment(**fields, recorded_at=instant_of(recorded_at))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"the experiment of {recorded_at} cannot be read ({error})"
            raise UserError("HY-875", where=self._where, problem=problem, known=_KNOWN) from error
