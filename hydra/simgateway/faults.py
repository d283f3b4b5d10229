"""What can go wrong on purpose: the catalogue of faults, those in force, and those armed for a moment.

A fault fires at once or, with `--on POINT [--nth N]`, at the moment the gateway passes that point. This
module only keeps the state and decides; effects on sockets and books are carried out by `FaultActions`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from hydra.domain.errors import UserError, did_you_mean
from hydra.ports import Log, silent
from hydra.simgateway.fault_catalogue import FAULTS, FaultKind, parse_options

# Held back while the servers are away (1100): what tells about orders. Everything else is simply not sent.
ORDER_KINDS: Final = frozenset({"openOrder", "orderStatus", "orderError", "execDetails", "commissionReport"})


@dataclass(slots=True)
class Moment:
    """Where the gateway is when a hook may fire; a fault may set `discard` to lose the message in hand."""

    point: str
    client_id: int | None = None
    order_id: int | None = None
    order_ref: str = ""
    perm_id: int | None = None
    symbol: str = ""
    discard: bool = False


@dataclass(slots=True)
class Rule:
    """A treatment of outgoing messages of one kind: muted, delayed or sent again."""

    action: str
    kind: str
    client_id: int | None
    left: int | None
    until_wall_s: float | None
    seconds: float = 0.0

    def fits(self, kind: str, client_id: int, wall_s: float) -> bool:
        if self.until_wall_s is not None and wall_s >= self.until_wall_s:
            return False
        return self.kind in (kind, "all") and self.client_id in (None, client_id)


@dataclass(slots=True)
class Armed:
    """A fault waiting for its moment."""

    kind: FaultKind
    options: dict[str, object]
    point: str
    nth: int
    seen: int = 0

    def meets(self, moment: Moment) -> bool:
        if moment.point != self.point:
            return False
        for name in ("client_id", "order_ref", "symbol"):
            wanted = self.options.get(name)
            if wanted is not None and wanted != getattr(moment, name):
                return False
        self.seen += 1
        return self.seen == self.nth


class FaultActions(Protocol):
    """Carries out one fault on sockets, books or market; raises UserError for options that do not fit."""

    def __call__(self, name: str, options: Mapping[str, object], moment: Moment | None) -> str: ...


@dataclass(slots=True)
class Faults:
    """Faults in force (switches and rules) and faults armed."""

    wall_s: Callable[[], float]
    act: FaultActions | None = None
    is_link_up: bool = True
    is_all_frozen: bool = False
    frozen: set[int] = field(default_factory=set)
    is_splitting: bool = False
    coalesce_s: float = 0.0
    reorder_left: int = 0
    refuse_quotes_left: int = 0
    reject_left: int = 0
    reject_text: str = ""
    executions: str = "normal"
    completed: str = "normal"
    visibility: str | None = None
    margin_factor: float = 1.0
    rules: list[Rule] = field(default_factory=list)
    armed: list[Armed] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    log: Log = silent

    def inject(self, name: str, raw: Mapping[str, object]) -> str:
        """Fire a fault now, or arm it; returns what happened in words; UserError for an unknown one."""
        kind = FAULTS.get(name)
        if kind is None:
            raise UserError("HY-206", name=name, hint=did_you_mean(name, list(FAULTS)))
        options = parse_options(kind, raw)
        point = options.pop("on", None) or kind.default_point
        nth = options.pop("nth", 1)
        if point is None:
            return self._fire(kind, options, None)
        self.armed.append(Armed(kind, options, str(point), int(str(nth))))
        return f"armed, fires at {point} number {nth}"

    def hit(self, moment: Moment) -> Moment:
        """Pass a point: fires what is armed for it."""
        if self.armed:
            for armed in [each for each in self.armed if each.meets(moment)]:
                self.armed.remove(armed)
                try:
                    self._fire(armed.kind, armed.options, moment)
                except UserError as refusal:
                    # Nobody is there to be told; the message in hand must not suffer for it.
                    self.fired.append(f"{armed.kind.name}: {refusal.what}")
                    self.log("hydra.fault.refused", "warning", problem=str(refusal))
        return moment

    def clear(self) -> None:
        """Everything back to normal but the link and frozen sockets, which have their own ends."""
        self.rules.clear()
        self.armed.clear()
        self.is_splitting, self.coalesce_s, self.reorder_left, self.refuse_quotes_left = False, 0.0, 0, 0
        self.reject_left, self.executions, self.completed = 0, "normal", "normal"
        self.visibility, self.margin_factor = None, 1.0

    def is_frozen(self, client_id: int | None) -> bool:
        return self.is_all_frozen or client_id in self.frozen

    def treatment(self, kind: str, client_id: int) -> tuple[int, float]:
        """How often a message goes out (0 = muted) and how many wall seconds late."""
        copies, late_s = 1, 0.0
        if not self.rules:
            return copies, late_s
        now = self.wall_s()
        for rule in [each for each in self.rules if each.fits(kind, client_id, now)]:
            if rule.action == "mute":
                copies = 0
            elif rule.action == "delay":
                late_s = max(late_s, rule.seconds)
            else:
                copies += 1 if copies else 0
            if rule.left is not None:
                rule.left -= 1
        self.rules = [
            rule
            for rule in self.rules
            if rule.left != 0 and (rule.until_wall_s is None or now < rule.until_wall_s)
        ]
        return copies, late_s

    def add_rule(self, action: str, kind: str, options: Mapping[str, object]) -> None:
        """A rule from a fault's options: `count` messages, or `for_s` wall seconds, or until cleared."""
        count, for_s = options.get("count"), options.get("for_s")
        until = self.wall_s() + float(str(for_s)) if for_s is not None else None
        left = int(str(count)) if count is not None else None
        client = options.get("client_id")
        self.rules.append(
            Rule(
                action=action,
                kind=kind,
                client_id=None if client is None else int(str(client)),
                left=left,
                until_wall_s=until,
                seconds=float(str(options.get("seconds") or 0)),
            )
        )

    def describe(self) -> dict[str, object]:
        """What is in force, for `hydra gateway fault status`."""
        return {
            "is_link_up": self.is_link_up,
            "frozen": "all" if self.is_all_frozen else sorted(self.frozen),
            "rules": [f"{rule.action} {rule.kind}" for rule in self.rules],
            "armed": [f"{armed.kind.name} on {armed.point} {armed.seen}/{armed.nth}" for armed in self.armed],
            "fired": list(self.fired),
        }

    def _fire(self, kind: FaultKind, options: Mapping[str, object], moment: Moment | None) -> str:
        at = f" at {moment.point}" if moment else ""
        self.fired.append(f"{kind.name}{at}")
        return self.act(kind.name, options, moment) if self.act else f"{kind.name}: nothing to act on"
