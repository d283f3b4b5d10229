"""Faults carried out at their moments: an effect per kind, which answers whether it took place."""

import contextvars
from collections.abc import Callable, Mapping

from hydra.domain.errors import UserError
from hydra.simgateway.fault_catalogue import FAULTS as GATEWAY_FAULTS
from hydra.simgateway.faults import Moment
from hydra.simulation.cells import BEFORE, IN_WRITE, ON_AN_ORDER
from hydra.simulation.crew import Crew
from hydra.simulation.damage import keep_backup
from hydra.simulation.disk import Transaction
from hydra.simulation.faults import Fault
from hydra.simulation.world import World

# Whether it took place; None when it waits for its own moment.
Effect = Callable[["Injector", Fault], bool | None]


class Injector:
    """Carries out a scenario's faults at their moments, and keeps the count by kind and child state."""

    def __init__(self, world: World, crew: Crew, effects: Mapping[str, Effect]) -> None:
        self.world = world
        self.crew = crew
        self.effects = effects
        self.hits: list[tuple[str, str]] = []
        self._aimed: list[Fault] = []
        self._seen: dict[str, str] = {}
        self._meant: dict[int, str] = {}
        self._armed: dict[tuple[str, ...], str] = {}
        self._is_over = False

    def begin(self) -> None:
        """Set every fault of the scenario on its way."""
        for fault in self.world.scenario.faults:
            self.later(fault.at_s, self._due, fault)
            if fault.kind == "db_old_file":
                self.later(max(fault.at_s - number_in(fault, "age_s"), 0.0), keep_backup, self.world, fault)
            if not fault.aim:
                self.lasts(fault.at_s + fault.for_s)
        self.world.watchers.append(self._committed)
        self._act = self.world.gateway.faults.act
        self.world.gateway.faults.act = self._acted

    def later(self, delay_s: float, act: Callable[..., object], *args: object) -> None:
        """Nobody's timer: it outlives whatever process is killed meanwhile."""
        loop = self.world.loop
        loop.call_at(loop.time() + delay_s, act, *args, context=contextvars.Context())

    def lasts(self, until_s: float) -> None:
        """The session is not judged as undisturbed before this virtual second."""
        self.crew.faults_end_s = max(self.crew.faults_end_s, until_s)

    def ask_gateway(self, name: str, **options: object) -> bool:
        """One fault of the gateway's own catalogue; False when there is nothing it could act on."""
        try:
            said = self.world.gateway.faults.inject(name, options)
        except UserError as problem:
            self.world.tell("fault", f"{name} finds nothing: {problem.what}")
            return False
        return said != "nothing held"

    def arm_gateway(self, name: str, fault: Fault) -> None:
        """As `ask_gateway`, for a fault that waits for its moment; it counts when that comes."""
        point = fault.options.get("on") or GATEWAY_FAULTS[name].default_point
        self._armed[_key(name, fault.options, point)] = fault.kind
        self.crew.linger_s = max(self.crew.linger_s, float(str(fault.options.get("seconds", 0.0))))
        self.ask_gateway(name, client_id=1, **fault.options)

    def spring(self, fault: Fault) -> None:
        """A trap has caught its process: that is the fault's moment."""
        self.world.tell("fault", str(fault))
        self.hits.append((fault.kind, self._state_for(fault)))
        self.lasts(self.world.loop.time() + fault.for_s)

    def end(self) -> None:
        """No fault from here on: what waits for its moment is forgotten, what is in force ends."""
        self._is_over = True
        self._aimed.clear()
        self.world.traps.clear()
        faults = self.world.gateway.faults
        visibility = faults.visibility
        faults.clear()
        faults.visibility = visibility

    # --- inside ---

    def _acted(self, name: str, options: Mapping[str, object], moment: Moment | None) -> str:
        assert self._act is not None
        kind = self._armed.get(_key(name, options, moment.point)) if moment is not None else None
        if moment is None or kind is None:
            return self._act(name, options, moment)
        self.world.tell("fault", f"{kind} at {moment.point} of {moment.order_ref}")
        state = self.world.oracle.ledger.state_of_child(moment.order_ref)
        self.lasts(self.world.loop.time())
        said = self._act(name, options, moment)
        if said != "nothing left of it":
            self.hits.append((kind, state))
        return said

    def _due(self, fault: Fault) -> None:
        if fault.aim:
            self._aimed.append(fault)
        else:
            self._fire(fault)

    def _committed(self, done: Transaction) -> None:
        """Where a child has entered a state, what was aimed at that is let go."""
        for ref in dict.fromkeys(str(row.payload.get("order_ref", "")) for row in done.rows):
            state = self.world.oracle.ledger.state_of_child(ref)
            if state == self._seen.get(ref, BEFORE):
                continue
            self._seen[ref] = state
            for fault in [one for one in self._aimed if one.aim == state]:
                self._aimed.remove(fault)
                self._meant[id(fault)] = ref
                self.later(fault.after_s, self._fire, fault)

    def _fire(self, fault: Fault) -> None:
        if self._is_over:
            return
        state = self._state_for(fault)
        took_place = self.effects[fault.kind](self, fault)
        if took_place:
            self.world.tell("fault", str(fault))
            self.hits.append((fault.kind, state))
            self.lasts(self.world.loop.time() + fault.for_s)
        elif took_place is False and fault.aim:
            self._aimed.append(fault)  # there was nothing it could act on: the next child, perhaps

    def _state_for(self, fault: Fault) -> str:
        """The state of the child that the fault acts on, that it was aimed at, or else that was sent last."""
        ledger = self.world.oracle.ledger
        working = list(self.world.gateway.gateway.core.state.orders.working.values())
        if fault.kind in ON_AN_ORDER and working:
            return ledger.state_of_child(working[-1].order_ref)
        is_of_newest = fault.kind in IN_WRITE or fault.kind == "kill_at_send"
        return ledger.state_of_child(
            ledger.newest if is_of_newest else self._meant.get(id(fault), ledger.newest)
        )


def _key(name: str, options: Mapping[str, object], point: object) -> tuple[str, ...]:
    """A fault armed at the gateway, as it is recognised when it fires."""
    return name, str(point), str(options.get("seconds")), str(options.get("qty"))


def number_in(fault: Fault, name: str) -> float:
    """An option that was drawn as a number."""
    return float(str(fault.options[name]))
