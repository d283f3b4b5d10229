"""What all parts of the gateway share: settings, books, market, faults, and who is connected."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

from hydra.simgateway import messages
from hydra.simgateway.account import Execution
from hydra.simgateway.calibration import IANA_ZONES
from hydra.simgateway.contract_messages import Listing
from hydra.simgateway.faults import Faults, Moment
from hydra.simgateway.orders import SimOrder
from hydra.simgateway.records import Record
from hydra.simgateway.state import BrokerState
from hydra.simgateway.store import Journal
from hydra.simgateway.wire import naive_text, utc_text, zoned_text

if TYPE_CHECKING:
    from hydra.simgateway.exchange import Exchange, MarketEvent

NO_REQUEST: Final = -1
Later = Callable[[float, Callable[[], None]], object]


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How this gateway behaves where real ones differ."""

    seed: int = 7
    cash_usd: Decimal = Decimal(1_000_000)
    account: str = "DUSIM001"
    zone: str = "US/Eastern"  # the zone of IB's own day; gateway.broker_zone must name the same
    exec_time: str = "zone"  # or utc, naive: the three forms seen on real gateways
    executions_visibility: str = "all"  # or own, zero_only
    market_data: str = "live"  # or delayed, none
    pushes_open_orders: bool = True
    master_client_id: int | None = None
    pacing_per_s: int = 50
    clients_max: int = 32
    server_version: int = messages.SERVER_VERSION_MAX
    is_read_only: bool = False

    @property
    def iana_zone(self) -> str:
        return IANA_ZONES.get(self.zone, self.zone)


class ClientLink(Protocol):
    """A client as the desks see it: where its messages go; sending to a dead one is silent."""

    client_id: int
    version: int

    @property
    def is_open(self) -> bool: ...
    def send(self, kind: str, frame: bytes) -> None: ...
    def flush(self) -> None: ...
    def release_held(self) -> None: ...


class Core:
    """The shared centre; `at` is the market instant being worked on."""

    def __init__(self, settings: GatewaySettings, journal: Journal, faults: Faults, later: Later) -> None:
        self.settings = settings
        self.faults = faults
        self.later = later
        self.state = BrokerState()
        self.listing = Listing()
        self.links: dict[int, ClientLink] = {}
        self.at: datetime
        self.exchange: Exchange
        self.dispatch: Callable[[Sequence[MarketEvent]], None]
        self._journal = journal

    def replay(self) -> None:
        """Fold what the journal already holds."""
        for record in self._journal.records():
            self.state.apply(record)

    def record(self, record: Record) -> Execution | None:
        """Write a fact, then believe it; nobody may be told before this returns."""
        self.faults.hit(Moment("before_write"))
        self._journal.append(record)
        done = self.state.apply(record)
        self.faults.hit(Moment("after_write"))
        return done

    def error(self, link: ClientLink, req_id: int, code: int, text: str, kind: str = "error") -> None:
        """An error or notice; those of kind orderError wait with the order reports while the link is down."""
        link.send(kind, messages.error(req_id, code, text, link.version))

    def error_to_all(self, code: int, text: str) -> None:
        for link in list(self.links.values()):
            self.error(link, NO_REQUEST, code, text)

    def audience(self, order: SimOrder) -> Iterator[ClientLink]:
        """Who hears about an order: its client, the master client, and client 0 for orders of nobody."""
        settings = self.settings
        for client_id, link in list(self.links.items()):
            if client_id in (order.client_id, settings.master_client_id):
                yield link

    @property
    def local_date(self) -> date:
        """The broker's day, in the gateway's zone."""
        return self.at.astimezone(ZoneInfo(self.settings.iana_zone)).date()

    def midnight(self) -> datetime:
        """The start of the broker's day: what happened before it is not told any more."""
        zone = ZoneInfo(self.settings.iana_zone)
        return datetime.combine(self.at.astimezone(zone).date(), time.min, zone).astimezone(UTC)

    def time_text(self, at: datetime) -> str:
        """An execution's time in the form this gateway uses."""
        zone = self.settings.iana_zone
        if self.settings.exec_time == "utc":
            return utc_text(at)
        if self.settings.exec_time == "naive":
            return naive_text(at, zone)
        return zoned_text(at, zone, self.settings.zone)
