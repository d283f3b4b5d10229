"""The gateway: client messages in, market events in, and the desks that answer them.

No sockets and no wall clock here; `advance` brings the market to an instant, `handle` takes one message.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from hydra.simgateway import messages
from hydra.simgateway.account_desk import AccountDesk
from hydra.simgateway.book_desk import BookDesk
from hydra.simgateway.contracts import SimContract, catalogue
from hydra.simgateway.core import NO_REQUEST, ClientLink, Core, GatewaySettings, Later
from hydra.simgateway.events import MarketEvent, OrderFilled, QuoteChanged, SessionChanged, TradePrinted
from hydra.simgateway.exchange import Exchange
from hydra.simgateway.faults import Faults, Moment
from hydra.simgateway.history_desk import HistoryDesk
from hydra.simgateway.market_desk import MarketDesk
from hydra.simgateway.order_desk import OrderDesk
from hydra.simgateway.order_intake import OrderIntake
from hydra.simgateway.order_reports import OrderReports
from hydra.simgateway.records import FORMAT, BookOpened
from hydra.simgateway.replay import DailyBar
from hydra.simgateway.requests import Requests
from hydra.simgateway.store import Journal
from hydra.simgateway.valuation import Valuation
from hydra.simgateway.wire import Cursor, WireError

PLACE_ORDER: Final = 3
CANCEL_ORDER: Final = 4
GLOBAL_CANCEL: Final = 58
_ORDER_MESSAGES: Final = {
    PLACE_ORDER: "placeOrder",
    CANCEL_ORDER: "cancelOrder",
    GLOBAL_CANCEL: "globalCancel",
}
# What the gateway answers out of its own head while the servers are away (1100).
_LOCAL: Final = frozenset({2, 8, 14, 17, 49, 59, 63, 64, 75, 77, 93, 95, 98})
# Markets exist further ahead than clients see, so that a contract listed next month needs no new one.
_LISTED_AHEAD: Final = timedelta(days=120)


@dataclass(slots=True)
class Held:
    """A message that waits for the servers to come back."""

    link: ClientLink
    fields: list[str]
    frame: int


class Gateway:
    """One simulated gateway with its broker and its exchange behind it."""

    def __init__(
        self,
        settings: GatewaySettings,
        journal: Journal,
        *,
        at: datetime,
        later: Later,
        faults: Faults,
        bars: Mapping[str, Sequence[DailyBar]] | None = None,
    ) -> None:
        """Reads the journal and takes up where it ended; `at` is the market time now."""
        self.faults = faults
        self.core = core = Core(settings, journal, self.faults, later)
        core.at, core.dispatch = at, self._dispatch
        core.replay()
        if core.state.opened is None:
            core.record(BookOpened(at, FORMAT, settings.seed, settings.cash_usd, settings.account))
        core.exchange = Exchange(self._contracts(at.date()), seed=settings.seed, start=at, bars=bars)
        self.valuation = Valuation(core)
        self.reports = OrderReports(core)
        self.accounts = AccountDesk(core, self.valuation)
        self.orders = OrderDesk(core, self.reports, self.accounts)
        self.intake = OrderIntake(core, self.orders, self.reports, self.valuation)
        self.books = BookDesk(core, self.reports)
        self.market = MarketDesk(core)
        self.requests = Requests(core, self.books, self.accounts, self.market, HistoryDesk(core))
        self._held: deque[Held] = deque()
        self.orders.resubmit()

    # --- time ----------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Let the market and the orders' own deadlines happen up to `now`."""
        while (end := self.orders.next_end()) is not None and end <= now:
            self._run_market(end)
            self.core.at = max(self.core.at, end)
            self.orders.expire(end)
        self._run_market(now)
        self.core.at = max(self.core.at, now)
        self.publish()

    def publish(self) -> None:
        """Tell subscribers what changed since the last time; nothing while the servers are away."""
        if self.faults.is_link_up:
            self.market.publish()
            self.accounts.publish()

    def next_event_at(self) -> datetime | None:
        """When to call `advance` again if no message comes."""
        instants = [
            at for at in (self.core.exchange.next_event_at(), self.orders.next_end()) if at is not None
        ]
        return min(instants, default=None)

    def _run_market(self, until: datetime) -> None:
        self._dispatch(self.core.exchange.advance(until))

    def _dispatch(self, events: Sequence[MarketEvent]) -> None:
        for event in events:
            self.core.at = max(self.core.at, event.at)
            match event:
                case QuoteChanged():
                    self.market.quote_changed(event.con_id, event.quote)
                case OrderFilled():
                    self.orders.filled(event)
                case TradePrinted():
                    self.market.traded(event)
                case SessionChanged():
                    self.orders.session_changed(event.con_id)

    # --- clients -------------------------------------------------------------------------------------

    def join(self, link: ClientLink) -> None:
        """A client finished the handshake and asked to start: the messages every client gets first."""
        core = self.core
        core.links[link.client_id] = link
        core.faults.hit(Moment("connect", link.client_id))
        link.send("managedAccounts", messages.managed_accounts(core.settings.account))
        self.requests.next_id(link)
        if not self.faults.is_link_up:
            core.error(link, NO_REQUEST, 1100, LINK_LOST)
            return
        if core.settings.pushes_open_orders:
            for order in self.books.working_of(link.client_id):
                self.reports.open_order(link, order)
        for code, text in FARMS_OK:
            core.error(link, NO_REQUEST, code, text)

    def leave(self, link: ClientLink) -> None:
        if self.core.links.get(link.client_id) is link:
            del self.core.links[link.client_id]
        self.market.forget(link)
        self.accounts.forget(link)
        self.requests.forget(link)

    def handle(self, link: ClientLink, fields: list[str]) -> None:
        """One message of a started client; whatever is in it, the connection stays."""
        message = _message_id(fields)
        if not self.faults.is_link_up and message not in _LOCAL:
            kind = _ORDER_MESSAGES.get(message)
            frame = self.intake.note(link, fields, kind, "held") if kind else 0
            self._held.append(Held(link, fields, frame))
            return
        self._handle(link, message, fields, 0)

    def over_limit(self, link: ClientLink, fields: list[str]) -> None:
        """A message beyond the allowed rate: lost, and said so."""
        kind = _ORDER_MESSAGES.get(_message_id(fields))
        if kind:
            self.intake.note(link, fields, kind, "refused:100")
        self.core.error(link, NO_REQUEST, 100, "Max rate of messages per second has been exceeded.")

    # --- connection to the servers -------------------------------------------------------------------

    def lose_link(self) -> None:
        """1100: held back from now on are order reports and whatever clients ask."""
        if self.faults.is_link_up:
            self.core.error_to_all(1100, LINK_LOST)
            self.faults.is_link_up = False

    def restore_link(self, *, data_lost: bool) -> None:
        """1101 or 1102: then what was held back, in its order."""
        self.faults.is_link_up = True
        if data_lost:
            self.market.forget_all()
            self.core.error_to_all(1101, f"{LINK_BACK} - data lost.")
        else:
            farms = "usfuture, ushmds, secdefnj"
            self.core.error_to_all(
                1102, f"{LINK_BACK} - data maintained. All data farms are connected: {farms}."
            )
        for link in list(self.core.links.values()):
            link.release_held()
        held, self._held = self._held, deque()
        for each in held:
            if each.frame or each.link.is_open:
                self._handle(each.link, _message_id(each.fields), each.fields, each.frame)
        self.publish()

    # --- messages ------------------------------------------------------------------------------------

    def _handle(self, link: ClientLink, message: int, fields: list[str], frame: int) -> None:
        if message == PLACE_ORDER:
            self.intake.place(link, fields, frame)
            return
        if message == CANCEL_ORDER:
            self.intake.cancel(link, fields, frame)
            return
        if message == GLOBAL_CANCEL:
            self.intake.cancel_all(link, frame)
            return
        handler = self.requests.handler(message)
        try:
            if handler is None:
                self._unknown(link, fields)
            else:
                handler(link, Cursor(fields))
        except WireError as problem:
            text = f"Server error when reading an API client request. {problem}"
            self.core.error(link, _request_id(fields), 320, text)

    def _unknown(self, link: ClientLink, fields: list[str]) -> None:
        text = f"Error validating request.-'b0' : cause - Message {fields[0][:12]} is not simulated."
        self.core.error(link, _request_id(fields), 321, text)

    # --- parts ---------------------------------------------------------------------------------------

    def _contracts(self, on: date) -> list[SimContract]:
        """Listed now, listed soon, and whatever the books hold."""
        listing, state = self.core.listing, self.core.state
        known = {c.con_id: c for c in (*catalogue(on), *catalogue(on + _LISTED_AHEAD))}
        for order in state.orders.by_perm.values():
            known[order.con_id] = listing.remember(order.symbol, order.con_id)
        listing.listed(on)
        return list(known.values())


LINK_LOST: Final = "Connectivity between IBKR and Trader Workstation has been lost."
LINK_BACK: Final = "Connectivity between IBKR and Trader Workstation has been restored"
FARMS_OK: Final = (
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)


def _message_id(fields: Sequence[str]) -> int:
    """The id of a message, 0 if that field is no small number."""
    text = fields[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _request_id(fields: Sequence[str]) -> int:
    """The request id of a message that cannot be handled, as well as it can be told."""
    for text in fields[2:3] if len(fields) > 2 else fields[1:2]:
        if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 12:
            return int(text)
    return NO_REQUEST
