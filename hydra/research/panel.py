"""Every instrument's bars on one calendar, as the arrays that features, kernel and rules work on.

A day on which an instrument did not trade keeps its close and has no volume; what is missing is a finding of
`series_checks`, not of this module.
"""

import bisect
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import numpy as np

from hydra.domain.errors import UserError
from hydra.domain.market import DailyBar
from hydra.research.cot import CotWeek, speculators_known
from hydra.research.features import VOLATILITY_SPAN
from hydra.research.filters import Floats, deviation_before
from hydra.research.series import ContractSeries, RollRule, continuous, require_moving, rolled_down
from hydra.research.strategy import ADV_DAYS, bars_hash

EXPIRY_DAY = 10
_EXPIRY = re.compile(r"-\d{4}(0[1-9]|1[0-2])")
ROLL_DAYS_MAX = 10
"""How long what a month rolls down is believed after both expiries last closed on one day."""
DAYS_MIN = 130
"""Fewer common days, and no slow trend has settled, no year can be judged."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of an instrument beside its bars: dollars a point, cost of a side in bps of price."""

    symbol: str
    usd_per_point: float
    cost_bps: float


@dataclass(frozen=True, slots=True)
class Market:
    """One instrument as the store has it: its series, and what families may use beside it.

    `roll_month`: points a month of holding rolls down, on days on which it is known (carry); `weeks`: the
    CFTC's.
    """

    bars: tuple[DailyBar, ...]
    roll_month: Mapping[date, float] = field(default_factory=dict)
    weeks: tuple[CotWeek, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """T days of N instruments: closes back-adjusted, `fill` where an order of the day before is filled.

    `sigma` [T, N] is the deviation of daily changes known at that close, `half_spread` points a lot and side.
    `bars` are those the arrays were made of, `hashes` their identities. `roll_month` and `speculators` [T, N]
    are NaN for an instrument of which they are not known.
    """

    listed: tuple[Listed, ...]
    days: tuple[date, ...]
    close: Floats
    fill: Floats
    volume: Floats
    sigma: Floats
    half_spread: Floats
    bars: tuple[tuple[DailyBar, ...], ...]
    hashes: tuple[str, ...]
    roll_month: Floats
    speculators: Floats

    @property
    def inputs(self) -> dict[str, Floats]:
        """What families forecast from, as plain arrays."""
        return {name: getattr(self, name) for name in ("close", "volume", "roll_month", "speculators")}

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(one.symbol for one in self.listed)

    @property
    def data_hash(self) -> str:
        """One identity for all of it."""
        found = hashlib.sha256("\n".join(self.hashes).encode())
        for beside in (self.roll_month, self.speculators):
            if np.isfinite(beside).any():
                found.update(np.ascontiguousarray(beside).tobytes())
        return found.hexdigest()[:16]

    @property
    def adv(self) -> Floats:
        """Average daily volume of the last 20 days, [T, N]."""
        sums = np.cumsum(np.vstack((np.zeros(self.volume.shape[1]), self.volume)), axis=0)
        ends = np.arange(1, len(self.days) + 1)
        starts = np.maximum(ends - ADV_DAYS, 0)
        average: Floats = (sums[ends] - sums[starts]) / (ends - starts)[:, None]
        return average

    @property
    def markets(self) -> Floats:
        """[T, 1, N, 5] as the kernel takes them."""
        columns = (self.fill, self.close, self.sigma, self.half_spread, self.adv)
        return np.ascontiguousarray(np.stack(columns, axis=2)[:, None])

    def row(self, on: date) -> int:
        """The last row that is not later than that day; -1 before the first."""
        return bisect.bisect_right(self.days, on) - 1


def latest(panel: Panel, days: int) -> Panel:
    """Its last days only."""
    names = ("close", "fill", "volume", "sigma", "half_spread", "roll_month", "speculators")
    cut = {name: getattr(panel, name)[-days:] for name in names}
    return replace(panel, days=panel.days[-days:], **cut)


def expiries_of(symbol: str, names: Iterable[str]) -> list[str]:
    """The series that make up a symbol: its own where there is one, else its expiries (ZO-202612)."""
    listed = [name for name in names if name == symbol or _EXPIRY.fullmatch(name.removeprefix(symbol))]
    return [symbol] if symbol in listed or not listed else sorted(listed)


def joined(symbol: str, series: Mapping[str, tuple[DailyBar, ...]], roll_days: int) -> Market:
    """One series of a symbol: its own, or its expiries rolled and back-adjusted, with what they roll down.

    An expiry is left `roll_days` before the tenth of its month, which is no later than any of them last
    trades. Back-adjusted prices may be zero or negative: only their differences mean anything.
    """
    if symbol in series:
        return Market(series[symbol])
    expiries = [
        ContractSeries(name, date(int(name[-6:-2]), int(name[-2:]), EXPIRY_DAY), bars)
        for name, bars in sorted(series.items())
    ]
    days = continuous(expiries, RollRule(days_before_last_trade=roll_days), symbol).days
    bars = tuple(_shifted(one.bar, one.adjusted_close) for one in days)
    return Market(bars, rolled_down(days, expiries))


def _shifted(bar: DailyBar, close_px: Decimal) -> DailyBar:
    gap = close_px - bar.close_px
    opened, high, low = bar.open_px + gap, bar.high_px + gap, bar.low_px + gap
    return DailyBar(bar.on, opened, high, low, close_px, bar.volume)


def panel_of(markets: Mapping[str, Market], listed: Mapping[str, Listed], until: date) -> Panel:
    """The panel of all bars before `until`. HY-852 for an instrument that is too short, constant or late.

    It begins where the last of the instruments begins.
    """
    kept = {symbol: tuple(bar for bar in one.bars if bar.on < until) for symbol, one in markets.items()}
    for symbol, found in kept.items():
        require_moving(found, symbol)
        if len(found) < DAYS_MIN:
            problem = f"{len(found)} days before {until}, at least {DAYS_MIN} are needed"
            raise UserError("HY-852", where=symbol, problem=problem)
    first = max(found[0].on for found in kept.values())
    days = tuple(sorted({bar.on for found in kept.values() for bar in found if bar.on >= first}))
    if len(days) < DAYS_MIN:
        problem = f"only {len(days)} days since {first} in common, at least {DAYS_MIN} are needed"
        raise UserError("HY-852", where=", ".join(kept), problem=problem)
    columns = [_columns(found, days) for found in kept.values()]
    close, fill, volume = (np.column_stack([one[at] for one in columns]) for at in range(3))
    rows = tuple(listed[symbol] for symbol in kept)
    costs = np.array([one.cost_bps for one in rows]) * 1e-4
    return Panel(
        listed=rows,
        days=days,
        close=close,
        fill=fill,
        volume=volume,
        sigma=np.column_stack([_sigma(*pair, days) for pair in zip(kept.values(), close.T, strict=True)]),
        half_spread=np.abs(close) * costs,
        bars=tuple(kept.values()),
        hashes=tuple(bars_hash(found) for found in kept.values()),
        roll_month=np.column_stack([_latest_known(markets[symbol].roll_month, days) for symbol in kept]),
        speculators=np.column_stack([speculators_known(markets[symbol].weeks, days) for symbol in kept]),
    )


def _columns(bars: Sequence[DailyBar], days: Sequence[date]) -> tuple[Floats, Floats, Floats]:
    """(close, fill, volume) on these days; where there is no bar nothing moved."""
    by_day = {bar.on: bar for bar in bars}
    last = float(next(bar.close_px for bar in reversed(bars) if bar.on <= days[0]))
    close, fill, volume = (np.zeros(len(days)) for _ in range(3))
    for row, on in enumerate(days):
        bar = by_day.get(on)
        fill[row] = float(bar.open_px) if bar else last
        last = float(bar.close_px) if bar else last
        close[row], volume[row] = last, bar.volume if bar else 0
    return close, fill, volume


def _latest_known(by_day: Mapping[date, float], days: Sequence[date]) -> Floats:
    """The newest value at each close; 0 where none is of the last days, NaN where there is none at all."""
    if not by_day:
        return np.full(len(days), np.nan)
    known = sorted(by_day)
    out = np.zeros(len(days))
    for row, on in enumerate(days):
        at = bisect.bisect_right(known, on) - 1
        if at >= 0 and (on - known[at]).days <= ROLL_DAYS_MAX:
            out[row] = by_day[known[at]]
    return out


def _sigma(bars: Sequence[DailyBar], close: Floats, days: Sequence[date]) -> Floats:
    """Known at the close: the deviation that `deviation_before` would give for the day after.

    A day without a bar tells nothing: counted as one on which nothing moved, a market that is late would seem
    ever quieter, and a position in it ever larger.
    """
    dated = {bar.on for bar in bars}
    has = np.array([on in dated for on in days])
    has[0] = True
    ahead = np.append(np.diff(close[has]), 0.0)
    known = deviation_before(ahead, VOLATILITY_SPAN)
    held: Floats = known[np.cumsum(has) - 1]
    return held
