"""The demo's story: start the stack, run one session, drop the connection once, compare both books."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from hydra.bootstrap import open_ledger_of, reading_broker
from hydra.config import Settings, risk_limits
from hydra.demo import result as results
from hydra.demo.drop import Dropped, drop_when_working
from hydra.demo.processes import ended_together, keep_running
from hydra.demo.result import Result
from hydra.demo.show import Display
from hydra.demo.stack import Stack, Wish, keep_secret, start_stack
from hydra.domain.errors import UserError
from hydra.domain.parent import ParentOrder
from hydra.persistence.ledger import SqlLedger
from hydra.ports import Clock, Refused, Unknown
from hydra.research.strategy import adv_lots
from hydra.wiring import clock_of

# Small enough for a ladder; ZO's target comes from its day's volume, so that it is sliced whatever the date.
LADDERED: Final = {"HE": 3, "LE": -2, "GF": 1, "ZR": -1, "OJ": 1}
SLICED: Final = "ZO"
SLICED_LOTS: Final = 8
HORIZON_MINUTES: Final = 40
DEPLOYMENT: Final = "execution-session/execution-session"
LOOK_WALL_S: Final = 0.1
END_STATES: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
SLACK_WALL_S: Final = 60.0


@dataclass(slots=True)
class Watch:
    """The session under way, as it is seen from outside."""

    stack: Stack
    ledger: SqlLedger
    clock: Clock
    session_on: date
    run_id: str
    dropped: Dropped | None = None
    resident_bytes_max: int = 0
    parents: Sequence[ParentOrder] = field(default_factory=tuple)


def run_demo(
    root: Path,
    wish: Wish,
    tell: Callable[[Result], None],
    *,
    keep: bool = False,
    targets: Mapping[str, int] | None = None,
) -> Result:
    """One demo in a new folder under `root`; `keep` leaves the stack until Ctrl-C once the result is told."""
    began_s = time.monotonic()
    with new_folder(root) as folder, ended_together() as parts, Display() as display:
        stack = start_stack(parts, folder, wish, display.tell)
        targets = targets or asyncio.run(_targets(stack.settings))
        watch = _start_session(stack, targets, display)
        try:
            state, message = _until_the_end(watch, wish.speed, display)
            display.tell(f"the run ended {state}: {message}")
            result = _judge(watch, wish, (state, message), time.monotonic() - began_s, targets)
        finally:
            watch.ledger.close()
        tell(result)
        if keep:
            _stay(stack, display)
        return result


def run_up(root: Path, wish: Wish) -> None:
    """The stack alone, until Ctrl-C."""
    with new_folder(root) as folder, ended_together() as parts, Display() as display:
        stack = start_stack(parts, folder, wish, display.tell)
        _stay(stack, display)


@contextmanager
def new_folder(root: Path) -> Iterator[Path]:
    """A folder of this run's own; those of finished runs before the last are removed."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(root.iterdir()):
            if not _is_running(old.name):
                shutil.rmtree(old, ignore_errors=True)
        folder = root / str(os.getpid())
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UserError("HY-006", where=root, problem=error.strerror or error) from error
    yield folder


def _is_running(name: str) -> bool:
    return name.isdigit() and Path(f"/proc/{name}").exists()


async def _targets(settings: Settings) -> Mapping[str, int]:
    """What fits this day: ZO's order is above the share of a day's volume that is sliced, below its cap."""
    clock = clock_of(settings)
    today = clock.now().astimezone(ZoneInfo(settings.gateway.broker_zone)).date()
    broker = await reading_broker(settings, clock)
    try:
        contract = await broker.qualify(SLICED)
        bars = () if isinstance(contract, Refused | Unknown) else await broker.daily_bars(contract, 64)
    finally:
        await broker.close()
    adv = 0 if isinstance(bars, Refused | Unknown) else adv_lots([bar for bar in bars if bar.on < today])
    largest = int(risk_limits(settings).instruments[SLICED].adv_fraction * adv)
    least = int(settings.execution.twap_above_adv_fraction * adv) + 1
    return {SLICED: max(min(SLICED_LOTS, largest), least), **LADDERED}


