"""Facts and small worlds for the ledger's suites."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hydra.domain.events import (
    Algo,
    ChildFilled,
    ChildPriced,
    ChildSending,
    ParentOpened,
    SessionPlanned,
    TradingState,
    TradingStateChanged,
)
from hydra.domain.ids import exec_root, order_ref, parent_id, parse_parent_id
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import side_of
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger
from hydra.ports import Conflict, InDoubtCommit, Lease, RecordedSending
from hydra.risk.view import ControlState, Denied

START = datetime(2026, 8, 21, 14, 30, tzinfo=UTC)
ON = date(2026, 8, 21)
CON_IDS = {"ZO": 101, "HE": 102, "LE": 103}


@dataclass
class Hands:
    """A clock moved by hand."""

    at: datetime = START
    wall: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def wall_s(self) -> float:
        return self.wall

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.wall += seconds


@dataclass
class Desk:
    """A ledger with a lease, and the order ids of its client."""

    ledger: SqlLedger
    hands: Hands
    holder: str = "elsewhere/1/1"
    lease: Lease = field(init=False)
    last_id: int = 0

    def __post_init__(self) -> None:
        self.lease = self.take()

    def take(self, client_id: int = 1) -> Lease:
        lease = self.ledger.acquire(client_id, self.holder, "build")
        assert isinstance(lease, Lease), lease
        return lease

    def opened(self, symbol: str = "ZO", qty: int = 10, n: int = 1, on: date = ON) -> ParentOrder:
        name = parent_id(on, symbol, n)
        parent = self.ledger.append(name, 0, [planned(name, qty), opening(name, qty)])
        assert isinstance(parent, ParentOrder), parent
        return parent

    def send(
        self, parent: ParentOrder, qty: int = 1, check: object = None, **changes: object
    ) -> RecordedSending | Conflict | InDoubtCommit:
        self.last_id += 1
        events = sending(parent, qty, self.lease, self.last_id)
        events = [events[0], replace(events[1], **changes)] if changes else events
        return self.ledger.commit_sending(self.lease, parent.seq, events, check or allow)

    def sent(self, parent: ParentOrder, qty: int = 1) -> ParentOrder:
        recorded = self.send(parent, qty)
        assert isinstance(recorded, RecordedSending), recorded
        return self.reload(parent)

    def reload(self, parent: ParentOrder) -> ParentOrder:
        found = self.ledger.load(parent.parent_id)
        assert found is not None
        return found

    def fill(self, parent: ParentOrder, qty: int, exec_id: str = "0001.01", child: int = -1) -> ParentOrder:
        moved = self.ledger.append(parent.parent_id, parent.seq, [filled(parent, qty, exec_id, child)])
        assert isinstance(moved, ParentOrder), moved
        return moved


def allow(control: ControlState) -> Denied | None:
    return None


def unless_halted(control: ControlState) -> Denied | None:
    return Denied(("HALTED",)) if control.trading_state is TradingState.HALTED else None


def planned(name: str, target: int, position: int = 0) -> SessionPlanned:
    key = parse_parent_id(name)
    return SessionPlanned(
        parent_id=name,
        session_on=key.session_on,
        symbol=key.symbol,
        con_id=CON_IDS[key.symbol],
        target=target,
        position=position,
        equity_usd=Decimal("1000000"),
        bars_hash="b" * 64,
        champion_id="ewma-1",
        config_hash="c" * 16,
        by="session",
    )


def opening(name: str, qty: int) -> ParentOpened:
    return ParentOpened(
        parent_id=name,
        con_id=CON_IDS[parse_parent_id(name).symbol],
        side=side_of(qty),
        order_qty=abs(qty),
        algo=Algo.LADDER,
        start_at=START,
        deadline_at=START + timedelta(minutes=40),
        slices=(),
        arrival_px=Decimal("350.25"),
        spread_px=Decimal("1.5"),
        adv_lots=400,
        sigma_day=Decimal("0.018"),
        tick=Decimal("0.25"),
        usd_per_point=Decimal("50"),
    )


def sending(
    parent: ParentOrder, qty: int, lease: Lease, ib_order_id: int
) -> list[ChildPriced | ChildSending]:
    assert parent.opened is not None
    ref = order_ref(parent.parent_id, len(parent.children) + 1)
    return [
        ChildPriced(ref, 0, "MID", Decimal("350"), Decimal("350.5"), Decimal("350.25"), Decimal("3.1")),
        ChildSending(
            order_ref=ref,
            parent=parent.parent_id,
            con_id=parent.opened.con_id,
            side=parent.opened.side,
            qty=qty,
            limit_px=Decimal("350.00"),
            good_till=START + timedelta(minutes=5),
            client_id=lease.client_id,
            ib_order_id=ib_order_id,
            lease_epoch=lease.epoch,
            verdict=f"verdict-{ref}",
            champion_id="ewma-1",
            config_hash="c" * 16,
            build_id=lease.build_id,
            approver="gate",
        ),
    ]


def filled(parent: ParentOrder, qty: int, exec_id: str = "0001.01", child: int = -1) -> ChildFilled:
    of = parent.children[child].sending
    root, revision = exec_root(exec_id)
    return ChildFilled(
        order_ref=of.order_ref,
        exec_id=exec_id,
        exec_root=root,
        revision=revision,
        con_id=of.con_id,
        side=of.side,
        last_qty=qty,
        last_px=Decimal("350.50"),
        executed_at=START + timedelta(seconds=30),
    )


def halted(scope: str = "ALL", state: TradingState = TradingState.HALTED) -> TradingStateChanged:
    return TradingStateChanged(scope, state, "a test", "tester")


def opened_ledger(place: Path | str, hands: Hands, **options: object) -> SqlLedger:
    return open_ledger(place, now=hands.now, wall_s=hands.wall_s, **options)  # type: ignore[arg-type]
