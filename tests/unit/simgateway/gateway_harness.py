"""A gateway without sockets: market time by hand, clients that keep what they are told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hydra.simgateway.books import books_of
from hydra.simgateway.contract_messages import block
from hydra.simgateway.contracts import SimContract, active_contract
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.faults import Faults
from hydra.simgateway.gateway import Gateway
from hydra.simgateway.order_messages import PLACE_ORDER
from hydra.simgateway.store import Journal, MemoryJournal
from hydra.simgateway.tables import Values, at_version, write
from hydra.simgateway.wire import FrameReader, number_text

_BLOCK = (
    *("conId", "symbol", "secType", "lastTradeDateOrContractMonth", "strike", "right"),
    *("multiplier", "exchange", "currency", "localSymbol", "tradingClass"),
)
# A Monday, all markets open for half an hour.
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@dataclass(eq=False)
class Told:
    """A client link that keeps every message as its fields."""

    client_id: int
    version: int = 178
    is_open: bool = True
    messages: list[tuple[str, list[str]]] = field(default_factory=list)

    def send(self, kind: str, frame: bytes) -> None:
        reader = FrameReader()
        reader.feed(frame)
        (fields,) = reader.frames()
        self.messages.append((kind, fields))

    def flush(self) -> None:
        pass

    def release_held(self) -> None:
        pass

    def of(self, *kinds: str) -> list[list[str]]:
        return [fields for kind, fields in self.messages if kind in kinds]

    def statuses(self, order_id: int) -> list[str]:
        return [fields[2] for fields in self.of("orderStatus") if fields[1] == str(order_id)]

    def errors(self, req_id: int | None = None) -> list[int]:
        found = self.of("error", "orderError")
        return [int(fields[3]) for fields in found if req_id is None or fields[2] == str(req_id)]

    def forget(self) -> None:
        self.messages.clear()


class Bench:
    """One gateway with its journal; `restart` makes another from the same journal."""

    def __init__(
        self,
        at: datetime = MONDAY,
        settings: GatewaySettings | None = None,
        journal: Journal | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.wall = 0.0
        self.timers: list[tuple[float, object]] = []
        self.settings = settings or GatewaySettings(pacing_per_s=0)
        self.journal = journal or MemoryJournal()
        self.faults = faults or Faults(lambda: self.wall)
        self.gateway = Gateway(
            self.settings,
            self.journal,
            at=at,
            later=lambda delay, callback: self.timers.append((delay, callback)),
            faults=self.faults,
        )

    @property
    def now(self) -> datetime:
        return self.gateway.core.at

    @property
    def contract(self) -> SimContract:
        return active_contract("ZO", self.now.date())

    def client(self, client_id: int = 1, version: int = 178) -> Told:
        link = Told(client_id, version)
        self.gateway.join(link)
        return link

    def pass_time(self, **span: float) -> None:
        self.gateway.advance(self.now + timedelta(**span))

    def restart(self, after: timedelta = timedelta()) -> "Bench":
        return Bench(self.now + after, self.settings, self.journal)

    # --- messages ------------------------------------------------------------------------------------

    def place(self, link: Told, order_id: int, **given: str) -> None:
        """A placeOrder message: a resting GTC buy of one lot, but for what is given."""
        contract = self.contract
        named = dict(zip(_BLOCK, block(contract), strict=True))
        fields = {
            **named,
            "right": "",
            "action": "BUY",
            "totalQuantity": "1",
            "orderType": "LMT",
            "lmtPrice": number_text(self.resting("BUY")),
            "tif": "GTC",
            "transmit": "1",
            "orderRef": f"H-{order_id}",
            **given,
        }
        out = ["3"]
        defaults = {"dncPresent": "0", "whatIf": "0", "outsideRth": "0"}
        write(
            at_version(PLACE_ORDER, link.version), Values({**fields, "orderId": str(order_id)}), defaults, out
        )
        self.gateway.handle(link, out)
        self.gateway.publish()

    def cancel(self, link: Told, order_id: int) -> None:
        self.gateway.handle(link, ["4", "1", str(order_id), ""])
        self.gateway.publish()

    def ask(self, link: Told, *fields: object) -> None:
        self.gateway.handle(link, [str(each) for each in fields])
        self.gateway.publish()

    # --- prices --------------------------------------------------------------------------------------

    def crossing(self, side: str) -> Decimal:
        """A limit that trades with whatever rests on the other side."""
        low, high = self.gateway.core.exchange.price_limits(self.contract.con_id)
        return high if side == "BUY" else low

    def resting(self, side: str) -> Decimal:
        """A limit nobody reaches today."""
        low, high = self.gateway.core.exchange.price_limits(self.contract.con_id)
        return low if side == "BUY" else high


def facts(rows: Iterable[dict[str, object]], *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def touch(bench: Bench) -> str:
    """The best bid: an order there trades now and then."""
    bid = bench.gateway.core.exchange.quote(bench.contract.con_id).bid
    assert bid is not None
    return number_text(bid)


def order_rows(bench: Bench) -> list[tuple[object, ...]]:
    return facts(books_of(bench.gateway.core.state)["orders"], "order_ref", "status", "filled", "reason")


def outcomes(bench: Bench) -> list[tuple[object, ...]]:
    return facts(books_of(bench.gateway.core.state)["frames"], "kind", "order_ref", "outcome")
