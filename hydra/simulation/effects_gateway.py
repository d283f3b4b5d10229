"""What is done at the gateway, by the faults of its own catalogue."""

from collections.abc import Callable, Mapping
from typing import Final

from hydra.simulation.faults import Fault
from hydra.simulation.injector import Effect, Injector, number_in
from hydra.simulation.world import World

_FLAPS: Final = 20
_DAY_S: Final = 86_400.0


def _rule(name: str, *kinds: str) -> Effect:
    """A treatment of messages, for as long as the fault lasts."""

    def inject(to: Injector, fault: Fault) -> bool:
        options = {**fault.options, "for_s": fault.for_s}
        if not kinds:
            return to.ask_gateway(name, **options)
        done = [to.ask_gateway(name, **{"kind": kind, **options}) for kind in kinds]
        return all(done)

    return inject


def _once(name: str, **fixed: object) -> Effect:
    return lambda to, fault: to.ask_gateway(name, **{**fixed, **fault.options})


def _own_once(name: str) -> Effect:
    """Armed for the next such moment of an order of ours; it happens when the gateway passes there."""
    return lambda to, fault: to.arm_gateway(name, fault)


def _and_drop(name: str) -> Effect:
    def inject(to: Injector, fault: Fault) -> bool:
        options = dict(fault.options)
        if name == "next_valid_id_rollback":
            options["client_id"] = 1
        return to.ask_gateway(name, **options) and to.ask_gateway("drop")

    return inject


def _link(back: str) -> Effect:
    def inject(to: Injector, fault: Fault) -> bool:
        if not to.world.gateway.faults.is_link_up:
            return False
        to.later(fault.for_s, to.ask_gateway, back)
        return to.ask_gateway("1100")

    return inject


def _until(name: str, undo: Callable[[World], None], **fixed: object) -> Effect:
    def inject(to: Injector, fault: Fault) -> bool:
        to.later(fault.for_s, undo, to.world)
        return to.ask_gateway(name, **fixed)

    return inject


def _completed_again(world: World) -> None:
    world.gateway.faults.completed = "normal"


def _executions_again(world: World) -> None:
    world.gateway.faults.executions = "normal"


def _restart(to: Injector, fault: Fault) -> bool:
    options = {"for_s": fault.for_s} if fault.for_s else {}
    return to.ask_gateway("restart", **options)


def _no_login(to: Injector, fault: Fault) -> bool:
    return to.ask_gateway("refuse", for_s=fault.for_s) and to.ask_gateway("drop")


def _flap(to: Injector, fault: Fault) -> bool:
    if not to.world.gateway.faults.is_link_up:
        return False
    for nth in range(_FLAPS):
        to.later(fault.for_s * nth / _FLAPS, to.ask_gateway, "1100")
        to.later(fault.for_s * (nth + 0.5) / _FLAPS, to.ask_gateway, "1102")
    return True


def _repeat(kind: str) -> Effect:
    def inject(to: Injector, fault: Fault) -> bool:
        to.world.gateway.faults.add_rule("duplicate", kind, {"for_s": fault.for_s})
        return True

    return inject


def _farm(to: Injector, fault: Fault) -> bool:
    to.later(fault.for_s, lambda: to.ask_gateway("farm", code=2104))
    return to.ask_gateway("farm", code=2103)


def _at_symbol(name: str) -> Effect:
    return lambda to, fault: to.ask_gateway(
        name, symbol=next(iter(to.world.scenario.targets)), **fault.options
    )


def _halt(to: Injector, fault: Fault) -> bool:
    symbol = next(iter(to.world.scenario.targets))
    gap = int(number_in(fault, "gap_ticks"))
    to.later(fault.for_s, lambda: to.ask_gateway("resume", symbol=symbol, gap_ticks=gap))
    return to.ask_gateway("halt", symbol=symbol)


