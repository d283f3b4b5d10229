"""The content of a session's plot as plain JSON values, so that it can be drawn in another process."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hydra.domain.order import ChildOrder
from hydra.domain.parent import ParentOrder

Trace = Mapping[int, Sequence[tuple[datetime, Decimal]]]


def plot_data(parents: Iterable[ParentOrder], trace: Trace, session_on: date) -> dict[str, Any]:
    """One panel a parent that was opened; times are Unix seconds, prices floats (for drawing only)."""
    panels = [_panel(parent, trace.get(parent.plan.con_id, ())) for parent in parents if parent.opened]
    return {"title": f"Session {session_on}", "panels": panels}


def _panel(parent: ParentOrder, seen: Sequence[tuple[datetime, Decimal]]) -> dict[str, Any]:
    """The mid as seen by this run and at each send: a rerun after a crash still has the latter."""
    points = dict(seen)
    points.update({child.sent_at: child.priced.mid_px for child in parent.children if child.priced})
    return {
        "symbol": parent.plan.symbol,
        "side": parent.opened.side.value if parent.opened else "",
        "ordered": parent.order_qty,
        "filled": parent.cum_qty,
        "mid": [[at.timestamp(), float(mid)] for at, mid in sorted(points.items())],
        "orders": [_step(child) for child in parent.children],
        "fills": [
            [one.executed_at.timestamp(), float(one.px), one.qty]
            for child in parent.children
            for one in child.executions
            if one.qty > 0
        ],
    }


def _step(child: ChildOrder) -> list[float]:
    """From, to, limit price: to its last fill when it filled whole, else to its own death."""
    end = child.sending.good_till
    if child.cum_qty >= child.sending.qty and child.executions:
        end = max(one.executed_at for one in child.executions)
    return [child.sent_at.timestamp(), end.timestamp(), float(child.sending.limit_px)]
