"""Identities: pure functions of what they name, readable by a person at the broker's own screen."""

import re
from dataclasses import dataclass
from datetime import date

_ORDER_REF = re.compile(r"^H-(?P<on>\d{8})-(?P<symbol>[A-Z0-9]{1,8})-(?P<n>\d{1,2})-C(?P<child>\d{2,3})$")
_PARENT_ID = re.compile(r"^(?P<on>\d{8})-(?P<symbol>[A-Z0-9]{1,8})-(?P<n>\d{1,2})$")
ORDER_REF_LENGTH_MAX = 40
OWN_PREFIX = "H-"


@dataclass(frozen=True, slots=True)
class ParentKey:
    """What a parent id names: the session, the symbol and the amendment number within that session."""

    session_on: date
    symbol: str
    n: int

    @property
    def parent_id(self) -> str:
        return parent_id(self.session_on, self.symbol, self.n)


def parent_id(session_on: date, symbol: str, n: int = 1) -> str:
    """The deterministic id of a parent order, e.g. `20260821-ZO-1`: a rerun finds what was begun."""
    text = f"{session_on:%Y%m%d}-{symbol}-{n}"
    if not _PARENT_ID.match(text):
        raise ValueError(f"not a parent id: {text!r}")
    return text


def parse_parent_id(text: str) -> ParentKey:
    """The parts of a parent id; ValueError when it is none."""
    found = _PARENT_ID.match(text)
    if not found:
        raise ValueError(f"not a parent id: {text!r}")
    return ParentKey(_day(found["on"]), found["symbol"], int(found["n"]))


def order_ref(parent: str, child_no: int) -> str:
    """The identity of a child at the broker (IB orderRef, FIX ClOrdID), e.g. `H-20260821-ZO-1-C03`."""
    text = f"{OWN_PREFIX}{parent}-C{child_no:02d}"
    if not _ORDER_REF.match(text) or len(text) > ORDER_REF_LENGTH_MAX:
        raise ValueError(f"not an order reference: {text!r}")
    return text


def parent_of(ref: str) -> str:
    """The parent id inside an order reference of ours; ValueError when it is none."""
    found = _ORDER_REF.match(ref)
    if not found:
        raise ValueError(f"not an order reference of ours: {ref!r}")
    return f"{found['on']}-{found['symbol']}-{found['n']}"


def is_own_ref(ref: str) -> bool:
    """Whether the reference follows our grammar (it may still be unknown to this ledger)."""
    return bool(_ORDER_REF.match(ref))


def exec_root(exec_id: str) -> tuple[str, int]:
    """The root of an execution id and its revision: IB marks a correction by a higher last dotted group."""
    root, dot, last = exec_id.rpartition(".")
    if not dot or not last.isdigit():
        return exec_id, 0
    return root, int(last)


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
