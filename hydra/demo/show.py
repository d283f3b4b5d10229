"""What the person at the terminal sees: phases, a progress display while it runs, the table at the end."""

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hydra.demo.result import Line, Result
from hydra.domain.parent import ParentOrder
from hydra.reports.fills import shown

PIPED_WIDTH = 140


class Display:
    """Progress on stderr, so that stdout holds the result only; plain lines where stderr is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._began_s = time.monotonic()
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.completed:g}/{task.total:g} {task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, text: str) -> None:
        """One line with the wall seconds since the start."""
        self._console.print(Text(f"{time.monotonic() - self._began_s:5.1f} s  {text}"), soft_wrap=True)

    def show(self, parents: Iterable[ParentOrder], market_time: str) -> None:
        """One bar a parent."""
        for parent in parents:
            name = f"{parent.plan.symbol:<3} {parent.opened.side.value if parent.opened else '':<4}"
            if parent.parent_id not in self._bars:
                self._bars[parent.parent_id] = self._progress.add_task(name, total=1, note="")
            note = f"lots, {parent.status.value} {market_time}"
            total = max(parent.order_qty, 1)
            self._progress.update(
                self._bars[parent.parent_id], total=total, completed=parent.cum_qty, note=note
            )


def print_result(result: Result, minutes: float) -> None:
    """The short table on stdout, then what was dropped, what was found and where to look."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    title = f"Session {result.session_on}, seed {result.seed}, {minutes:.0f} market minutes"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("symbol", "side", "algo"):
        table.add_column(name)
    for name in ("ordered", "filled", "predicted bps", "actual bps"):
        table.add_column(name, justify="right")
    table.add_column("ended", overflow="fold")
    for line in result.lines:
        table.add_row(*_cells(line))
    table.add_section()
    table.add_row(*_cells(result.total), style="bold")
    console.print(table)
    for text in _facts(result):
        console.print(Text(text), soft_wrap=True)


def _cells(line: Line) -> list[str]:
    ended = f"{line.status} {line.reason}".strip()
    costs = [shown(line.predicted_bps), shown(line.actual_bps)]
    return [line.symbol, line.side, line.algo, str(line.ordered), str(line.filled), *costs, ended]


def _facts(result: Result) -> list[str]:
    total, dropped = result.total, result.dropped
    facts = [
        f"ordered {total.ordered}, filled {total.filled}, duplicates {result.duplicates}, "
        f"lost {result.lost}; slippage predicted {shown(total.predicted_bps)} bps, "
        f"actual {shown(total.actual_bps)} bps"
    ]
    if dropped is not None:
        facts.append(
            f"connection dropped at {dropped.at:%H:%M:%S} UTC market time while {dropped.order_ref} "
            f"(slice {dropped.slice_no}, {dropped.filled} of {dropped.lots} lots filled) worked; "
            f"it ended {result.after_the_drop}"
        )
    facts += [f"BROKEN: {problem}" for problem in result.problems]
    if not result.problems:
        facts.append(f"books agree: {result.executions} executions, compared by a script of its own")
    facts.append(f"{result.wall_s:.0f} s, {result.resident_mib_max:.0f} MiB summed memory at most")
    facts.append(f"ledger, books and logs: {result.folder}")
    facts.append(f"Prefect UI, while it runs (--keep, or `make up`): {result.ui}")
    return facts
