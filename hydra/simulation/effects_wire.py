"""What is done to the connection between the two sides."""

from collections.abc import Mapping
from random import Random
from typing import Final

from hydra.simulation.faults import Fault
from hydra.simulation.injector import Effect, Injector, number_in


def _cut(is_reset: bool) -> Effect:
    def cut(to: Injector, fault: Fault) -> bool:
        sessions = list(to.world.gateway.sessions)
        for session in sessions:
            if is_reset:
                session.reset()
            else:
                session.close()
        return bool(sessions)

    return cut


def _half_open(to: Injector, fault: Fault) -> bool:
    pipes = [pipe for pipe in to.world.network.pipes if pipe.owner is None]
    for pipe in pipes:
        pipe.is_silent = True
        if pipe.peer is not None:
            pipe.peer.is_silent = True
        to.later(fault.for_s, pipe.lose, TimeoutError("no answer from the other end"))
    return bool(pipes)


def _partition(to: Injector, fault: Fault) -> bool:
    to.world.network.parted_until_s = to.world.loop.time() + fault.for_s
    return True


def _split(to: Injector, fault: Fault) -> bool:
    network = to.world.network
    network.segments = lambda data: [data[at : at + 1] for at in range(min(len(data), 64))] + [data[64:]]

    def whole() -> None:
        network.segments = lambda data: (data,)

    to.later(fault.for_s, whole)
    return True


def _coalesce(to: Injector, fault: Fault) -> bool:
    network = to.world.network
    network.collect_s = number_in(fault, "seconds")
    to.later(fault.for_s, setattr, network, "collect_s", 0.0)
    return True


def _lag(to: Injector, fault: Fault) -> bool:
    network, usual = to.world.network, to.world.scenario.latency_s
    network.latency_s = lambda: number_in(fault, "seconds")

    def usual_again() -> None:
        network.latency_s = lambda: usual

    to.later(fault.for_s, usual_again)
    return True


def _swizzle(to: Injector, fault: Fault) -> bool:
    """Every end of every connection freezes in turn during the first half, and thaws during the second."""
    rng = Random(f"swizzle/{to.world.scenario.seed}/{fault.at_s}")
    ends = list(to.world.network.pipes)
    thaws = rng.sample(ends, len(ends))
    for nth, (first, last) in enumerate(zip(rng.sample(ends, len(ends)), thaws, strict=True)):
        half_s = fault.for_s / 2
        to.later(half_s * nth / len(ends), first.freeze)
        to.later(half_s + half_s * (nth + 1) / len(ends), last.thaw)
    return bool(ends)


WIRE: Final[Mapping[str, Effect]] = {
    "fin": _cut(is_reset=False),
    "rst": _cut(is_reset=True),
    "half_open": _half_open,
    "partition": _partition,
    "split_bytes": _split,
    "coalesce": _coalesce,
    "lag": _lag,
    "swizzle": _swizzle,
}
