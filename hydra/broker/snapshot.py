"""The broker's books, asked afresh: positions, then all open orders, then executions, each to its end.

One missing end marker makes the whole answer Unknown: a timeout is never "flat" or "none". Executions are
asked only after the open orders came to their end, so that a child cannot hide between the two.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import cast
from zoneinfo import ZoneInfo

from ib_async import contract as ib_contract
from ib_async import order as ib_order
from ib_async.objects import ExecutionFilter

from hydra.broker import translate
from hydra.broker.connection import Connection
from hydra.broker.connectivity import Upstream
from hydra.broker.intake import Books
from hydra.domain.evidence import (
    BrokerSnapshot,
    CommissionReport,
    CompletedOrder,
    ExecutionReport,
    WorkingOrder,
)
from hydra.ports import Refused, Unknown


async def take(books: Books, connection: Connection, next_id: Callable[[], int]) -> BrokerSnapshot | Unknown:
    """The whole books, or Unknown with the part that did not come."""
    clock, watch, intake = books.clock, books.watch, connection.intake
    begun_at, begun_wall_s, alarms, breaks = clock.now(), clock.wall_s(), intake.alarms, watch.breaks
    if watch.upstream is Upstream.LOST:
        return Unknown("the gateway lost IB (1100)")
    asked = await _ask_all(books, connection, next_id)
    if isinstance(asked, Unknown):
        return asked
    positions, working, (executions, commissions), completed = asked
    ended_at, ended_wall_s = clock.now(), clock.wall_s()
    if intake.alarms != alarms:
        return Unknown("a message that bears on orders could not be read")
    if not connection.is_up:
        return Unknown(intake.loss or "the connection was lost")
    broker_day = ended_at.astimezone(_zone(books)).date()
    if broker_day != begun_at.astimezone(_zone(books)).date():
        return Unknown("the broker's day changed while its books were read")
    was_good = watch.good_since_wall_s(ended_wall_s) <= begun_wall_s - books.options.settle_s
    if watch.breaks == breaks:
        watch.synced(ended_wall_s)
    return BrokerSnapshot(
        client_id=books.options.client_id,
        connection_no=watch.connection_no,
        begun_at=begun_at,
        ended_at=ended_at,
        begun_wall_s=begun_wall_s,
        ended_wall_s=ended_wall_s,
        link_was_good=was_good,
        broker_day=broker_day,
        positions=positions,
        working=working,
        executions=executions,
        commissions=commissions,
        completed=completed,
    )


async def open_orders(books: Books, connection: Connection) -> Sequence[WorkingOrder] | Unknown:
    """Every order the gateway holds, of every client, to its end marker."""
    rows = await connection.requests.ask_fixed(
        "openOrders", connection.client.reqAllOpenOrders, books.options.request_timeout_s
    )
    if not isinstance(rows, list):
        return _unknown("open orders", rows)
    return _latest(cast(list[WorkingOrder], rows))


_Asked = tuple[
    dict[int, int],
    tuple[WorkingOrder, ...],
    tuple[tuple[ExecutionReport, ...], tuple[CommissionReport, ...]],
    tuple[CompletedOrder, ...] | None,
]


async def _ask_all(books: Books, connection: Connection, next_id: Callable[[], int]) -> _Asked | Unknown:
    timeout_s = books.options.request_timeout_s
    requests, client = connection.requests, connection.client
    positions = await requests.ask_fixed("positions", client.reqPositions, timeout_s)
    if not isinstance(positions, list):
        return _unknown("positions", positions)
    working = await open_orders(books, connection)
    if isinstance(working, Unknown):
        return working
    told = await _executions(books, connection, next_id)
    if isinstance(told, Unknown):
        return told
    completed = await _completed(books, connection)
    lots = dict(cast(list[tuple[int, int]], positions))
    held = {con_id: position for con_id, position in lots.items() if position != 0}
    return held, tuple(working), told, completed


async def _executions(
    books: Books, connection: Connection, next_id: Callable[[], int]
) -> tuple[tuple[ExecutionReport, ...], tuple[CommissionReport, ...]] | Unknown:
    """Today's executions; the filter names the account: some gateways leave an empty one unanswered."""
    requests, client = connection.requests, connection.client
    try:
        req_id = next_id()
    except ConnectionError as problem:
        return Unknown(str(problem))
    wanted = ExecutionFilter(acctCode=connection.intake.account)
    with requests.listening("commissions") as commissions:
        rows = await requests.ask(
            req_id, lambda: client.reqExecutions(req_id, wanted), books.options.request_timeout_s
        )
        # A commission follows its execution; those of this answer may come right behind its end marker.
        await asyncio.sleep(0)
    if not isinstance(rows, list):
        return _unknown("executions", rows)
    executions = tuple(cast(list[ExecutionReport], rows))
    known = {execution.exec_id for execution in executions}
    told = {one.exec_id: one for one in cast(list[CommissionReport], commissions) if one.exec_id in known}
    return executions, tuple(told.values())


async def _completed(books: Books, connection: Connection) -> tuple[CompletedOrder, ...] | None:
    """Completed orders corroborate and are never required: None when they did not come."""
    if not books.options.with_completed or connection.requests.owes("completedOrders"):
        return None
    rows = await connection.requests.ask_fixed(
        "completedOrders",
        lambda: connection.client.reqCompletedOrders(False),
        books.options.request_timeout_s,
        is_required=False,
    )
    if not isinstance(rows, list):
        return None
    triples = cast(list[tuple[ib_contract.Contract, ib_order.Order, ib_order.OrderState]], rows)
    return tuple(translate.completed_of(*triple) for triple in triples)


def _latest(rows: Sequence[WorkingOrder]) -> tuple[WorkingOrder, ...]:
    """One row per order, the last told; an order is a permId, or an id of its client before it has one."""
    return tuple({row.perm_id or (row.client_id, row.ib_order_id): row for row in rows}.values())


def _unknown(part: str, answer: Refused | Unknown) -> Unknown:
    text = answer.reason if isinstance(answer, Unknown) else f"refused with {answer.code} {answer.text}"
    return Unknown(f"{part}: {text}")


def _zone(books: Books) -> ZoneInfo:
    return ZoneInfo(books.options.broker_zone)


def broker_day(books: Books) -> date:
    """The broker's trading day now: midnight to midnight in the gateway's zone."""
    return books.clock.now().astimezone(_zone(books)).date()
