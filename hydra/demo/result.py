"""What the demo found: both books compared by the stand-alone oracle, and the figures of the table."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from hydra.demo.drop import Dropped
from hydra.domain.errors import BROKEN, DONE, IN_DOUBT
from hydra.domain.events import Algo
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.persistence.ledger import SqlLedger
from hydra.reports.fills import slippage
from hydra.simgateway.books import read_books

ORACLE: Final = Path(__file__).with_name("compare_books.py")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    symbol: str
    side: str
    algo: str
    ordered: int
    filled: int
    status: str
    predicted_bps: Decimal | None
    actual_bps: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """The demo's figures; `problems` is empty exactly when every promise held."""

    seed: int
    speed: float
    session_on: str
    run_state: str
    run_message: str
    lines: tuple[Line, ...]
    total: Line
    duplicates: int
    lost: int
    executions: int
    dropped: Dropped | None
    after_the_drop: str
    problems: tuple[str, ...]
    in_doubt: bool
    wall_s: float
    resident_mib_max: float
    ui: str
    folder: str

    @property
    def exit_code(self) -> int:
        if self.problems:
            return BROKEN
        return IN_DOUBT if self.in_doubt else DONE

    def as_json(self) -> dict[str, Any]:
        """The same figures for scripts."""
        return {**asdict(self), "exit_code": self.exit_code}


def compare(folder: Path, gateway: Path, ledger: SqlLedger) -> dict[str, Any]:
    """Write both books out and let the oracle, which knows nothing of us, compare them."""
    books, events = folder / "books.json", folder / "ledger.jsonl"
    books.write_text(json.dumps(read_books(gateway), indent=1))
    events.write_text("".join(json.dumps(event, default=str) + "\n" for event in ledger.export()))
    argv = [sys.executable, "-I", str(ORACLE), str(books), str(events)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(told.stdout)
    except ValueError:
        problem = f"the oracle failed: {told.stderr.strip()[-300:]}"
        return {"equal": False, "duplicates": 0, "lost": 0, "executions": 0, "problems": [problem]}
    return found


def broken_promises(
    compared: dict[str, Any], dropped: Dropped | None, parents: Sequence[ParentOrder], symbols: Sequence[str]
) -> tuple[str, ...]:
    """Everything that must not be, one line each."""
    problems = list(compared["problems"])
    if not compared["equal"] and not problems:
        problems.append("the books differ")
    if dropped is None or not dropped.hit:
        what = "no child of a slice was working" if dropped is None else f"{dropped.order_ref} had ended"
        problems.append(f"the drop hit nothing: {what}")
    if not any(one.opened is not None and one.opened.algo is Algo.TWAP for one in parents):
        problems.append("no order was large enough for TWAP")
    missing = sorted({*symbols} - {one.plan.symbol for one in parents if one.opened is not None})
    problems += [f"{symbol} was not traded" for symbol in missing]
    return tuple(problems)


def lines_of(parents: Iterable[ParentOrder]) -> tuple[Line, ...]:
    return tuple(_line(one) for one in parents)


def total_of(parents: Sequence[ParentOrder]) -> Line:
    cost = slippage(parents)
    ordered, filled = sum(one.order_qty for one in parents), sum(one.cum_qty for one in parents)
    return Line("all", "", "", ordered, filled, "", cost.predicted_bps, cost.actual_bps, "")


def has_doubt(parents: Iterable[ParentOrder]) -> bool:
    return any(one.status is ParentStatus.IN_DOUBT for one in parents)


def end_of_child(parents: Iterable[ParentOrder], dropped: Dropped | None) -> str:
    """What became of the child whose connection was dropped."""
    for parent in parents:
        child = parent.child(dropped.order_ref) if dropped is not None else None
        if child is not None:
            return f"{child.state.value}, {child.cum_qty} of {child.sending.qty} lots filled"
    return ""


def _line(parent: ParentOrder) -> Line:
    cost = slippage([parent])
    opened = parent.opened
    return Line(
        symbol=parent.plan.symbol,
        side=opened.side.value if opened else "",
        algo=opened.algo.value if opened else "",
        ordered=parent.order_qty,
        filled=parent.cum_qty,
        status=parent.status.value,
        predicted_bps=cost.predicted_bps,
        actual_bps=cost.actual_bps,
        reason=parent.reason,
    )
