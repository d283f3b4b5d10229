"""CFTC commitments of traders, dated by when they became public: Tuesday's positions are Friday's news."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from hydra.domain.errors import UserError
from hydra.research.filters import Floats

RELEASE_DAYS: Final = 3
"""Tuesday to Friday 15:30 New York: after the grain and livestock close, so usable from the next session."""

COUNTS: Final[Mapping[str, str]] = {
    "open_interest": "open_interest",
    "noncommercial_positions_long": "speculators_long",
    "noncommercial_positions_short": "speculators_short",
    "commercial_positions_long": "hedgers_long",
    "commercial_positions_short": "hedgers_short",
}


@dataclass(frozen=True, slots=True)
class CotWeek:
    """One market's positions as of a day, public at the end of `released_on`."""

    market: str
    as_of: date
    released_on: date
    open_interest: int
    speculators_long: int
    speculators_short: int
    hedgers_long: int
    hedgers_short: int

    @property
    def speculators_net_share(self) -> float:
        """Speculators' net position over open interest; 0 where nothing is open."""
        net = self.speculators_long - self.speculators_short
        return net / self.open_interest if self.open_interest else 0.0


def cot_week(
    row: Mapping[str, str], where: str, line: int, delays: Mapping[date, int] | None = None
) -> CotWeek:
    """One row of the legacy report; HY-850 names what cannot be read.

    `delays` adds days to the release of an as-of day (holidays, shutdowns); none can bring it forward.
    """
    try:
        as_of = date.fromisoformat(row["date"])
        counts = {name: int(row[column]) for column, name in COUNTS.items()}
        market = row["market"]
    except KeyError as error:
        raise UserError("HY-850", where=where, line=line, problem=f"no column {error}") from error
    except (TypeError, ValueError) as error:
        raise UserError("HY-850", where=where, line=line, problem=str(error)) from error
    if min(counts.values()) < 0:
        raise UserError("HY-850", where=where, line=line, problem="a count below zero")
    delay = (delays or {}).get(as_of, 0)
    if delay < 0:
        raise ValueError(f"a release cannot come {-delay} days before its time")
    return CotWeek(market, as_of, as_of + timedelta(days=RELEASE_DAYS + delay), **counts)


def speculators_known(weeks: Sequence[CotWeek], days: Sequence[date]) -> Floats:
    """[T]: the speculators' net share that `known_at_close` gives on each of the rising days.

    0 before the first; NaN where there is no week at all.
    """
    if not weeks:
        return np.full(len(days), np.nan)
    public = sorted(weeks, key=lambda week: week.released_on)
    out, at, newest = np.zeros(len(days)), 0, None
    for row, on in enumerate(days):
        while at < len(public) and public[at].released_on < on:
            if newest is None or public[at].as_of >= newest.as_of:
                newest = public[at]
            at += 1
        out[row] = newest.speculators_net_share if newest is not None else 0.0
    return out


def known_at_close(weeks: Sequence[CotWeek], on: date) -> CotWeek | None:
    """The newest week a decision at the close of `on` may use: released on an earlier day.

    A Friday's release comes after that day's close, so Friday itself still sees the week before.
    """
    public = [week for week in weeks if week.released_on < on]
    return max(public, key=lambda week: (week.as_of, week.released_on), default=None)