def _dip(to: Injector, fault: Fault) -> bool:
    """Against what is held of the first symbol that is held at all."""
    held = [one for one in to.world.gateway.gateway.core.state.account.positions.values() if one.qty]
    if not held:
        return False
    symbol, gap = held[0].symbol, int(number_in(fault, "gap_ticks")) * (-1 if held[0].qty > 0 else 1)

    def jump(ticks: int) -> bool:
        to.ask_gateway("halt", symbol=symbol)
        return to.ask_gateway("resume", symbol=symbol, gap_ticks=ticks)

    to.later(fault.for_s, jump, -gap)
    return jump(gap)


def _for_a_while(name: str, over: str) -> Effect:
    """What befalls the market of the first symbol, and ends."""

    def inject(to: Injector, fault: Fault) -> bool:
        symbol = next(iter(to.world.scenario.targets))
        to.later(fault.for_s, lambda: to.ask_gateway(name, symbol=symbol, value=over))
        return to.ask_gateway(name, **{"symbol": symbol, **fault.options})

    return inject


def _bust_next_day(to: Injector, fault: Fault) -> None:
    """At the same hour of the next day, around the moment at which a person runs the session once more."""
    to.lasts(_DAY_S)

    def bust() -> None:
        if to.ask_gateway("bust"):
            to.spring(fault)

    to.later(_DAY_S + number_in(fault, "after_s") - to.world.loop.time(), bust)


def _margin(to: Injector, fault: Fault) -> bool:
    to.later(fault.for_s, lambda: to.ask_gateway("margin", factor=1.0))
    return to.ask_gateway("margin", factor=number_in(fault, "factor"))


GATEWAY: Final[Mapping[str, Effect]] = {
    "delay_status": _rule("delay", "orderStatus", "openOrder"),
    "delay_exec": _rule("delay", "execDetails"),
    "late_commission": _rule("delay", "commissionReport"),
    "duplicate_status": _rule("duplicate_status"),
    "duplicate_exec": _rule("duplicate_exec"),
    "duplicate_commission": _repeat("commissionReport"),
    "reorder": _once("reorder"),
    "lose_ack": _own_once("lose_ack"),
    "lose_request": _own_once("lose_request"),
    "instant_fill": _own_once("fill"),
    "cancel_fill_race": _own_once("fill"),
    "fill_after_cancel": _own_once("late_fill"),
    "late_beyond_settle": _own_once("late_fill"),
    "link_1101": _link("1101"),
    "link_1102": _link("1102"),
    "link_flaps": _flap,
    "zombie_326": lambda to, fault: to.ask_gateway("zombie_326", seconds=fault.for_s),
    "gateway_restart": _restart,
    "nightly_restart": _restart,
    "id_rollback": _and_drop("next_valid_id_rollback"),
    "warning": _once("warn"),
    "wrong_cancelled": _once("wrong_cancelled"),
    "correction": _once("correction"),
    "mute_completed": _until("mute_completed", _completed_again),
    "empty_completed": _until("empty_completed", _completed_again),
    "silent_executions": _until("silent_executions", _executions_again),
    "mute_end": _rule("mute"),
    "mute_status": _rule("mute", "orderStatus"),
    "mute_exec": _rule("mute", "execDetails"),
    "reject": _once("reject"),
    "freeze": _rule("freeze"),
    "error_100": _once("error_100"),
    "quotes_refused": _and_drop("error_354_next_request"),
    "farm_broken": _farm,
    "no_login": _no_login,
    "liquidation": _at_symbol("liquidate"),
    "manual_trade": _at_symbol("manual_trade"),
    "bust": _once("bust"),
    "bust_next_day": _bust_next_day,
    "margin": _margin,
    "halt": _halt,
    "price_dip": _dip,
    "locked_limit": _for_a_while("lock_limit", "none"),
    "empty_book": _for_a_while("empty_book", "back"),
    "visibility": _once("visibility"),
}
