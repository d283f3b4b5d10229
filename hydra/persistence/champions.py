"""The champion, the plans of its book and the autonomy in force: each the end of a stream of the ledger."""

from datetime import date
from typing import Any, Final

from hydra.domain.champion import ArmRetired, AutonomyChanged, BookPlanned, ChampionChanged
from hydra.persistence.codec import decode
from hydra.persistence.database import Database

CHAMPION: Final = "champion"
AUTONOMY: Final = "autonomy"
_BOOK: Final = "book-"
_NEWEST: Final = "SELECT MAX(stream) FROM heads WHERE stream LIKE ?"
_ALL: Final = (
    "SELECT seq, kind, version, payload, recorded_at FROM order_events WHERE stream = ? ORDER BY seq"
)
_LAST: Final = f"{_ALL} DESC LIMIT 1"
_OF_KIND: Final = _ALL.replace("ORDER BY", "AND kind = ? ORDER BY")
_POINTER: Final = f"{_OF_KIND} DESC LIMIT 1"


def plan_stream(session_on: date) -> str:
    """The stream of one session's plans."""
    return f"{_BOOK}{session_on.isoformat()}"


class Champions:
    """Reads them over the ledger's own connection; two lookups by primary key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pointer(self) -> ChampionChanged | None:
        """Who leads now; None as long as nothing but the seed ever did."""
        row = self._database.row(_POINTER, (CHAMPION, ChampionChanged.__name__))
        found: ChampionChanged | None = None if row is None else _event(CHAMPION, row)
        return found

    def seq(self) -> int:
        """How often pointer or arms were changed: what a change of either must come after."""
        row = self._database.row(_LAST, (CHAMPION,))
        return 0 if row is None else int(row[0])

    def history(self) -> tuple[tuple[str, ChampionChanged], ...]:
        """(recorded at, change), oldest first."""
        rows = self._database.rows(_OF_KIND, (CHAMPION, ChampionChanged.__name__))
        return tuple((str(row[4]), _event(CHAMPION, row)) for row in rows)

    def retired(self) -> tuple[tuple[int, ArmRetired], ...]:
        """(place in the champion's stream, arm taken out by a person), oldest first."""
        rows = self._database.rows(_OF_KIND, (CHAMPION, ArmRetired.__name__))
        return tuple((int(row[0]), _event(CHAMPION, row)) for row in rows)

    def plan(self, session_on: date) -> BookPlanned | None:
        """What the book wants in that session, by its last plan."""
        found: BookPlanned | None = self._last(plan_stream(session_on))
        return found

    def latest_plan(self) -> BookPlanned | None:
        """What the book wants in the newest session that was planned."""
        row = self._database.row(_NEWEST, (f"{_BOOK}____-__-__",))
        found: BookPlanned | None = None if row is None or row[0] is None else self._last(str(row[0]))
        return found

    def autonomy(self) -> AutonomyChanged | None:
        """What a person said last; None where the configuration holds."""
        found: AutonomyChanged | None = self._last(AUTONOMY)
        return found

    def _last(self, stream: str) -> Any:
        row = self._database.row(_LAST, (stream,))
        return None if row is None else _event(stream, row)


def _event(stream: str, row: Any) -> Any:
    seq, kind, version, payload, _ = row
    return decode(str(kind), int(version), str(payload), f"{stream} {seq}")
