"""The data file `calibration.toml` as typed constants: one `Calibration` a symbol."""

import tomllib
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

IANA_ZONES: Final = {"US/Central": "America/Chicago", "US/Eastern": "America/New_York"}
"""IB's zone names and what the time zone database calls them."""


@dataclass(frozen=True, slots=True)
class SessionHours:
    """One continuous session of a trade date, in exchange time; `on_eve` = it opens the day before."""

    opens: time
    closes: time
    on_eve: bool

    @staticmethod
    def parse(text: str) -> "SessionHours":
        """`08:30-13:20`, with a leading `-` when the session opens on the eve."""
        opens, closes = text.lstrip("-").split("-")
        return SessionHours(time.fromisoformat(opens), time.fromisoformat(closes), text.startswith("-"))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything the simulated market knows of one symbol; units and sources stand in the data file."""

    symbol: str
    con_id_base: int
    exchange: str
    trading_class: str
    long_name: str
    multiplier: str
    price_magnifier: int
    min_tick: Decimal
    market_rule_id: int
    months: str
    last_trade: str
    roll_days: int
    time_zone: str
    sessions: tuple[SessionHours, ...]
    early_close: time
    commission_usd: Decimal
    daily_limit: Decimal
    base_price: Decimal
    vol_daily: float
    adv: float
    half_spread: float
    touch_size: tuple[int, int]
    taker_size: float
    curve_share: tuple[float, ...]
    expiring_share: float
    makers: int
    refresh_s: float
    taker_scale: float
    width_scale: float
    impact: float
    night_share: float
    night_width: float

    @property
    def tick(self) -> Decimal:
        """The grid that prices obey, as quoted: IB's `minTick` is in dollars, quotes may be in cents."""
        return self.min_tick * self.price_magnifier

    @property
    def limit_ticks(self) -> int:
        return int(self.daily_limit / self.tick)


@cache
def calibrations() -> dict[str, Calibration]:
    """All symbols of the data file, in its order."""
    text = files("hydra.simgateway").joinpath("calibration.toml").read_text("utf-8")
    return {symbol: _calibration(symbol, row) for symbol, row in tomllib.loads(text).items()}


def calibration(symbol: str) -> Calibration:
    """The constants of one symbol; KeyError when it is not simulated."""
    return calibrations()[symbol]


def _calibration(symbol: str, row: dict[str, Any]) -> Calibration:
    money = {name: Decimal(row[name]) for name in ("min_tick", "commission_usd", "daily_limit", "base_price")}
    shaped = {
        "sessions": tuple(SessionHours.parse(text) for text in row["sessions"]),
        "early_close": time.fromisoformat(row["early_close"]),
        "touch_size": tuple(row["touch_size"]),
        "curve_share": tuple(row["curve_share"]),
    }
    return Calibration(symbol=symbol, **{**row, **money, **shaped})
