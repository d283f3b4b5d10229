"""The kill switch at the broker: cancel what is in scope, by order id or all at once, and prove it gone.

It asks no ledger, no Prefect and no worker. What it knows is what the gateway answers on the client id it
holds; two whole readings of the broker's books, cancel_settle apart, without the orders are the proof.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hydra.domain.errors import Unavailable
from hydra.domain.evidence import BrokerSnapshot, WorkingOrder
from hydra.domain.ids import is_own_ref, parent_of, parse_parent_id
from hydra.domain.latch import EVERYTHING
from hydra.execution.evidence import TERMINAL_STATUSES
from hydra.ports import Canceller, Clock, Unknown

POLL_WALL_S = 0.05
CANCEL_AGAIN_WALL_S = 2.0
ID_IN_USE = "HY-305"

Say = Callable[..., None]
OrderKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Patience:
    """Wall seconds: for the whole proof, and between its two readings."""

    proof_wall_s: float
    cancel_settle_wall_s: float


@dataclass(slots=True)
class Withdrawal:
    """What a kill did: the orders it went for, those still working, and the books it last read whole."""

    scope: str
    client_id: int
    is_global: bool = False
    targets: dict[OrderKey, WorkingOrder] = field(default_factory=dict)
    working: list[WorkingOrder] = field(default_factory=list)
    out_of_reach: list[WorkingOrder] = field(default_factory=list)
    books: BrokerSnapshot | None = None
    is_proven: bool = False
    _cancelled_wall_s: dict[OrderKey, float] = field(default_factory=dict)

    def filled(self, order: WorkingOrder) -> int:
        """Lots of this order that the books show as executed today."""
        executions = self.books.executions if self.books is not None else ()
        return sum(one.qty for one in executions if one.perm_id == order.perm_id)

    def aims_at(self, order: WorkingOrder) -> bool:
        """Whether the order is still alive and within the scope of this kill."""
        if order.status in TERMINAL_STATUSES:
            return False
        return self.is_global or in_scope(order, self.scope, self.client_id)


def together(parts: Sequence[Withdrawal]) -> Withdrawal:
    """The same kill on several client ids as one: proven when every part is."""
    first = parts[0]
    whole = Withdrawal(first.scope, first.client_id, first.is_global)
    own = {one.client_id for one in parts}
    for one in parts:
        whole.targets |= one.targets
        whole.working += one.working
        whole.out_of_reach += [order for order in one.out_of_reach if order.client_id not in own]
        whole.books = one.books or whole.books
    whole.is_proven = all(one.is_proven for one in parts)
    return whole


def in_scope(order: WorkingOrder, scope: str, client_id: int) -> bool:
    """ALL: every order of our client id, and every one with a reference of ours; else by its reference."""
    is_ours = is_own_ref(order.order_ref)
    if scope == EVERYTHING:
        return is_ours or order.client_id == client_id
    if not is_ours:
        return False
    parent = parent_of(order.order_ref)
    return scope in (parent, parse_parent_id(parent).symbol)


async def connect(broker: Canceller, clock: Clock, patience_wall_s: float) -> None:
    """Tries until the patience ends; raises the last reason. What waiting cannot mend is raised at once."""
    until = clock.wall_s() + patience_wall_s
    while True:
        try:
            await broker.connect()
            return
        except Unavailable as problem:
            if clock.wall_s() >= until or problem.code not in (ID_IN_USE, "HY-301", "HY-302"):
                raise
        await clock.sleep_wall(POLL_WALL_S)


async def withdraw(
    broker: Canceller, scope: str, clock: Clock, patience: Patience, say: Say, *, is_global: bool = False
) -> Withdrawal:
    """Cancel everything in scope and prove it gone; `is_proven` is False when the patience ended first.

    `is_global` ends every order of every client with one message, for when the client id cannot be had.
    """
    done = Withdrawal(scope, broker.client_id, is_global)
    until = clock.wall_s() + patience.proof_wall_s
    await _cancel_first(broker, done, clock, until, say)
    first: BrokerSnapshot | None = None
    while clock.wall_s() < until:
        books = await _read(broker, clock)
        if isinstance(books, Unknown):
            say("hydra.kill.unproven", reason=books.reason)
            first = None
            await clock.sleep_wall(POLL_WALL_S)
            continue
        done.books = books
        working = _sort_out(done, books.working)
        if working:
            first = None
            _cancel(broker, done, clock)
        elif first is None or first.connection_no != books.connection_no:
            first = books
        elif books.begun_wall_s - first.begun_wall_s >= patience.cancel_settle_wall_s:
            done.is_proven = not done.out_of_reach
            break
        await clock.sleep_wall(POLL_WALL_S)
    return done


async def _cancel_first(broker: Canceller, done: Withdrawal, clock: Clock, until: float, say: Say) -> None:
    """The first cancels leave after one question, or after none where everything is cancelled at once."""
    if done.is_global:
        # asked before, so that the answer names what is cancelled; not waited for
        asked = asyncio.ensure_future(broker.open_orders())
        await clock.sleep_wall(POLL_WALL_S)
        while not _cancel(broker, done, clock) and clock.wall_s() < until:
            await clock.sleep_wall(POLL_WALL_S)
        say("hydra.kill.cancelled", orders="all of every client")
        orders = await asked
        if not isinstance(orders, Unknown):
            _sort_out(done, orders)
        return
    while clock.wall_s() < until:
        orders = await broker.open_orders()
        if not isinstance(orders, Unknown):
            _sort_out(done, orders)
            break
        say("hydra.kill.unread", reason=orders.reason)
        await _again(broker, clock)
    while not _cancel(broker, done, clock) and clock.wall_s() < until:
        await clock.sleep_wall(POLL_WALL_S)
    say("hydra.kill.cancelled", orders=len(done.targets))


def _sort_out(done: Withdrawal, orders: Sequence[WorkingOrder]) -> list[WorkingOrder]:
    """What is still to be cancelled of these, by whom it can be; every order aimed at is remembered."""
    aimed = [order for order in orders if done.aims_at(order)]
    done.working = [order for order in aimed if done.is_global or order.client_id == done.client_id]
    done.out_of_reach = [order for order in aimed if order not in done.working]
    done.targets |= {_key(order): order for order in aimed}
    return done.working


def _cancel(broker: Canceller, done: Withdrawal, clock: Clock) -> bool:
    """Cancel each working order not cancelled lately; False while some could not leave yet."""
    if done.is_global:
        latest = done._cancelled_wall_s.get((0, 0), float("-inf"))
        if clock.wall_s() - latest < CANCEL_AGAIN_WALL_S:
            return True
        if not broker.cancel_everything():
            return False
        done._cancelled_wall_s[0, 0] = clock.wall_s()
        return True
    for order in done.working:
        latest = done._cancelled_wall_s.get(_key(order), float("-inf"))
        if clock.wall_s() - latest < CANCEL_AGAIN_WALL_S:
            continue
        if not broker.cancel_id(order.ib_order_id):
            return False
        done._cancelled_wall_s[_key(order)] = clock.wall_s()
    return True


async def _read(broker: Canceller, clock: Clock) -> BrokerSnapshot | Unknown:
    """The books; where they could not be read, a connection for the next attempt."""
    books = await broker.snapshot()
    if isinstance(books, Unknown):
        await _again(broker, clock)
    return books


async def _again(broker: Canceller, clock: Clock) -> None:
    """A connection where there is none; one that stands is kept."""
    await clock.sleep_wall(POLL_WALL_S)
    try:
        await broker.connect()
    except Unavailable:
        pass  # the caller asks again and says why it cannot


def _key(order: WorkingOrder) -> OrderKey:
    return (order.client_id, order.ib_order_id) if order.ib_order_id else (-1, order.perm_id)
