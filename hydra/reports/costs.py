"""What the orders of a session cost (algorithms 8), from the ledger and the mids that were seen; + is a cost.

Decision and arrival are one here: a session sizes its orders at the arrival mid, so that nothing is lost to
delay, and what the market moved since last night's close is profit or loss, not cost. What is not known, such
as the mid five minutes after the last fill, is a dash: nothing is asked of the market for a report.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hydra.domain.order import ChildOrder, Execution
from hydra.domain.parent import ParentOrder
from hydra.execution.shortfall import Shortfall, shortfall
from hydra.execution.slippage import effective_spread_px, in_bps, realised_spread_px, spread_capture
from hydra.reports.fills import UNKNOWN, fills_of, shown, slippage
from hydra.reports.orders import Row
from hydra.reports.plot_data import Trace

REVERSION = timedelta(minutes=5)
"""Realised spread is taken against the first mid seen from then on, if it is seen within as long again."""

COSTS = "What each order cost: + is a cost, spreads in ticks, a dash is not known"

Mids = Sequence[tuple[datetime, Decimal]]


def cost_rows(parents: Iterable[ParentOrder], trace: Trace | None = None) -> list[Row]:
    """One row an order that filled at least one lot; spreads are in ticks, lot-weighted over its fills.

    `trace`: the mids this process saw, by con_id; those at each send are in the ledger.
    """
    return [_row(one, mids_of(one, trace or {})) for one in parents if one.opened and one.cum_qty > 0]


def mids_of(parent: ParentOrder, trace: Trace) -> Mids:
    """Every mid known of the order's market, by time: as seen by this process, and at each send."""
    points = dict(trace.get(parent.plan.con_id, ()))
    points.update({child.sent_at: child.priced.mid_px for child in parent.children if child.priced})
    return sorted(points.items())


def _shortfall(parent: ParentOrder, close_px: Decimal) -> Shortfall:
    """The order's shortfall against its arrival, in points times lots, with what is left at that price."""
    opened = parent.opened
    assert opened is not None
    fills = [one for _, _, one in fills_of([parent])]
    paid = sum((one.commission_usd or Decimal(0) for one in fills), Decimal(0))
    return shortfall(
        opened.side,
        parent.order_qty,
        [(one.qty, one.px) for one in fills],
        decision_px=opened.arrival_px,
        arrival_px=opened.arrival_px,
        close_px=close_px,
        fees=paid / opened.usd_per_point,
    )


def _row(parent: ParentOrder, mids: Mids) -> Row:
    opened, avg_px = parent.opened, parent.avg_px
    assert opened is not None
    assert avg_px is not None
    arrival = opened.side.sign * (avg_px - opened.arrival_px)
    cost = slippage([parent])
    realised, known = _realised(parent, mids)
    return {
        "symbol": parent.plan.symbol,
        "side": opened.side.value,
        "lots": f"{parent.cum_qty} of {parent.order_qty}",
        "arrival_px": str(opened.arrival_px),
        "avg_px": str(avg_px.quantize(Decimal("0.0001")).normalize()),
        "arrival_ticks": shown(arrival / opened.tick),
        "arrival_bps": shown(in_bps(arrival, opened.arrival_px) if opened.arrival_px else None),
        "predicted_bps": shown(cost.predicted_bps),
        "actual_bps": shown(cost.actual_bps),
        "effective_ticks": shown(_in_ticks(parent, _effective(parent))),
        "realised_ticks": shown(_in_ticks(parent, realised)),
        "realised_lots": known,
        "capture": shown(_capture(parent)),
        **_shortfall_cells(parent, mids),
    }


def _shortfall_cells(parent: ParentOrder, mids: Mids) -> Row:
    """In dollars; what is left has no cost where no mid was seen since the last send."""
    opened = parent.opened
    assert opened is not None
    close = opened.arrival_px if parent.leaves_qty == 0 else _last_mid(parent, mids)
    found, usd = _shortfall(parent, opened.arrival_px if close is None else close), opened.usd_per_point
    total = found.total if close is not None else None
    paper = abs(opened.arrival_px) * parent.order_qty
    return {
        "trading_usd": _usd(found.trading * usd),
        "opportunity_usd": _usd(found.opportunity * usd if close is not None else None),
        "fees_usd": _usd(found.fees * usd),
        "shortfall_usd": _usd(total * usd if total is not None else None),
        "shortfall_bps": shown(10_000 * total / paper if total is not None and paper else None),
    }


def _effective(parent: ParentOrder) -> Decimal | None:
    """Against the mid at the send of the child that was filled."""
    return _weighted(
        (one.qty, effective_spread_px(child.sending.side, one.px, child.priced.mid_px))
        for _, child, one in fills_of([parent])
        if child.priced is not None
    )


def _realised(parent: ParentOrder, mids: Mids) -> tuple[Decimal | None, int]:
    """(realised spread in points, the lots it is known of)."""
    found = []
    for _, child, one in fills_of([parent]):
        later = _mid_later(mids, one)
        if later is not None:
            found.append((one.qty, realised_spread_px(child.sending.side, one.px, later)))
    return _weighted(found), sum(qty for qty, _ in found)


def _capture(parent: ParentOrder) -> Decimal | None:
    """1 = all filled at the near touch of their send, 0 = at the far one."""
    found = [(one.qty, _captured(child, one)) for _, child, one in fills_of([parent])]
    return _weighted((qty, share) for qty, share in found if share is not None)


def _captured(child: ChildOrder, one: Execution) -> Decimal | None:
    priced = child.priced
    if priced is None or priced.bid_px is None or priced.ask_px is None:
        return None
    return spread_capture(child.sending.side, one.px, priced.bid_px, priced.ask_px)


def _mid_later(mids: Mids, one: Execution) -> Decimal | None:
    at = bisect_left(mids, one.executed_at + REVERSION, key=lambda seen: seen[0])
    is_known = at < len(mids) and mids[at][0] <= one.executed_at + 2 * REVERSION
    return mids[at][1] if is_known else None


def _last_mid(parent: ParentOrder, mids: Mids) -> Decimal | None:
    sent = max((child.sent_at for child in parent.children), default=None)
    return mids[-1][1] if mids and sent is not None and mids[-1][0] > sent else None


def _weighted(values: Iterable[tuple[int, Decimal]]) -> Decimal | None:
    listed = list(values)
    lots = sum(qty for qty, _ in listed)
    return sum((qty * value for qty, value in listed), Decimal(0)) / lots if lots else None


def _in_ticks(parent: ParentOrder, points: Decimal | None) -> Decimal | None:
    assert parent.opened is not None
    return None if points is None else points / parent.opened.tick


def _usd(value: Decimal | None) -> str:
    return UNKNOWN if value is None else str(value.quantize(Decimal("0.01")) + 0)
