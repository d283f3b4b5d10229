"""What is done to trading processes: killed, stopped, at a moment or at a line."""

from collections.abc import Mapping
from typing import Final

from hydra.simulation.faults import Fault
from hydra.simulation.injector import Effect, Injector, number_in
from hydra.simulation.process import SimProcess
from hydra.simulation.scenario import MIDNIGHT
from hydra.simulation.world import Trap


def _kill(to: Injector, fault: Fault) -> bool:
    victim = to.crew.current
    if victim is None:
        return False
    to.crew.pause(number_in(fault, "restart_s"))
    to.world.kill(victim)
    return True


def _kill_at(point: str) -> Effect:
    def arm(to: Injector, fault: Fault) -> None:
        def act(process: SimProcess) -> None:
            to.crew.pause(number_in(fault, "restart_s"))
            to.spring(fault)
            to.world.kill(process)

        to.world.traps.append(Trap(point, int(number_in(fault, "nth")), bool(fault.options["is_after"]), act))

    return arm


def _day_end(to: Injector, fault: Fault) -> bool:
    """A kill; whoever comes next comes after the broker's midnight."""
    victim = to.crew.current
    if victim is None:
        return False
    midnight_s = (MIDNIGHT - to.world.scenario.start).total_seconds()
    to.crew.pause(max(midnight_s - to.world.loop.time(), 0.0) + fault.for_s)
    to.lasts(midnight_s)
    to.world.kill(victim)
    return True


def _kill_recovery(to: Injector, fault: Fault) -> bool:
    def again(process: SimProcess) -> None:
        to.crew.on_start.remove(again)
        to.later(number_in(fault, "again_s"), to.world.kill, process)

    to.crew.on_start.append(again)
    return _kill(to, fault)


def _stall(to: Injector, fault: Fault) -> bool:
    victim = to.crew.current
    if victim is None or victim.is_stopped:
        return False
    to.world.stop(victim, fault.for_s)
    return True


def _stall_split(to: Injector, fault: Fault) -> bool:
    to.crew.locks = f"locks-{len(to.world.processes)}"
    return _stall(to, fault)


def _stall_at(point: str, is_after: bool) -> Effect:
    def arm(to: Injector, fault: Fault) -> None:
        def act(process: SimProcess) -> None:
            to.spring(fault)
            to.world.stop(process, fault.for_s)

        to.world.traps.append(Trap(point, 1, is_after, act))

    return arm


def _hold_order(to: Injector, fault: Fault) -> None:
    def act(process: SimProcess) -> None:
        to.spring(fault)
        to.world.network.parted_until_s = to.world.loop.time() + fault.for_s

    to.world.traps.append(Trap("send", 1, is_after=True, act=act))


PROCESS: Final[Mapping[str, Effect]] = {
    "kill": _kill,
    "kill_at_commit": _kill_at("commit"),
    "kill_at_send": _kill_at("send"),
    "kill_at_write": _kill_at("write"),
    "kill_at_order": _kill_at("order"),
    "kill_recovery": _kill_recovery,
    "stall": _stall,
    "stall_split": _stall_split,
    "stall_before_write": _stall_at("send", is_after=True),
    "stall_in_write": _stall_at("order", is_after=False),
    "hold_order": _hold_order,
    "slow_disk": _stall_at("commit", is_after=False),
    "day_end": _day_end,
}
