"""Parents made of the events that a real session writes, for every report's test."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hydra.domain.events import (
    Algo,
    ChildCommissioned,
    ChildFilled,
    ChildPriced,
    ChildSending,
    IntentDenied,
    ParentClosed,
    ParentEvent,
    ParentOpened,
    PlannedSlice,
    SessionPlanned,
)
from hydra.domain.parent import ParentOrder, fold_parent
from hydra.domain.quantity import Side

OPEN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def planned(symbol: str, target: int) -> SessionPlanned:
    return SessionPlanned(
        parent_id=f"20261123-{symbol}-1",
        session_on=date(2026, 11, 23),
        symbol=symbol,
        con_id=7,
        target=target,
        position=0,
        equity_usd=Decimal(1_000_000),
        bars_hash="b",
        champion_id="by-hand",
        config_hash="c",
        by="test",
    )


def opened(symbol: str, side: Side, lots: int) -> ParentOpened:
    end = OPEN + timedelta(minutes=9)
    return ParentOpened(
        parent_id=f"20261123-{symbol}-1",
        con_id=7,
        side=side,
        order_qty=lots,
        algo=Algo.TWAP,
        start_at=OPEN,
        deadline_at=OPEN + timedelta(minutes=40),
        slices=(PlannedSlice(1, OPEN, end, lots),),
        arrival_px=Decimal("400.25"),
        spread_px=Decimal("1.5"),
        adv_lots=300,
        sigma_day=Decimal("0.02"),
        tick=Decimal("0.25"),
        usd_per_point=Decimal(50),
    )


def child(
    symbol: str, side: Side, lots: int, fills: list[tuple[int, str]], mid: str = "400", predicted: str = "10"
) -> list[ParentEvent]:
    """Priced, sent, and filled in these parts; each part pays 1.50."""
    ref = f"H-20261123-{symbol}-1-C01"
    events: list[ParentEvent] = [
        ChildPriced(ref, 1, "MID", Decimal(399), Decimal(401), Decimal(mid), Decimal(predicted)),
        ChildSending(
            ref, f"20261123-{symbol}-1", 7, side, lots, Decimal(mid), OPEN + timedelta(minutes=5), 1, 40, 1,
            f"verdict {ref}", "by-hand", "c", "build", "test",
        ),
    ]  # fmt: skip
    for no, (qty, px) in enumerate(fills, start=1):
        at = OPEN + timedelta(minutes=no)
        root = f"{symbol}.{no}"
        events.append(ChildFilled(ref, f"{root}.01", root, 1, 7, side, qty, Decimal(px), at))
        events.append(ChildCommissioned(ref, f"{root}.01", root, Decimal("1.50")))
    return events


def parent(*events: ParentEvent) -> ParentOrder:
    folded = fold_parent((seq, OPEN, event) for seq, event in enumerate(events, start=1))
    assert folded is not None
    return folded


def worked(symbol: str, side: Side, lots: int, fills: list[tuple[int, str]], **priced: str) -> ParentOrder:
    """A closed parent with one child."""
    sign = 1 if side is Side.BUY else -1
    done = sum(qty for qty, _ in fills)
    status, reason = ("FILLED", "") if done == lots else ("REMAINDER", f"{lots - done} lots left")
    return parent(
        planned(symbol, sign * lots),
        opened(symbol, side, lots),
        *child(symbol, side, lots, fills, **priced),
        ParentClosed(f"20261123-{symbol}-1", status, reason),
    )


def denied(symbol: str, reason: str) -> ParentOrder:
    refusal = IntentDenied(f"20261123-{symbol}-1", Side.BUY, 5, (reason,))
    return parent(planned(symbol, 5), refusal)
