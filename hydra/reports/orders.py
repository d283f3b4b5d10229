"""The order table: one row a parent, plain values for artifacts and scripts."""

from collections.abc import Iterable, Mapping
from typing import Any

from hydra.domain.parent import ParentOrder

Row = dict[str, Any]


def order_rows(parents: Iterable[ParentOrder]) -> list[Row]:
    """Lots and prices of each parent, in the order given; prices as decimal text, never rounded."""
    return [_order_row(parent) for parent in parents]


def denied_rows(denied: Iterable[tuple[str, Iterable[str]]]) -> list[Row]:
    """Symbols that were not traded, and why."""
    return [{"symbol": symbol, "reasons": "; ".join(reasons)} for symbol, reasons in denied]


def markdown_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table; text that came from outside cannot break out of its cell."""
    listed = list(rows)
    if not listed:
        return "(none)"
    names = list(listed[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in listed]
    return "\n".join(lines)


def _order_row(parent: ParentOrder) -> Row:
    opened = parent.opened
    delta = parent.plan.target - parent.plan.position
    return {
        "parent": parent.parent_id,
        "symbol": parent.plan.symbol,
        "side": opened.side.value if opened else ("BUY" if delta > 0 else "SELL" if delta < 0 else "–"),
        "algo": opened.algo.value if opened else "–",
        "ordered": parent.order_qty,
        "filled": parent.cum_qty,
        "left": parent.leaves_qty,
        "children": len(parent.children),
        "avg_px": _price(parent.avg_px),
        "arrival_px": _price(opened.arrival_px if opened else None),
        "deadline": f"{opened.deadline_at:%Y-%m-%d %H:%M:%S} UTC" if opened else "–",
        "status": parent.status.value,
        "reason": parent.reason,
    }


def _price(price: object) -> str:
    return "–" if price is None else f"{price:.4f}".rstrip("0").rstrip(".")


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
