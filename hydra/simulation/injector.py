"""Faults carried out at their moments: an effect per kind, which answers whether it took place."""

import contextvars
from collections.abc import Callable, Mapping

from hydra.domain.errors import UserError
from hydra.simgateway.faults import Moment
from hydra.simulation.crew import Crew
from hydra.simulation.damage import keep_backup
from hydra.simulation.disk import Transaction
from hydra.simulation.faults import Fault
from hydra.simulation.world import World

Effect = Callable[["Injector", Fault], bool]


class Injector:
    """Carries out a scenario's faults at their moments, and keeps the count by kind and child state."""

    def __init__(self, world: World, crew: Crew, effects: Mapping[str, Effect]) -> None:
        self.world = world
        self.crew = crew
        self.effects = effects
        self.hits: list[tuple[str, str]] = []
        self._aimed: list[Fault] = []
        self._seen = ""
        self._armed: dict[str, str] = {}
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

    def arm_gateway(self, name: str, fault: Fault) -> bool:
        """As `ask_gateway`, for a fault that waits for its moment; it counts when that comes."""
        self._armed[name] = fault.kind
        self.crew.linger_s = max(self.crew.linger_s, float(str(fault.options.get("seconds", 0.0))))
        return self.ask_gateway(name, client_id=1, **fault.options) and False

    def spring(self, fault: Fault) -> None:
        """A trap has caught its process: that is the fault's moment."""
        self.world.tell("fault", str(fault))
        self.hits.append((fault.kind, self.world.oracle.ledger.child_state()))
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
        if moment is not None and name in self._armed:
            self.world.tell("fault", f"{self._armed[name]} at {moment.point} of {moment.order_ref}")
            self.hits.append((self._armed[name], self.world.oracle.ledger.child_state()))
            self.lasts(self.world.loop.time())
        assert self._act is not None
        return self._act(name, options, moment)

    def _due(self, fault: Fault) -> None:
        if fault.aim:
            self._aimed.append(fault)
        else:
            self._fire(fault)

    def _committed(self, done: Transaction) -> None:
        """A child has entered a state: what was aimed at it is let go."""
        state = self.world.oracle.ledger.child_state()
        now_in = f"{self.world.oracle.ledger.newest} {state}"
        if now_in == self._seen:
            return
        self._seen = now_in
        for fault in [one for one in self._aimed if one.aim == state]:
            self._aimed.remove(fault)
            self.later(fault.after_s, self._fire, fault)

    def _fire(self, fault: Fault) -> None:
        if self._is_over:
            return
        state = self.world.oracle.ledger.child_state()
        if self.effects[fault.kind](self, fault):
            self.world.tell("fault", str(fault))
            self.hits.append((fault.kind, state))
            self.lasts(self.world.loop.time() + fault.for_s)


def number_in(fault: Fault, name: str) -> float:
    """An option that was drawn as a number."""
    return float(str(fault.options[name]))
