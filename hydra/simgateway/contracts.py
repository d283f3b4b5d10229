"""The futures listed on the simulated exchanges, with the fields IB's contract details carry."""

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from hydra.simgateway.calibration import IANA_ZONES, Calibration, calibration, calibrations
from hydra.simgateway.holidays import is_holiday

MONTH_CODES: Final = "FGHJKMNQUVXZ"
LISTED_MONTHS: Final = 14
LISTED_MIN: Final = 3
ORDER_TYPES: Final = "ACTIVETIM,ADJUST,ALERT,DAY,GAT,GTC,GTD,GTT,IOC,LMT,MKT,STP,STPLMT,WHATIF"


@dataclass(frozen=True, slots=True)
class SimContract:
    """One listed expiry; prices are as quoted on the grid `tick`, `min_tick` is IB's figure in dollars."""

    con_id: int
    symbol: str
    exchange: str
    local_symbol: str
    trading_class: str
    contract_month: str
    last_trade_on: date
    multiplier: str
    price_magnifier: int
    min_tick: Decimal
    tick: Decimal
    usd_per_point: Decimal
    market_rule_id: int
    long_name: str
    time_zone_id: str
    commission_usd: Decimal
    order_types: str = ORDER_TYPES

    @property
    def zone_name(self) -> str:
        """The IANA name behind IB's `time_zone_id`."""
        return IANA_ZONES[self.time_zone_id]


def catalogue(as_of: date) -> tuple[SimContract, ...]:
    """Every expiry listed on `as_of`, nearest first: 14 months of them, at least three a symbol."""
    return tuple(contract for cal in calibrations().values() for contract in _listed(cal, as_of))


def contract_for(symbol: str, contract_month: str) -> SimContract:
    """The contract of one month `YYYYMM`, listed or expired: its identity never changes."""
    return _contract(symbol, int(contract_month[:4]), int(contract_month[4:]))


def roll_on(contract: SimContract) -> date:
    """The day from which trading is in the next expiry (before first notice, as the crowd does it)."""
    return contract.last_trade_on - timedelta(days=calibration(contract.symbol).roll_days)


def active_contract(symbol: str, as_of: date) -> SimContract:
    """The expiry that carries the volume on `as_of`: the nearest whose roll day is still ahead."""
    return next(c for c in _expiries(calibration(symbol), as_of) if roll_on(c) > as_of)


def liquidity_rank(contract: SimContract, as_of: date) -> int:
    """0 for the active expiry, 1 for the one behind it and so on; -1 once the crowd has rolled out of it."""
    if roll_on(contract) <= as_of:
        return -1
    rank = 0
    for other in _expiries(calibration(contract.symbol), as_of):
        if other.last_trade_on >= contract.last_trade_on:
            return rank
        rank += roll_on(other) > as_of
    raise AssertionError("expiries go on for ever")


def _listed(cal: Calibration, as_of: date) -> list[SimContract]:
    found: list[SimContract] = []
    for contract in _expiries(cal, as_of):
        months_ahead = (
            (contract.last_trade_on.year - as_of.year) * 12 + contract.last_trade_on.month - as_of.month
        )
        if len(found) >= LISTED_MIN and months_ahead > LISTED_MONTHS:
            return found
        found.append(contract)
    raise AssertionError("expiries go on for ever")


def _expiries(cal: Calibration, as_of: date) -> Iterator[SimContract]:
    year, month = as_of.year, as_of.month
    while True:
        if MONTH_CODES[month - 1] in cal.months:
            contract = _contract(cal.symbol, year, month)
            if contract.last_trade_on >= as_of:
                yield contract
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


@lru_cache(maxsize=4096)
def _contract(symbol: str, year: int, month: int) -> SimContract:
    cal = calibration(symbol)
    code = MONTH_CODES[month - 1]
    return SimContract(
        con_id=cal.con_id_base + year * 100 + month,
        symbol=cal.symbol,
        exchange=cal.exchange,
        local_symbol=f"{cal.symbol}{code}{year % 10}",
        trading_class=cal.trading_class,
        contract_month=f"{year:04d}{month:02d}",
        last_trade_on=_LAST_TRADE[cal.last_trade](year, month),
        multiplier=cal.multiplier,
        price_magnifier=cal.price_magnifier,
        min_tick=cal.min_tick,
        tick=cal.tick,
        usd_per_point=Decimal(cal.multiplier) / cal.price_magnifier,
        market_rule_id=cal.market_rule_id,
        long_name=cal.long_name,
        time_zone_id=cal.time_zone,
        commission_usd=cal.commission_usd,
    )


def _business_days(year: int, month: int) -> list[date]:
    days = (date(year, month, n) for n in range(1, monthrange(year, month)[1] + 1))
    return [day for day in days if day.weekday() < 5 and not is_holiday(day)]


def _before_15th(year: int, month: int) -> date:
    return [day for day in _business_days(year, month) if day.day < 15][-1]


def _last_thursday(year: int, month: int) -> date:
    """The last Thursday that is a business day; in November the one before Thanksgiving."""
    thursdays = [day for day in _business_days(year, month) if day.weekday() == 3]
    return thursdays[-2] if month == 11 and thursdays[-1].day > 28 else thursdays[-1]


_LAST_TRADE: Final[dict[str, Callable[[int, int], date]]] = {
    "business_day_before_15th": _before_15th,
    "tenth_business_day": lambda year, month: _business_days(year, month)[9],
    "last_business_day": lambda year, month: _business_days(year, month)[-1],
    "last_thursday": _last_thursday,
    "fourteen_before_last_business_day": lambda year, month: _business_days(year, month)[-15],
}
