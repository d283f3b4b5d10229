"""CFTC weeks by symbol, dated by their release: revised and never overwritten, as bars are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from hydra.persistence.revisions import RevisionFiles, Shape
from hydra.research.cot import COUNTS, CotWeek

COT_FOLDER: Final = "cot"
_COUNTS: Final = tuple(COUNTS.values())


def _row(week: CotWeek) -> Mapping[str, Any]:
    counts = {name: getattr(week, name) for name in _COUNTS}
    return {"market": week.market, "released_on": week.released_on, **counts}


def _week(row: Mapping[str, Any]) -> CotWeek:
    return CotWeek(row["market"], row["on"], row["released_on"], **{name: row[name] for name in _COUNTS})


_WEEKS: Final[Shape[CotWeek]] = Shape(
    [("market", pa.string()), ("released_on", pa.date32()), *((name, pa.int64()) for name in _COUNTS)],
    lambda week: week.as_of,
    _row,
    _week,
)


class ParquetCotStore:
    """The weeks of each symbol in a folder; safe for several processes."""

    def __init__(self, folder: Path) -> None:
        self._files = RevisionFiles(folder, _WEEKS)

    def put(self, symbol: str, weeks: Sequence[CotWeek], known_at: datetime, source: str) -> int:
        """Adds what is new or different; the number of such weeks, 0 on a repetition."""
        return self._files.put(symbol, weeks, known_at, source)

    def weeks(self, symbol: str, as_of: datetime | None = None) -> tuple[CotWeek, ...]:
        """Its weeks as they were known at that moment (None: now); none where nothing was known by then."""
        return self._files.values(symbol, as_of)

    def symbols(self) -> tuple[str, ...]:
        """Every symbol with weeks."""
        return self._files.series()
