"""A trading day in small: one real gateway, one data directory, sessions as real processes on its clock."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from hydra.clock import SystemClock
from hydra.persistence.open import open_ledger
from hydra.simgateway.process import CLOCK_NAME
from tests.gateway_process import GatewayProcess, start_gateway
from tests.hydra_process import HydraProcess

T = TypeVar("T")
JUDGE = Path(__file__).parents[2] / "hydra" / "demo" / "compare_books.py"
WAIT_S = 75.0
FIRED_WAIT_S = 15.0
ON = "2026-11-23"
POLL_S = 0.01

# The first two steps of a ladder are over before a child could live in them: what is sent crosses at once.
AT_ONCE: Mapping[str, object] = {
    "gateway.account": "DUSIM001",
    "execution.ladder_s": "[1.0, 1.0, 1200.0]",
    "execution.child_life_min_wall_s": "0.05",
    "logging.format": "json",
}
# More lots than a thin book holds, whole: at the mid for most of a second, then across the spread for two.
RESTING: Mapping[str, object] = {
    **AT_ONCE,
    "execution.ladder_s": "[180.0, 1.0, 500.0]",
    "execution.horizon_s": "681",
    "execution.twap_above_adv_fraction": "1.0",
    "execution.participation_rate": "1.0",
}
OATS = 12


class NotProvoked(Exception):
    """The race a test provokes did not happen on this machine this time: nothing was tested, try again."""


@dataclass(frozen=True)
class Outcome:
    """How one `hydra session run` ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def parents(self) -> dict[str, dict[str, Any]]:
        return {one["symbol"]: one for one in json.loads(self.stdout)["parents"]}

    @property
    def denied(self) -> dict[str, list[str]]:
        return {one["symbol"]: one["reasons"] for one in json.loads(self.stdout)["denied"]}

    @property
    def line(self) -> str:
        """The one coded line on stderr."""
        coded = [line for line in self.stderr.splitlines() if line.startswith("HY-")]
        assert len(coded) == 1, self.stderr
        return coded[0]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name in the JSON log."""
        lines = [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]


@dataclass
class Running:
    """A session that runs."""

    process: HydraProcess

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, wait_s: float = WAIT_S) -> Outcome:
        """Waits for its end."""
        try:
            return Outcome(self.process.wait(wait_s), *self._told())
        except subprocess.TimeoutExpired:
            raise AssertionError("the session did not end: " + "\n".join(self._told())) from None

    def _told(self) -> tuple[str, str]:
        return self.process.stdout_path.read_text(), self.process.stderr_path.read_text()

    def killed(self) -> None:
        """Waits for the SIGKILL that a fault hook of the gateway sends."""
        done = self.end()
        if done.code == 0:
            raise NotProvoked(f"the session ended before the moment of its death: {done.stdout}")
        assert done.code == -signal.SIGKILL, done


@dataclass
class TradingDay:
    """What a test holds: the gateway, the place of the ledger, and the session's settings."""

    gateway: GatewayProcess
    here: Path
    speed: float
    settings: dict[str, object] = field(default_factory=lambda: dict(AT_ONCE))
    _running: list[HydraProcess] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def data_dir(self) -> Path:
        return self.here / "data"

    # --- processes ---

    def restart_gateway(self) -> None:
        """The gateway again, on the same port and state, once its process is gone."""
        self.gateway.wait()
        again = start_gateway(self.gateway.state_dir, port=self.gateway.port, speed=self.speed)
        self.gateway.process = again.process

    def start(
        self,
        *command: object,
        env: Mapping[str, str] | None = None,
        without: Collection[str] = (),
        **settings: object,
    ) -> Running:
        """`hydra COMMAND` as a process; `settings` with two underscores for the dot go before it."""
        chosen = {**self.settings, **{key.replace("__", "."): value for key, value in settings.items()}}
        sets = [f"--set={key}={value}" for key, value in chosen.items() if value is not None]
        told = self.here / f"run-{next(self._numbers)}"
        process = HydraProcess(
            [*sets, *map(str, command)],
            self.here,
            {
                name: text
                for name, text in {**self.environment(), **(env or {})}.items()
                if name not in without
            },
            told.with_suffix(".out"),
            told.with_suffix(".err"),
        )
        self._running.append(process)
        return Running(process)

    def environment(self) -> dict[str, str]:
        """This process's, with the gateway's clock, port and a data directory of this day."""
        clock = json.loads((self.gateway.state_dir / CLOCK_NAME).read_text())
        return {
            **os.environ,
            **{name: str(value) for name, value in clock.items()},
            "HYDRA_GATEWAY_PORT": str(self.gateway.port),
            "HYDRA_DATA_DIR": str(self.data_dir),
        }

    def hydra(self, *command: object, **settings: object) -> Outcome:
        return self.start(*command, **settings).end()

    def begin(self, targets: str, *more: object, on: str = ON, **settings: object) -> Running:
        return self.start("session", "run", "--on", on, "--targets", targets, "--json", *more, **settings)

    def session(self, targets: str, *more: object, on: str = ON, **settings: object) -> Outcome:
        return self.begin(targets, *more, on=on, **settings).end()

    def close(self) -> None:
        """No process of this day is left behind."""
        for process in self._running:
            process.end()

    # --- what is on record ---

    def ledger(self) -> list[dict[str, Any]]:
        """Every event, as `hydra ledger export --json` prints it."""
        clock = SystemClock()
        place = str(self.settings.get("ledger.url") or self.data_dir / "ledger.sqlite3")
        if "://" not in place and not Path(place).exists():
            return []
        ledger = open_ledger(place, now=clock.now, wall_s=clock.wall_s, folder=self.data_dir, read_only=True)
        try:
            return [dict(event) for event in ledger.export()]
        finally:
            ledger.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of one kind of event."""
        return [event["payload"] for event in self.ledger() if event["kind"] == kind]

    def of_times(self, kind: str) -> list[datetime]:
        """When the events of one kind were recorded, in market time."""
        found = [event["recorded_at"] for event in self.ledger() if event["kind"] == kind]
        return sorted(datetime.fromisoformat(at) for at in found)

    def frames(self, kind: str = "placeOrder") -> list[dict[str, Any]]:
        return [frame for frame in self.gateway.books()["frames"] if frame["kind"] == kind]

    def sent(self) -> list[str]:
        """The order references the gateway was sent, one for every frame."""
        return [str(frame["order_ref"]) for frame in self.frames()]

    def position(self, symbol: str) -> int:
        """Lots by the gateway's own books."""
        return sum(
            int(str(row["qty"])) for row in self.gateway.books()["positions"] if row["symbol"] == symbol
        )

    def assert_reached(self, done: Outcome, symbol: str, target: int, start: int = 0) -> None:
        """The target exactly, or short of it with the reason said; never beyond."""
        parent, moved = done.parents[symbol], self.position(symbol) - start
        assert parent["cum_qty"] == abs(moved), (parent, moved)
        assert parent["leaves_qty"] == abs(target - start) - abs(moved)
        if moved != target - start:
            assert parent["status"] == "REMAINDER", parent
            assert parent["reason"], parent
            assert 0 <= moved * (1 if target > start else -1) < abs(target - start)

    def until(self, condition: Callable[[], T], what: str) -> T:
        deadline = time.monotonic() + WAIT_S
        while not (met := condition()):
            assert time.monotonic() < deadline, f"never happened: {what}"
            time.sleep(POLL_S)
        return met

    def until_fired(self, fault: str) -> None:
        """Until the gateway reports that a fault armed for a moment has fired."""
        deadline = time.monotonic() + FIRED_WAIT_S
        while not any(one.startswith(fault) for one in self._fault_state()["fired"]):
            if time.monotonic() > deadline:
                raise NotProvoked(fault)
            time.sleep(POLL_S)

    def _fault_state(self) -> dict[str, Any]:
        return dict(self.gateway.fault("status")["faults"])

    def judge(self) -> dict[str, Any]:
        """What the independent judge says; AssertionError with every difference when books are not equal."""
        number = next(self._numbers)
        books, ledger = self.here / f"books-{number}.json", self.here / f"ledger-{number}.jsonl"
        books.write_text(json.dumps(self.gateway.books()))
        ledger.write_text("".join(json.dumps(event) + "\n" for event in self.ledger()))
        done = subprocess.run(
            [sys.executable, "-I", str(JUDGE), str(books), str(ledger)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))
