"""The wire's messages handed on as they came, before the client library builds its own view of them.

What bears on orders is read from the raw fields; the long layouts (openOrder, completedOrder,
contractDetails) are decoded by the library. No Trade, Ticker or Fill object is ever made, so nothing of the
library's state can be believed, grow, or cost time. A message that cannot be read is never dropped silently.
"""

import logging
from asyncio import BaseTransport
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from eventkit import Event
from ib_async import IB
from ib_async.client import Client
from ib_async.connection import Connection
from ib_async.contract import Contract, ContractDetails
from ib_async.decoder import Decoder
from ib_async.objects import BarData, PriceIncrement
from ib_async.order import Order, OrderState
from ib_async.wrapper import RequestError, Wrapper


class Listener(Protocol):
    """Who is told what the gateway says."""

    def handshaken(self) -> None: ...
    def opened(self) -> None: ...
    def lost(self, problem: str) -> None: ...
    def undecodable(self, fields: Sequence[str], problem: Exception) -> None: ...
    def raw(self, fields: Sequence[str]) -> bool: ...
    def row(self, key: int | str, row: object) -> None: ...
    def end(self, key: int | str) -> None: ...
    def open_order(self, contract: Contract, order: Order, state: OrderState) -> None: ...
    def failed(self, req_id: int, code: int, text: str) -> None: ...


class CountingConnection(Connection):
    """The library's socket, which also counts every write it begins: what was begun may have left."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.writes_begun = 0
        self.opened: Callable[[], None] = lambda: None

    def connection_made(self, transport: BaseTransport) -> None:
        self.opened()

    def sendMsg(self, msg: bytes) -> None:
        if self.transport:
            self.writes_begun += 1
        super().sendMsg(msg)  # type: ignore[no-untyped-call]


class RawDecoder(Decoder):
    """The library's decoder, which asks the listener first and hides no failure."""

    def __init__(self, wrapper: "RawWrapper", listener: Listener) -> None:
        super().__init__(wrapper, 0)
        self._listener = listener

    def interpret(self, fields: Sequence[str]) -> None:
        try:
            if not self._listener.raw(fields):
                handler = self.handlers.get(int(fields[0]))
                if handler is not None:
                    handler(fields)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the rest of the packet must be read
            self._listener.undecodable(fields, problem)


class RawWrapper(Wrapper):
    """The library's callbacks, kept to what its connect needs and what the listener is told."""

    def __init__(self, ib: IB, listener: Listener) -> None:
        super().__init__(ib)
        self._listener = listener

    def connectAck(self) -> None:
        self._listener.handshaken()

    def tcpDataArrived(self) -> None:
        """The library would stamp the machine's time here; ours comes from the Clock."""

    def tcpDataProcessed(self) -> None:
        """No tickers, nothing to flush."""

    def error(self, reqId: int, errorCode: int, errorString: str, advancedOrderRejectJson: str = "") -> None:
        """What the library itself asked during connect ends here; all else means what the listener says."""
        if reqId in self._futures:
            self._endReq(reqId, RequestError(reqId, errorCode, errorString), success=False)  # type: ignore[no-untyped-call]
        else:
            self._listener.failed(reqId, errorCode, errorString)

    def openOrder(self, orderId: int, contract: Contract, order: Order, orderState: OrderState) -> None:
        if order.whatIf:
            self._listener.row(orderId, orderState)
            self._listener.end(orderId)
            return
        self.ib.client.updateReqId(orderId + 1)
        self._listener.open_order(contract, order, orderState)

    def openOrderEnd(self) -> None:
        super().openOrderEnd()  # type: ignore[no-untyped-call]
        self._listener.end("openOrders")

    def positionEnd(self) -> None:
        super().positionEnd()  # type: ignore[no-untyped-call]
        self._listener.end("positions")

    def execDetailsEnd(self, reqId: int) -> None:
        super().execDetailsEnd(reqId)
        self._listener.end(reqId)

    def completedOrder(self, contract: Contract, order: Order, orderState: OrderState) -> None:
        self._listener.row("completedOrders", (contract, order, orderState))

    def completedOrdersEnd(self) -> None:
        super().completedOrdersEnd()  # type: ignore[no-untyped-call]
        self._listener.end("completedOrders")

    def contractDetails(self, reqId: int, contractDetails: ContractDetails) -> None:
        self._listener.row(reqId, contractDetails)

    def contractDetailsEnd(self, reqId: int) -> None:
        self._listener.end(reqId)

    def marketRule(self, marketRuleId: int, priceIncrements: list[PriceIncrement]) -> None:
        for increment in priceIncrements:
            self._listener.row(f"marketRule-{marketRuleId}", increment)
        self._listener.end(f"marketRule-{marketRuleId}")

    def historicalData(self, reqId: int, bar: BarData) -> None:
        self._listener.row(reqId, bar)

    def historicalDataEnd(self, reqId: int, _start: str, _end: str) -> None:
        self._listener.end(reqId)

    def accountSummary(self, _reqId: int, account: str, tag: str, value: str, currency: str) -> None:
        self._listener.row(_reqId, (account, tag, value, currency))

    def accountSummaryEnd(self, reqId: int) -> None:
        self._listener.end(reqId)


class RawIB(IB):
    """One connection's IB object, made anew for every connection."""

    def __init__(self, listener: Listener) -> None:
        """Without the library's own, which makes a wrapper and a client that would be thrown away here."""
        self.wrapper = RawWrapper(self, listener)
        self.client = Client(self.wrapper)
        self.client.decoder = RawDecoder(self.wrapper, listener)
        self.client.conn = _counting(self.client, listener)
        self._logger = logging.getLogger("ib_async.ib")

    def __getattr__(self, name: str) -> Event:
        """The library's events, each made when it is emitted: nobody listens, and all take half a connect."""
        if name not in self.events:
            raise AttributeError(name)
        event = Event(name)
        setattr(self, name, event)
        return event

    def __del__(self) -> None:
        """The library would write to its transport here, at a moment only the collector knows."""


def _counting(client: Client, listener: Listener) -> CountingConnection:
    connection = CountingConnection()
    connection.opened = listener.opened
    connection.hasData += client._onSocketHasData
    connection.disconnected += client._onSocketDisconnected
    connection.disconnected += listener.lost
    return connection


def writes_begun(ib: Any) -> int:
    """How many messages this connection began to write."""
    count: int = ib.client.conn.writes_begun
    return count