def _start_session(stack: Stack, targets: Mapping[str, int], display: Display) -> Watch:
    clock = clock_of(stack.settings)
    session_on = clock.now().astimezone(ZoneInfo(stack.settings.gateway.broker_zone)).date()
    parameters = {
        "session_on": session_on.isoformat(),
        "symbols": list(targets),
        "targets": dict(targets),
        "horizon_minutes": HORIZON_MINUTES,
    }
    run_id = stack.api.start_run(DEPLOYMENT, parameters)
    display.tell(f"session {session_on} of {', '.join(targets)} is started")
    ledger = open_ledger_of(stack.settings, clock, read_only=True)
    return Watch(stack, ledger, clock, session_on, run_id)


def _until_the_end(watch: Watch, speed: float, display: Display) -> tuple[str, str]:
    """Look again and again: drop once, show progress, measure; the run's final state."""
    until_s = time.monotonic() + HORIZON_MINUTES * 60 / speed + SLACK_WALL_S
    state, message, looked = "PENDING", "", 0
    while state not in END_STATES and time.monotonic() < until_s:
        watch.parents = watch.ledger.session(watch.session_on)
        display.show(watch.parents, f"{watch.clock.now():%H:%M} UTC")
        if watch.dropped is None:
            watch.dropped = drop_when_working(watch.stack.gateway_dir, watch.parents, watch.clock)
            if watch.dropped is not None:
                display.tell(f"connection dropped while {watch.dropped.order_ref} worked")
        if looked % 5 == 0:
            state, message = watch.stack.api.run_state(watch.run_id)
            watch.resident_bytes_max = max(watch.resident_bytes_max, watch.stack.parts.resident_bytes())
        if not watch.stack.worker.is_running:
            raise watch.stack.worker.failure("")
        looked += 1
        time.sleep(LOOK_WALL_S)
    return state, message


def _judge(
    watch: Watch, wish: Wish, ended: tuple[str, str], wall_s: float, targets: Mapping[str, int]
) -> Result:
    watch.parents = watch.ledger.session(watch.session_on)
    compared = results.compare(watch.stack.folder, watch.stack.gateway_dir, watch.ledger)
    problems = results.broken_promises(compared, watch.dropped, watch.parents, list(targets))
    in_doubt = results.has_doubt(watch.parents)
    if ended[0] != "COMPLETED" and not in_doubt:
        problems = (*problems, f"the flow run ended {ended[0]}: {ended[1]}")
    return Result(
        seed=wish.seed,
        speed=wish.speed,
        session_on=watch.session_on.isoformat(),
        run_state=ended[0],
        run_message=ended[1],
        lines=results.lines_of(watch.parents),
        total=results.total_of(watch.parents),
        duplicates=compared["duplicates"],
        lost=compared["lost"],
        executions=compared["executions"],
        dropped=watch.dropped,
        after_the_drop=results.end_of_child(watch.parents, watch.dropped),
        problems=problems,
        in_doubt=in_doubt,
        wall_s=wall_s,
        resident_mib_max=watch.resident_bytes_max / 2**20,
        ui=f"{watch.stack.ui_url}/v2/runs/flow-run/{watch.run_id}",
        folder=str(watch.stack.folder),
    )


def _stay(stack: Stack, display: Display) -> None:
    """Leave the stack running; workers that die are started again, Ctrl-C ends everything."""
    secret = keep_secret(stack.folder, stack.auth)
    display.tell(f"Prefect: {stack.ui_url}  log in with: {stack.auth}  (also in {secret})")
    display.tell(
        f"deployment {DEPLOYMENT}; gateway books: hydra gateway books --state-dir {stack.gateway_dir}"
    )
    display.tell("Ctrl-C ends everything")
    try:
        keep_running([one for one in stack.parts.all if one.needs_others], display.tell, lambda: False)
    except KeyboardInterrupt:
        return
