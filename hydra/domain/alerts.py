"""What people and programs outside are told of the ledger's facts: stable names `hydra.<noun>.<past>`.

One table from a fact to its name and weight; a fact that is not in it is told to nobody. A name, once given,
keeps its meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from hydra.domain.champion import ArmRetired, AutonomyChanged, ChampionChanged
from hydra.domain.events import (
    BreakerMoved,
    ChildFilled,
    ChildLapsed,
    ChildRejected,
    ChildResolved,
    ForeignExecutionBooked,
    IntentDenied,
    PaperGateJudged,
    ParentClosed,
    ParentOpened,
    PositionAdopted,
    ReconciliationFound,
    TradingState,
    TradingStateChanged,
)


class Weight(StrEnum):
    """INFO is for the record, WARNING wants a look today, ERROR wants a person now."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing told, in plain texts; `resource` is what it is about: hydra.parent.20261123-ZO-1."""

    name: str
    weight: Weight
    resource: str
    facts: Mapping[str, str]


NAMES: Final[Mapping[type, tuple[str, Weight]]] = MappingProxyType(
    {
        ParentOpened: ("hydra.parent.opened", Weight.INFO),
        ParentClosed: ("hydra.parent.closed", Weight.INFO),
        IntentDenied: ("hydra.intent.denied", Weight.WARNING),
        ChildFilled: ("hydra.child.filled", Weight.INFO),
        ChildRejected: ("hydra.child.rejected", Weight.WARNING),
        ChildLapsed: ("hydra.child.lapsed", Weight.WARNING),
        ChildResolved: ("hydra.child.resolved", Weight.WARNING),
        TradingStateChanged: ("hydra.trading.narrowed", Weight.ERROR),
        BreakerMoved: ("hydra.breaker.moved", Weight.WARNING),
        ReconciliationFound: ("hydra.reconciliation.found", Weight.ERROR),
        ForeignExecutionBooked: ("hydra.execution.booked", Weight.ERROR),
        PaperGateJudged: ("hydra.gate.judged", Weight.WARNING),
        PositionAdopted: ("hydra.position.adopted", Weight.WARNING),
        ChampionChanged: ("hydra.champion.changed", Weight.WARNING),
        ArmRetired: ("hydra.arm.retired", Weight.WARNING),
        AutonomyChanged: ("hydra.autonomy.changed", Weight.WARNING),
    }
)


def alert_of(event: object) -> Alert | None:
    """What is told of this fact; None for one that concerns nobody outside."""
    found = NAMES.get(type(event))
    if found is None:
        return None
    name, weight = _special(event) or found
    told = [one.name for one in fields(_record(event)) if one.name != "slices"]
    facts = {one: _text(getattr(event, one)) for one in told}
    return Alert(name, weight, _resource(event), facts)


def connection_alert(is_good: bool, client_id: int, reason: str) -> Alert:
    """The link was lost for longer than a moment, or is whole again."""
    name, weight = ("hydra.connection.restored", Weight.INFO)
    if not is_good:
        name, weight = ("hydra.connection.lost", Weight.WARNING)
    return Alert(name, weight, f"hydra.client.{client_id}", {"client_id": str(client_id), "reason": reason})


def death_alert(client_id: int, holder: str) -> Alert:
    """A process that could send ended without giving its lease back: killed, or its machine was."""
    facts = {"client_id": str(client_id), "holder": holder}
    return Alert("hydra.worker.died", Weight.ERROR, f"hydra.client.{client_id}", facts)


def _special(event: object) -> tuple[str, Weight] | None:
    """Facts whose content decides what they are called."""
    if isinstance(event, ParentClosed) and event.status == "IN_DOUBT":
        return "hydra.parent.doubted", Weight.ERROR
    if isinstance(event, TradingStateChanged) and event.state is TradingState.HALTED:
        return "hydra.trading.halted", Weight.ERROR
    if isinstance(event, TradingStateChanged) and event.state is TradingState.ACTIVE:
        return "hydra.trading.resumed", Weight.WARNING
    if isinstance(event, BreakerMoved) and event.state == "TRIGGERED":
        return "hydra.breaker.tripped", Weight.ERROR
    return None


def _resource(event: object) -> str:
    for kind, name in (
        ("parent", "parent_id"),
        ("child", "order_ref"),
        ("trading", "scope"),
        ("breaker", "breaker"),
        ("champion", "champion_id"),
        ("arm", "model_id"),
        ("contract", "con_id"),
    ):
        named = getattr(event, name, "")
        if named:
            return f"hydra.{kind}.{named}"
    return "hydra.account"


def _record(event: object) -> Any:
    return event


def _text(value: object) -> str:
    if isinstance(value, StrEnum):
        return value.value
    return "; ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
