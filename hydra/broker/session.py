"""`IbBroker`: one client id's view of IB, over as many connections as it takes.

One supervisor keeps exactly one connection: it connects, reads the books, beats, subscribes again what is
watched, and starts over when anything of that fails. It never gives up and never changes its client id.
Orders are written by `orders`, books are read by `snapshot`; here is only who may ask whom, and when.
"""

import asyncio
from collections.abc import Sequence

from hydra.broker import account, contracts, history, orders, snapshot
from hydra.broker.connection import Connection
from hydra.broker.connectivity import LinkWatch
from hydra.broker.intake import Books
from hydra.broker.market_data import MarketData
from hydra.broker.options import BrokerOptions
from hydra.broker.reports import Inbox
from hydra.broker.subscriptions import Subscriptions
from hydra.broker.supervision import Supervisor
from hydra.domain.contract import Contract
from hydra.domain.errors import Unavailable
from hydra.domain.events import ChildSending
from hydra.domain.evidence import BrokerSnapshot, Report, WorkingOrder
from hydra.domain.market import DailyBar, Quote
from hydra.ports import (
    AccountState,
    Clock,
    Link,
    Log,
    NotSent,
    RecordedSending,
    Refused,
    Sent,
    Unknown,
    silent,
)
from hydra.risk.gate import Verdict
from hydra.risk.last_hop import LastHop


