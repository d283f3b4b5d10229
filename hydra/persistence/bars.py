"""The bar store: daily bars by series, each as it was known at any moment (`revisions` says how)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from hydra.domain.errors import UserError, did_you_mean
from hydra.domain.market import DailyBar
from hydra.persistence.revisions import RevisionFiles, Shape

_PRICE: Final = pa.decimal128(28, 10)
_PRICES: Final = ("open", "high", "low", "close")


def _row(bar: DailyBar) -> Mapping[str, Any]:
    prices = (bar.open_px, bar.high_px, bar.low_px, bar.close_px)
    return {**dict(zip(_PRICES, prices, strict=True)), "volume": bar.volume}


def _bar(row: Mapping[str, Any]) -> DailyBar:
    opened, high, low, close = (_shortest(row[name]) for name in _PRICES)
    return DailyBar(row["on"], opened, high, low, close, row["volume"])


def _shortest(px: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent."""
    return Decimal(f"{px.normalize():f}")


_BARS: Final[Shape[DailyBar]] = Shape(
    [*((name, _PRICE) for name in _PRICES), ("volume", pa.int64())], lambda bar: bar.on, _row, _bar
)


class ParquetBarStore:
    """Daily bars in a folder; safe for several processes. Prices come back in their shortest exact form."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = RevisionFiles(folder, _BARS)

    def put(self, series: str, bars: Sequence[DailyBar], known_at: datetime, source: str) -> int:
        """Adds what is new or different from what was known; the number of such bars, 0 on a repetition.

        `known_at` is when a trader could have had them; HY-853 when that moment has other values already.
        """
        return self._files.put(series, bars, known_at, source)

    def bars(self, series: str, as_of: datetime | None = None) -> tuple[DailyBar, ...]:
        """The series, oldest first, as it was known at that moment (None: now). HY-858 when nothing was."""
        found = self._files.values(series, as_of)
        if not found:
            raise self._nothing(series, as_of.astimezone(UTC).isoformat() if as_of else "any time")
        return found

    def revisions(self, series: str, on: date) -> tuple[tuple[datetime, DailyBar], ...]:
        """Every value one day ever had, with when it became known."""
        return self._files.revisions(series, on)

    def series(self) -> tuple[str, ...]:
        """The names of all series."""
        return self._files.series()

    def path(self, series: str) -> Path:
        """The current file of a series, for a reader that may not open the store (a candidate)."""
        found = self._files.path(series)
        if found is None:
            raise self._nothing(series, "any time")
        return found

    def _nothing(self, series: str, at: str) -> UserError:
        known = self._files.series()
        hint = "" if series in known else did_you_mean(series, known)
        return UserError("HY-858", where=self._folder, series=series, at=at, hint=hint)
