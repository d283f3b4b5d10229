"""The facts of a gateway's life and their one-line JSON form; all the gateway knows is a fold of these.

One record is one atomic fact: whatever a kill leaves behind, a record is there wholly or not at all.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class BookOpened:
    """The first record: what this state directory belongs to."""

    at: datetime
    format: int
    seed: int
    cash_usd: Decimal
    account: str


@dataclass(frozen=True, slots=True)
class FrameTaken:
    """A placeOrder, cancelOrder or globalCancel message arrived and changed no order (or has to wait)."""

    at: datetime
    frame: int
    kind: str
    client_id: int
    order_id: int
    order_ref: str
    outcome: str


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """An order exists from here on; `frame` is 0 for orders that no API message placed."""

    at: datetime
    frame: int
    perm_id: int
    client_id: int
    order_id: int
    con_id: int
    symbol: str
    side: str
    qty: int
    order_type: str
    limit: Decimal | None
    tif: str
    good_till: datetime | None
    order_ref: str
    is_working: bool
    echo: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderModified:
    """A placeOrder message with the id of an open order changed it."""

    at: datetime
    frame: int
    perm_id: int
    order_ref: str
    qty: int
    limit: Decimal | None
    tif: str
    good_till: datetime | None
    echo: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderActivated:
    """A waiting order went to the exchange."""

    at: datetime
    perm_id: int


@dataclass(frozen=True, slots=True)
class OrderEnded:
    """No further fill can come: cancelled, expired or made inactive; `frame` names the message that asked."""

    at: datetime
    frame: int
    perm_id: int
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution of an order, with its fee; `aggressor` orders took liquidity."""

    at: datetime
    exec_id: str
    perm_id: int
    qty: int
    price: Decimal
    commission_usd: Decimal


@dataclass(frozen=True, slots=True)
class ExecutionRevised:
    """A correction (new qty and price) or a bust (qty 0) replaces the execution of the same root."""

    at: datetime
    exec_id: str
    replaces: str
    qty: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class IdsRolledBack:
    """The gateway forgot the newest order ids of one client; done orders above the mark lose their id."""

    at: datetime
    client_id: int
    highest_id: int


Record = (
    BookOpened
    | FrameTaken
    | OrderAccepted
    | OrderModified
    | OrderActivated
    | OrderEnded
    | Executed
    | ExecutionRevised
    | IdsRolledBack
)
_KINDS: Final[dict[str, type[Any]]] = {kind.__name__: kind for kind in typing.get_args(Record)}


def to_line(record: Record) -> bytes:
    """The record as one line of JSON, newline included."""
    content: dict[str, object] = {"k": type(record).__name__}
    for name, to_json, _ in _codecs(type(record)):
        value = getattr(record, name)
        content[name] = None if value is None else to_json(value)
    return (json.dumps(content, separators=(",", ":"), ensure_ascii=True) + "\n").encode()


def from_line(line: bytes) -> Record:
    """The record of one line; ValueError if the line is no record of this format."""
    try:
        content = json.loads(line)
        kind = _KINDS[content.pop("k")]
        values = {
            name: None if content[name] is None else from_json(content[name])
            for name, _, from_json in _codecs(kind)
        }
        record: Record = kind(**values)
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"no record: {error!r}") from error
    return record


_Codec = tuple[Callable[[Any], object], Callable[[Any], Any]]
_CODECS: Final[dict[type[Any], _Codec]] = {
    datetime: (datetime.isoformat, datetime.fromisoformat),
    Decimal: (str, Decimal),
    int: (int, int),
    bool: (bool, bool),
    str: (str, str),
}
_AS_IT_IS: Final[_Codec] = (dict, dict)
_FIELDS: Final[dict[type[Any], list[tuple[str, Callable[[Any], object], Callable[[Any], Any]]]]] = {}


def _codecs(kind: type[Any]) -> list[tuple[str, Callable[[Any], object], Callable[[Any], Any]]]:
    known = _FIELDS.get(kind)
    if known is None:
        hints = typing.get_type_hints(kind)
        known = [(item.name, *_codec(hints[item.name])) for item in dataclasses.fields(kind)]
        _FIELDS[kind] = known
    return known


def _codec(hint: Any) -> _Codec:
    if isinstance(hint, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    return _CODECS.get(hint, _AS_IT_IS)
