"""How contracts are named in requests, found in the catalogue, and described in replies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hydra.simgateway.calendar import trading_hours
from hydra.simgateway.contracts import SimContract, catalogue, contract_for
from hydra.simgateway.wire import Cursor, frame, number_text

FUTURE: Final = "FUT"
CURRENCY: Final = "USD"
_SCHEDULE_DAYS: Final = 6
_ONE_SIZE: Final = "1"


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """The 12 fields by which a client names a contract; empty and 0 mean *any*."""

    con_id: int
    symbol: str
    sec_type: str
    expiry: str
    multiplier: str
    exchange: str
    primary_exchange: str
    currency: str
    local_symbol: str
    trading_class: str

    @staticmethod
    def read(cursor: Cursor) -> "ContractQuery":
        con_id = cursor.integer("conId")
        symbol, sec_type, expiry, _strike, _right = cursor.texts("contract", 5)
        return ContractQuery(con_id, symbol, sec_type, expiry, *cursor.texts("contract", 6))


@dataclass(frozen=True, slots=True)
class NoDefinition:
    """The query fits no contract, or several where one is needed; `text` is IB's wording."""

    text: str


class Listing:
    """The contracts known on a day; identities of other months are made on demand and never change."""

    def __init__(self) -> None:
        self._as_of: date | None = None
        self._listed: tuple[SimContract, ...] = ()
        self._known: dict[int, SimContract] = {}

    def listed(self, as_of: date) -> tuple[SimContract, ...]:
        if as_of != self._as_of:
            self._as_of, self._listed = as_of, catalogue(as_of)
            self._known.update((contract.con_id, contract) for contract in self._listed)
        return self._listed

    def known(self, con_id: int) -> SimContract | None:
        """A contract seen on any day of this process."""
        return self._known.get(con_id)

    def remember(self, symbol: str, con_id: int) -> SimContract:
        """A contract of the books, expired or not: its id ends in its month."""
        if con_id not in self._known:
            self._known[con_id] = contract_for(symbol, str(con_id)[-6:])
        return self._known[con_id]

    def find(self, query: ContractQuery, as_of: date) -> list[SimContract]:
        """All that fit, expiries ascending."""
        fits = [contract for contract in self.listed(as_of) if _fits(query, contract)]
        return sorted(fits, key=lambda contract: contract.last_trade_on)

    def find_one(
        self, query: ContractQuery, as_of: date, *, needs_exchange: bool = False
    ) -> SimContract | NoDefinition:
        """The single contract a query names, or why there is none."""
        if needs_exchange and not query.exchange:
            return NoDefinition("Missing order exchange")
        found = self.find(query, as_of)
        if not found:
            return NoDefinition("No security definition has been found for the request")
        if len(found) > 1:
            text = f"The contract description specified for {query.symbol} is ambiguous."
            return NoDefinition(f"{text} You must specify the multiplier or trading class or expiry")
        return found[0]


def _fits(query: ContractQuery, contract: SimContract) -> bool:
    if query.con_id and query.con_id != contract.con_id:
        return False
    if not (query.con_id or query.symbol or query.local_symbol):
        return False
    expiry = f"{contract.last_trade_on:%Y%m%d}"
    pairs = (
        (query.symbol, contract.symbol),
        (query.sec_type, FUTURE),
        (query.exchange, contract.exchange),
        (query.primary_exchange, contract.exchange),
        (query.currency, CURRENCY),
        (query.local_symbol, contract.local_symbol),
        (query.trading_class, contract.trading_class),
    )
    if any(given and given != actual for given, actual in pairs):
        return False
    if query.multiplier and not _same_number(query.multiplier, contract.multiplier):
        return False
    return not query.expiry or query.expiry in (expiry, contract.contract_month)


def _same_number(given: str, actual: str) -> bool:
    try:
        return Decimal(given) == Decimal(actual)
    except ArithmeticError:
        return False


def block(contract: SimContract) -> Sequence[str]:
    """The 11 fields that name a contract inside other messages."""
    return (
        str(contract.con_id),
        contract.symbol,
        FUTURE,
        f"{contract.last_trade_on:%Y%m%d}",
        "0",
        "0",
        contract.multiplier,
        contract.exchange,
        CURRENCY,
        contract.local_symbol,
        contract.trading_class,
    )


def contract_details(req_id: int, contract: SimContract, as_of: date, version: int) -> bytes:
    fields = ["10"] if version >= 164 else ["10", "8"]
    fields += [str(req_id), contract.symbol, FUTURE, f"{contract.last_trade_on:%Y%m%d}", "0", ""]
    fields += [
        contract.exchange,
        CURRENCY,
        contract.local_symbol,
        contract.trading_class,
        contract.trading_class,
    ]
    fields += [str(contract.con_id), number_text(contract.min_tick)]
    if version < 164:
        fields.append("100")
    hours = trading_hours(contract, as_of, _SCHEDULE_DAYS)
    fields += [
        contract.multiplier,
        contract.order_types,
        contract.exchange,
        str(contract.price_magnifier),
        "0",
    ]
    fields += [
        contract.long_name,
        "",
        contract.contract_month,
        "",
        "",
        "",
        contract.time_zone_id,
        hours,
        hours,
    ]
    fields += ["", "0", "0"]
    fields += [
        "2147483647",
        contract.symbol,
        "IND",
        str(contract.market_rule_id),
        f"{contract.last_trade_on:%Y%m%d}",
        "",
    ]
    if version == 163:
        fields.append(_ONE_SIZE)
    if version >= 164:
        fields += [_ONE_SIZE] * 3
    return frame(fields)


def contract_details_end(req_id: int) -> bytes:
    return frame(("52", "1", str(req_id)))


def symbol_samples(req_id: int, contracts: Sequence[SimContract], version: int) -> bytes:
    """Matching underlyings; futures come as derivatives of an index-like root."""
    fields = ["79", str(req_id), str(len(contracts))]
    for contract in contracts:
        fields += [str(contract.con_id), contract.symbol, "IND", contract.exchange, CURRENCY, "1", FUTURE]
        if version >= 176:
            fields += [contract.long_name, ""]
    return frame(fields)
