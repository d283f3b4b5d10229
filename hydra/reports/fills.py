"""The fill table and what fills cost: predicted at the send, actual against the mid at the send."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.order import ChildOrder, Execution
from hydra.domain.parent import ParentOrder
from hydra.execution.slippage import slippage_bps
from hydra.reports.orders import Row

UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Slippage:
    """Lot-weighted means in basis points, + is a cost; None where nothing was filled."""

    lots: int
    predicted_bps: Decimal | None
    actual_bps: Decimal | None


def fill_rows(parents: Iterable[ParentOrder]) -> list[Row]:
    """One row an execution, by time."""
    fills = sorted(fills_of(parents), key=lambda fill: (fill[2].executed_at, fill[2].exec_id))
    return [_fill_row(parent, child, execution) for parent, child, execution in fills]


def fills_of(parents: Iterable[ParentOrder]) -> Iterator[tuple[ParentOrder, ChildOrder, Execution]]:
    """Every execution with lots, with its child and parent, in the order of the ledger."""
    for parent in parents:
        for child in parent.children:
            for execution in child.executions:
                if execution.qty > 0:
                    yield parent, child, execution


def slippage(parents: Iterable[ParentOrder]) -> Slippage:
    """Over all executions of these parents that were priced against a mid."""
    lots, predicted, actual, known = 0, Decimal(0), Decimal(0), 0
    for parent, child, execution in fills_of(parents):
        lots += execution.qty
        cost = _actual(parent, child, execution)
        if child.priced is None or cost is None:
            continue
        known += execution.qty
        predicted += child.priced.predicted_slippage_bps * execution.qty
        actual += cost * execution.qty
    if known == 0:
        return Slippage(lots, None, None)
    return Slippage(lots, predicted / known, actual / known)


def slippage_rows(parents: Iterable[ParentOrder]) -> list[Row]:
    """One row a symbol with fills, and one for all."""
    listed = list(parents)
    rows = [_slippage_row(symbol, [one for one in listed if one.plan.symbol == symbol])
            for symbol in dict.fromkeys(one.plan.symbol for one in listed)]  # fmt: skip
    return [*rows, _slippage_row("all", listed)]


def _slippage_row(name: str, parents: list[ParentOrder]) -> Row:
    cost = slippage(parents)
    return {
        "symbol": name,
        "lots": cost.lots,
        "predicted_bps": shown(cost.predicted_bps),
        "actual_bps": shown(cost.actual_bps),
    }


def shown(bps: Decimal | None) -> str:
    """Basis points for people, one decimal."""
    return UNKNOWN if bps is None else str(bps.quantize(Decimal("0.1")) + 0)  # + 0: no "-0.0"


def _actual(parent: ParentOrder, child: ChildOrder, execution: Execution) -> Decimal | None:
    if child.priced is None:
        return None
    return slippage_bps(child.sending.side, execution.px, child.priced.mid_px)


def _fill_row(parent: ParentOrder, child: ChildOrder, execution: Execution) -> Row:
    priced = child.priced
    return {
        "at": f"{execution.executed_at:%Y-%m-%d %H:%M:%S} UTC",
        "symbol": parent.plan.symbol,
        "order_ref": child.order_ref,
        "slice": priced.slice_no if priced else None,
        "step": priced.step if priced else UNKNOWN,
        "side": child.sending.side.value,
        "lots": execution.qty,
        "px": str(execution.px),
        "mid_at_send": str(priced.mid_px) if priced else UNKNOWN,
        "predicted_bps": shown(priced.predicted_slippage_bps if priced else None),
        "actual_bps": shown(_actual(parent, child, execution)),
        "commission_usd": str(execution.commission_usd) if execution.commission_usd is not None else UNKNOWN,
        "exec_id": execution.exec_id,
    }