class IbBroker:
    """The Broker port over ib_async; every method belongs to the loop that owns the connection."""

    def __init__(
        self, options: BrokerOptions, clock: Clock, last_hop: LastHop | None = None, log: Log = silent
    ) -> None:
        self.options = options
        self.client_id = options.client_id
        self.last_hop = last_hop if last_hop is not None else LastHop()
        self._clock = clock
        self._books = Books(
            options=options,
            clock=clock,
            inbox=Inbox(),
            quotes=MarketData(allow_delayed=options.allow_delayed),
            watch=LinkWatch(
                heartbeat_age_s_max=options.heartbeat_interval_s + options.heartbeat_deadline_s,
                skew_s_max=options.skew_s_max,
                relevant_farms=options.relevant_farms,
            ),
            last_hop=self.last_hop,
            log=log,
        )
        self._subscriptions = Subscriptions(self._books)
        self._supervisor = Supervisor(
            self._books, self._subscriptions, self._snapshot_of, self._lift_ids, self._next_id
        )
        self._id_floor = 0
        self._reading = asyncio.Lock()

    # --- the link ---

    @property
    def account(self) -> str:
        """The account orders go to; empty until the first connect proved it."""
        connection = self._supervisor.connection
        return connection.intake.account if connection is not None else self.options.account or ""

    @property
    def link(self) -> Link:
        watch, wall_s = self._books.watch, self._clock.wall_s()
        reason = watch.reason(wall_s)
        if not reason and self._books.inbox.is_overfull:
            reason = "nobody reads the reports"
        return Link(
            is_good=not reason,
            reason=reason,
            good_since_wall_s=watch.good_since_wall_s(wall_s),
            connection_no=watch.connection_no,
            skew_s=watch.skew_s,
        )

    async def connect(self) -> None:
        """One attempt; HY-3xx (Unavailable, or UserError for what waiting does not mend) says why not."""
        await self._supervisor.connect()

    async def supervise(self) -> None:
        """Keeps the connection until `close`; only a UserError (wrong account or mode) ends it earlier."""
        await self._supervisor.run()

    async def close(self) -> None:
        """Ends the connection and everything in flight; orders at IB live on."""
        await self._supervisor.close()

    # --- ids ---

    def raise_ids_above(self, largest: int) -> None:
        """No id of this process will be `largest` or less, on any connection."""
        self._id_floor = max(self._id_floor, largest)
        connection = self._supervisor.connection
        if connection is not None:
            self._lift_ids(connection)

    def next_order_id(self) -> int:
        """A fresh id from the one counter of orders and requests; Unavailable while not connected."""
        connection = self._up()
        if connection is None:
            raise Unavailable("HY-311", problem=self.link.reason)
        return self._next_id(connection)

    def _next_id(self, connection: Connection) -> int:
        fresh = int(connection.client.getReqId())
        self._id_floor = max(self._id_floor, fresh)
        return fresh

    def _lift_ids(self, connection: Connection) -> None:
        connection.client.updateReqId(self._id_floor + 1)

    # --- orders ---

    def place(self, recorded: RecordedSending, contract: Contract, verdict: Verdict) -> Sent | NotSent:
        """Writes one recorded child, synchronously; NotSent only when surely nothing was written."""
        outcome = orders.place(self._books, self._up(), self.link, recorded, contract, verdict)
        self._books.inbox.ring()  # its acknowledgement is due from now on: who tends the books looks again
        return outcome

    def cancel(self, sending: ChildSending) -> bool:
        """Writes one cancel of a child this client id sent; repeatable, and no proof of anything."""
        return orders.cancel(self._up(), self.client_id, sending)

    def cancel_id(self, ib_order_id: int) -> bool:
        """Writes one cancel by order id, known to the ledger or not; False when it could not leave now."""
        return orders.cancel_id(self._up(), ib_order_id)

    def cancel_everything(self) -> bool:
        """Writes reqGlobalCancel, which also ends manual orders; False when it could not leave now."""
        return orders.cancel_everything(self._up())

    async def open_orders(self) -> Sequence[WorkingOrder] | Unknown:
        """Every order the gateway holds, of every client, to its end marker."""
        connection = self._up()
        if connection is None:
            return Unknown(self.link.reason)
        return await snapshot.open_orders(self._books, connection)

    def reports(self) -> Sequence[Report]:
        """Everything said since the last call, in the order it arrived."""
        return self._books.inbox.drain()

    async def wait_report(self, timeout_s: float) -> bool:
        """Until a report, a change of the link or `wake`; False when the wall seconds passed first."""
        return await self._books.inbox.wait(timeout_s)

    def wake(self) -> None:
        self._books.inbox.ring()

    async def snapshot(self) -> BrokerSnapshot | Unknown:
        """The broker's books, asked afresh and read to every end marker."""
        connection = self._up()
        if connection is None:
            return Unknown(self.link.reason)
        return await self._snapshot_of(connection)

    async def _snapshot_of(self, connection: Connection) -> BrokerSnapshot | Unknown:
        """One at a time: each begins after the one before has ended, and its deadlines are its own."""
        async with self._reading:
            try:
                return await snapshot.take(self._books, connection, lambda: self._next_id(connection))
            except ConnectionError as problem:
                return Unknown(str(problem))

    # --- markets and account ---

    async def qualify(self, symbol: str, month: str | None = None) -> Contract | Refused | Unknown:
        """The contract of `month` (YYYYMM), or the front by the rule of `front_days_min`."""
        connection = self._up()
        if connection is None:
            return Unknown(self.link.reason)
        return await contracts.qualify(
            self._books, connection, lambda: self._next_id(connection), symbol, month
        )

    async def qualify_id(self, con_id: int) -> Contract | Refused | Unknown:
        """The contract of an IB contract id, for what is held already."""
        connection = self._up()
        if connection is None:
            return Unknown(self.link.reason)
        return await contracts.qualify_id(self._books, connection, lambda: self._next_id(connection), con_id)

    async def watch(self, contract: Contract) -> Refused | Unknown | None:
        """Subscribes level 1 for as long as this broker lives; None = quotes have begun to come."""
        connection = self._up()
        if connection is None:
            self._subscriptions.want(contract)
            return Unknown(self.link.reason)
        return await self._subscriptions.watch(connection, contract, lambda: self._next_id(connection))

    def symbol_of(self, con_id: int) -> str:
        """The symbol of a contract that stood among the positions; empty for any other."""
        return self._books.symbols.get(con_id, "")

    def quote(self, con_id: int) -> Quote | None:
        """The last known level 1; its `changed_at` tells how old it is."""
        return self._books.quotes.quote(con_id)

    async def daily_bars(self, contract: Contract, days: int) -> Sequence[DailyBar] | Refused | Unknown:
        connection = self._up()
        if connection is None:
            return Unknown(self.link.reason)
        return await history.daily_bars(
            self._books, connection, lambda: self._next_id(connection), contract, days
        )

    async def account_state(self) -> AccountState | Unknown:
        connection = self._up()
        if connection is None:
            return Unknown(self.link.reason)
        return await account.account_state(self._books, connection, lambda: self._next_id(connection))

    def _up(self) -> Connection | None:
        connection = self._supervisor.connection
        return connection if connection is not None and connection.is_up else None
