"""What is done to the machine: its disk, its files, its clock."""

from collections.abc import Mapping
from typing import Final

from hydra.simulation.damage import damage
from hydra.simulation.faults import Fault
from hydra.simulation.injector import Effect, Injector, number_in


def _busy(to: Injector, fault: Fault) -> bool:
    to.world.disk.busy_until_s = to.world.loop.time() + fault.for_s
    return True


def _full(to: Injector, fault: Fault) -> bool:
    to.world.disk.full_until_s = to.world.loop.time() + fault.for_s
    to.world.disk.is_full_at_commit = bool(fault.options["is_at_commit"])
    return True


def _io_error(to: Injector, fault: Fault) -> bool:
    to.world.disk.io_errors += 1
    to.world.disk.is_committed_at_error = bool(fault.options["is_committed"])
    return True


def _damage(to: Injector, fault: Fault) -> bool:
    to.crew.pause(number_in(fault, "restart_s"))
    return damage(to.world, fault)


def _out_of_files(to: Injector, fault: Fault) -> bool:
    world = to.world
    world.network.is_out_of_sockets = world.disk.is_out_of_files = True

    def enough() -> None:
        world.network.is_out_of_sockets = world.disk.is_out_of_files = False

    to.later(fault.for_s, enough)
    return to.ask_gateway("drop")


def _clock_jump(to: Injector, fault: Fault) -> bool:
    machine, seconds = to.world.machine, number_in(fault, "seconds")
    machine.jump_s += seconds

    def back() -> None:
        machine.jump_s -= seconds

    to.later(fault.for_s, back)
    return True


def _clock_drift(to: Injector, fault: Fault) -> bool:
    machine = to.world.machine
    machine.drifts_since_s, machine.drift_ppm = to.world.loop.time(), number_in(fault, "ppm")
    to.later(fault.for_s, setattr, machine, "drift_ppm", 0.0)
    return True


MACHINE: Final[Mapping[str, Effect]] = {
    "db_busy": _busy,
    "db_full": _full,
    "db_io_error": _io_error,
    "db_bit_flip": _damage,
    "db_wal_cut": _damage,
    "db_old_file": _damage,
    "out_of_files": _out_of_files,
    "clock_jump": _clock_jump,
    "clock_drift": _clock_drift,
}
