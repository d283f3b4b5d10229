"""What stands on the server, and what should, in one shape: so the difference is a pure function."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """In the order in which they are made; they are removed the other way round."""

    LIMIT = "concurrency limit"
    POOL = "work pool"
    QUEUE = "work queue"
    DEPLOYMENT = "deployment"
    SCHEDULE = "schedule"
    TRIGGER = "trigger"
    AUTOMATION = "automation"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing by its name; `facts` are what is compared, `on_create` what only its making needs.

    `owner` is the name of what it belongs to: the deployment of a schedule, the pool of a queue. `in_use`
    tells why something that left the file cannot go yet.
    """

    kind: Kind
    name: str
    facts: Mapping[str, Any]
    owner: str = ""
    on_create: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    in_use: str = ""

    @property
    def key(self) -> tuple[Kind, str, str]:
        return self.kind, self.owner, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.owner}#{self.name}" if self.owner else f"{self.kind} {self.name}"


# What a person may switch, by the name of the fact; a deploy only ever switches off.
SWITCHES: Final[Mapping[Kind, str]] = {Kind.SCHEDULE: "active", Kind.AUTOMATION: "enabled"}
# What goes with its owner.
_PARTS: Final = {Kind.DEPLOYMENT: (Kind.SCHEDULE, Kind.TRIGGER), Kind.POOL: (Kind.QUEUE,)}


def memory_of(item: Item) -> str:
    """Under which name a deploy remembers what it has to know of this item the next time."""
    return f"{item.owner}#{item.name}" if item.kind is Kind.SCHEDULE else str(item)


class Verb(StrEnum):
    """What is done; `keep` is a person's own decision that stands, `wait` needs a person first."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    KEEP = "keep"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `details` tell each fact as `name: before → after`."""

    verb: Verb
    item: Item
    details: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it changes the server."""
        return self.verb in (Verb.CREATE, Verb.UPDATE, Verb.REMOVE)


def compare(wanted: Iterable[Item], present: Iterable[Item], remembered: Mapping[str, bool]) -> list[Change]:
    """Every difference, in the order in which it is to be made good.

    `remembered`: what the file said at the last deploy of everything a person may switch.
    """
    want = {one.key: one for one in wanted}
    have = {one.key: one for one in present}
    changes = [_change(one, have.get(key), remembered) for key, one in want.items()]
    gone = [
        _farewell(one)
        for key, one in have.items()
        if key not in want and (one.kind, one.owner) not in _leaving(want, have)
    ]
    order = list(Kind)
    made = sorted((one for one in changes if one is not None), key=lambda one: order.index(one.item.kind))
    return [*sorted(gone, key=lambda one: -order.index(one.item.kind)), *made]


def _farewell(gone: Item) -> Change:
    """What left the file leaves the server, but never from under somebody who uses it."""
    if gone.in_use:
        return Change(Verb.KEEP, gone, (f"left the file, and stays: {gone.in_use}",), id=gone.id)
    return Change(Verb.REMOVE, gone, id=gone.id)


def _leaving(want: Mapping[Any, Item], have: Mapping[Any, Item]) -> set[tuple[Kind, str]]:
    """What belongs to a deployment or a pool that goes itself needs no word of its own."""
    gone = [one for key, one in have.items() if key not in want]
    return {(kind, one.name) for one in gone for kind in _PARTS.get(one.kind, ())}


def _change(wanted: Item, present: Item | None, remembered: Mapping[str, bool]) -> Change | None:
    if present is None:
        return Change(Verb.CREATE, wanted, facts=wanted.facts)
    facts, kept = dict(wanted.facts), ""
    if wanted.kind in SWITCHES:
        switch = SWITCHES[wanted.kind]
        facts[switch], kept = _is_on(switch, wanted, present, remembered)
    differing = {name: value for name, value in facts.items() if present.facts.get(name) != value}
    if differing:
        details = tuple(
            f"{name}: {_short(present.facts.get(name))} → {_short(differing[name])}" for name in differing
        )
        return Change(Verb.UPDATE, wanted, (*details, kept) if kept else details, differing, present.id)
    return Change(Verb.KEEP, wanted, (kept,), id=present.id) if kept else None


def _is_on(switch: str, wanted: Item, present: Item, remembered: Mapping[str, bool]) -> tuple[bool, str]:
    """A deploy switches nothing on; it switches off what the file switches off now, not what it did before.

    So a schedule that the file ships switched off, and a person switched on, goes on.
    """
    asked, is_on = bool(wanted.facts[switch]), bool(present.facts[switch])
    if asked and not is_on:
        return False, "stays off: switch it on in the UI"
    if is_on and not asked and remembered.get(memory_of(wanted)) is False:
        return True, "stays on: a person switched it on"
    return asked, ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
