"""Where every message of one connection goes: requests, reports, quotes, the state of the link.

Nothing here decides anything about an order; it keeps the order of arrival and loses nothing silently.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ib_async import contract as ib_contract
from ib_async import order as ib_order

from hydra.broker import translate
from hydra.broker.connectivity import LinkWatch
from hydra.broker.error_codes import LinkNotice, ends_request, farm_of, link_notice, order_meaning
from hydra.broker.market_data import MarketData
from hydra.broker.options import BrokerOptions
from hydra.broker.reports import Inbox
from hydra.broker.requests import Requests
from hydra.domain.evidence import ExecutionReport, OrderErrorReport
from hydra.domain.ids import exec_root, is_own_ref
from hydra.ports import Clock, Log, Refused, silent
from hydra.risk.last_hop import LastHop

# Messages that bear on orders: one that cannot be read means that evidence was lost.
_EVIDENCE = {
    "3": "orderStatus",
    "5": "openOrder",
    "11": "execDetails",
    "59": "commissionReport",
    "61": "position",
}
_IGNORED = frozenset({"6", "7", "8", "21", "46", "47", "54", "57", "81", "84"})
_MANAGED_ACCOUNTS = "15"
_EXECUTION_AGE_MAX = timedelta(minutes=30)
_EXECUTION_AGE_WALL_S_MAX = 30.0


@dataclass(slots=True)
class Books:
    """What outlives a connection: the queue, the quotes, the link, the last-hop counter."""

    options: BrokerOptions
    clock: Clock
    inbox: Inbox
    quotes: MarketData
    watch: LinkWatch
    last_hop: LastHop
    log: Log = silent
    symbols: dict[int, str] = field(default_factory=dict)


class Intake:
    """The listener of one connection."""

    def __init__(self, books: Books, requests: Requests) -> None:
        self._books = books
        self._clock = books.clock
        self._requests = requests
        self._zone = ZoneInfo(books.options.broker_zone)
        self.account = books.options.account or ""
        self.is_detached = False
        self.was_opened = False
        self.was_handshaken = False
        self.was_started = False
        self.alarms = 0
        self.misdated = 0
        self.refused_id = False
        self.loss = ""
        self.over = asyncio.Event()
        self.upset = asyncio.Event()
        self.data_lost = False
        self.gateway_told_at: datetime | None = None
        self._handlers: Mapping[str, Callable[[Sequence[str]], None]] = {
            "1": self._tick_price,
            "2": self._tick_size,
            "3": self._order_status,
            "11": self._execution,
            "45": self._tick_generic,
            "49": self._current_time,
            "58": self._data_type,
            "59": self._commission,
            "61": self._position,
        }

    def detach(self, reason: str) -> None:
        """From here on this connection is history; what it still says is not heard."""
        self.is_detached = True
        self.loss = self.loss or reason
        self.over.set()
        self._requests.close(reason)

    # --- the Listener's side ---

    def opened(self) -> None:
        self.was_opened = True

    def handshaken(self) -> None:
        self.was_handshaken = True

    def lost(self, problem: str) -> None:
        if self.is_detached:
            return
        self.loss = self.loss or problem or "the gateway closed the connection"
        self.over.set()
        self._requests.close(self.loss)

    def raw(self, fields: Sequence[str]) -> bool:
        if self.is_detached or fields[0] in _IGNORED:
            return True
        self.was_started = self.was_started or fields[0] == _MANAGED_ACCOUNTS
        handler = self._handlers.get(fields[0])
        if handler is None:
            return False
        handler(fields)
        return True

    def undecodable(self, fields: Sequence[str], problem: Exception) -> None:
        """A message nobody could read: lost evidence stops new children until the books are read whole."""
        kind = _EVIDENCE.get(fields[0] if fields else "")
        self._books.log(
            "hydra.message.undecodable", "error", kind=kind, problem=repr(problem), fields=list(fields)[:30]
        )
        if kind is not None and not self.is_detached:
            self._alarm(f"a message could not be read: {kind}")

    def row(self, key: int | str, row: object) -> None:
        self._requests.add(key, row)

    def end(self, key: int | str) -> None:
        self._requests.end(key)

    def open_order(
        self, contract: ib_contract.Contract, order: ib_order.Order, state: ib_order.OrderState
    ) -> None:
        if self._is_foreign_account(order.account):
            return
        working = translate.working_of(contract, order, state, self._clock.wall_s())
        self._requests.add("openOrders", working)
        self._books.inbox.put(working)

    def failed(self, req_id: int, code: int, text: str) -> None:
        """An error message: of the link, of a request, or of an order, told apart by whose id it carries."""
        if self.is_detached:
            return
        if req_id == -1:
            self._link_notice(code, text)
        elif self._requests.is_request(req_id):
            if ends_request(code):
                self._requests.refuse(req_id, Refused(code, text))
                self._books.quotes.close_line(req_id)
            self._books.log("hydra.request.refused", req_id=req_id, code=code, text=text)
        else:
            meaning = order_meaning(code, self._books.options.order_error_meanings)
            self._books.log("hydra.order.told", order_id=req_id, code=code, meaning=meaning.name, text=text)
            self._books.inbox.put(OrderErrorReport(req_id, code, text, meaning, self._clock.wall_s()))

    # --- orders ---

    def _order_status(self, fields: Sequence[str]) -> None:
        self._books.inbox.put(translate.status_of(fields, self._clock.wall_s()))

    def _execution(self, fields: Sequence[str]) -> None:
        if self._is_foreign_account(fields[16]):
            return
        execution = translate.execution_of(fields, self._zone, self._clock.wall_s())
        self._count(execution)
        req_id = int(fields[1])
        if self._requests.is_pending(req_id):
            self._requests.add(req_id, execution)
            self._books.inbox.put_if_new(execution)
        elif req_id == -1:
            self._books.inbox.put(execution)
            self._check_age(execution)
        else:
            self._books.inbox.put_if_new(execution)

    def _count(self, execution: ExecutionReport) -> None:
        """The last-hop counter hears of each execution here, whatever becomes of the report."""
        if is_own_ref(execution.order_ref):
            root, revision = exec_root(execution.exec_id)
            self._books.last_hop.executed(execution.order_ref, root, revision, execution.qty)

    def _check_age(self, execution: ExecutionReport) -> None:
        """A new fill pushed on a good link happened just now; another hour on it shows a wrong zone.

        Corrections and what an outage held back are old by right. One odd fill has the books read again; a
        second in a row stops new children until a fill agrees, because then the broker's day is not known.
        """
        now, now_wall_s = self._clock.now(), self._clock.wall_s()
        good_for_s = now_wall_s - self._books.watch.good_since_wall_s(now_wall_s)
        if exec_root(execution.exec_id)[1] > 1 or good_for_s < self._books.options.settle_s:
            return
        age = abs(now - execution.executed_at)
        if age <= max(_EXECUTION_AGE_MAX, self._clock.market(_EXECUTION_AGE_WALL_S_MAX)):
            self.misdated, self._books.watch.zone_fault = 0, ""
            return
        self.misdated += 1
        self._books.log("hydra.execution.misdated", "error", exec_id=execution.exec_id, off_by=str(age))
        fault = f"executions claim a time {age} away: check broker_zone {self._zone.key}"
        if self.misdated > 1:
            self._books.watch.zone_fault = fault
        self._alarm(fault)

    def _commission(self, fields: Sequence[str]) -> None:
        commission = translate.commission_of(fields, self._clock.wall_s())
        if commission is not None:
            self._requests.overhear("commissions", commission)
            self._books.inbox.put(commission)

    def _position(self, fields: Sequence[str]) -> None:
        if not self._is_foreign_account(fields[2]):
            con_id = int(fields[3])
            self._books.symbols[con_id] = fields[4]
            self._requests.add("positions", (con_id, translate.lots_of(fields[14])))

    def _is_foreign_account(self, account: str) -> bool:
        return bool(account and self.account and account != self.account)

    # --- quotes and time ---

    def _tick_price(self, fields: Sequence[str]) -> None:
        self._books.quotes.price(int(fields[2]), int(fields[3]), fields[4], fields[5], self._clock.now())
        self._requests.end(int(fields[2]))

    def _tick_size(self, fields: Sequence[str]) -> None:
        self._books.quotes.size(int(fields[2]), int(fields[3]), fields[4], self._clock.now())
        self._requests.end(int(fields[2]))

    def _tick_generic(self, fields: Sequence[str]) -> None:
        self._books.quotes.generic(int(fields[2]), int(fields[3]), fields[4], self._clock.now())

    def _data_type(self, fields: Sequence[str]) -> None:
        self._books.quotes.data_type(int(fields[2]), int(fields[3]))

    def _current_time(self, fields: Sequence[str]) -> None:
        """The gateway's clock in whole seconds: on average half a second behind itself."""
        self.gateway_told_at = datetime.fromtimestamp(int(fields[2]), UTC) + timedelta(milliseconds=500)
        skew = (self.gateway_told_at - self._clock.now()).total_seconds() / self._clock.speed
        self._books.watch.heart_beat(self._clock.wall_s(), skew)
        self._requests.end("currentTime")

    # --- the link ---

    def _link_notice(self, code: int, text: str) -> None:
        notice = link_notice(code)
        self._books.log("hydra.link.told", code=code, notice=notice.name, text=text)
        if notice is LinkNotice.ID_IN_USE:
            self.refused_id = True
            self.lost(text)
            return
        self._books.watch.noticed(notice, farm_of(text), self._clock.wall_s())
        if notice is not LinkNotice.OTHER:
            self._requests.forgive()
        self.data_lost = self.data_lost or notice is LinkNotice.RESTORED_DATA_LOST
        self._upset()

    def _alarm(self, alarm: str) -> None:
        self.alarms += 1
        self._books.watch.raise_alarm(alarm, self._clock.wall_s())
        self._upset()

    def _upset(self) -> None:
        self.upset.set()
        self._books.inbox.ring()
