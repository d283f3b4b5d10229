"""One look at a gateway as a diagnostician: connect, ask, note everything it says, hang up.

It places nothing. Whether orders would be taken is asked by cancelling an order id that was never used: a
read-only gateway refuses even that with 321, any other one says that there is no such order.
"""

import asyncio
from dataclasses import dataclass

from hydra.broker.connection import Connection, account_of
from hydra.broker.connectivity import LinkWatch, Upstream
from hydra.broker.intake import Books
from hydra.broker.market_data import MarketData
from hydra.broker.options import BrokerOptions
from hydra.broker.reports import Inbox
from hydra.broker.snapshot import open_orders
from hydra.domain.errors import HydraError, UserError
from hydra.domain.evidence import OrderErrorReport
from hydra.ports import Clock, Unknown
from hydra.risk.last_hop import LastHop

READ_ONLY = 321
ANSWER_WALL_S = 1.0
NOTICES_WALL_S = 0.2


@dataclass(frozen=True, slots=True)
class Probe:
    """What one connection found; `failure` is why there was none, all else is then unknown."""

    failure: HydraError | None
    server_version: int = 0
    account_problem: UserError | None = None
    accounts: tuple[str, ...] = ()
    skew_s: float | None = None
    lost_ib: bool = False
    broken_farms: tuple[str, ...] = ()
    is_read_only: bool = False
    unanswered: str = ""


class _AnyAccount(Connection):
    """A connection that takes whatever account is served: which one it is, is the question."""

    def _account(self) -> str:
        return ""


async def probe(options: BrokerOptions, clock: Clock) -> Probe:
    """Connect under the given client id and look; never raises what the gateway causes."""
    books = Books(
        options=options,
        clock=clock,
        inbox=Inbox(),
        quotes=MarketData(allow_delayed=False),
        watch=LinkWatch(heartbeat_age_s_max=60.0, skew_s_max=60.0, relevant_farms=frozenset()),
        last_hop=LastHop(),
    )
    connection = _AnyAccount(books)
    try:
        await connection.open()
    except HydraError as failure:
        return Probe(failure)
    books.watch.connected(clock.wall_s())
    try:
        return await _look(books, connection)
    finally:
        await connection.close("looked")


async def _look(books: Books, connection: Connection) -> Probe:
    served = tuple(connection.client.getAccounts())
    beat = await connection.requests.ask_fixed("currentTime", connection.client.reqCurrentTime, ANSWER_WALL_S)
    held = await open_orders(books, connection)
    is_read_only = await _refuses_orders(books, connection)
    await asyncio.sleep(NOTICES_WALL_S)
    silent = [
        part
        for part, answer in (("the time", beat), ("the open orders", held))
        if isinstance(answer, Unknown) and answer.reason
    ]
    return Probe(
        failure=None,
        server_version=int(connection.client.serverVersion()),
        account_problem=_account_problem(books.options, served),
        accounts=served,
        skew_s=books.watch.skew_s,
        lost_ib=books.watch.upstream is Upstream.LOST,
        broken_farms=tuple(sorted(farm or "unnamed" for farm in books.watch.broken_farms)),
        is_read_only=is_read_only,
        unanswered="" if is_read_only else " and ".join(silent),
    )


async def _refuses_orders(books: Books, connection: Connection) -> bool:
    """Whether order messages are refused as such; silence is no refusal."""
    unused = int(connection.client.getReqId())
    connection.client.cancelOrder(unused)
    until = asyncio.get_running_loop().time() + ANSWER_WALL_S
    while asyncio.get_running_loop().time() < until:
        told = [one for one in books.inbox.drain() if isinstance(one, OrderErrorReport)]
        answer = next((one for one in told if one.ib_order_id == unused), None)
        if answer is not None:
            return answer.code == READ_ONLY
        await asyncio.sleep(0.01)
    return False


def _account_problem(options: BrokerOptions, served: tuple[str, ...]) -> UserError | None:
    try:
        account_of(options, served)
    except UserError as problem:
        return problem
    return None
