"""A gateway as a process of its own: state directory, clock file, control channel, signals."""

import asyncio
import ipaddress
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hydra.clock import ScaledClock
from hydra.domain.errors import Unavailable, UserError, did_you_mean
from hydra.ports import Log, silent
from hydra.simgateway.calendar import next_common_open, session_close
from hydra.simgateway.calibration import calibrations
from hydra.simgateway.contracts import active_contract
from hydra.simgateway.control import Answer, ControlServer, write_private
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.replay import DailyBar, ending_on, parse_bars
from hydra.simgateway.server import GatewayServer
from hydra.simgateway.store import JOURNAL_NAME, FileJournal, read_records

CLOCK_NAME: Final = "clock.json"
GATEWAY_NAME: Final = "gateway.json"
# Where gateways and TWS for real money listen.
LIVE_PORTS: Final = frozenset({4001, 7496})
START, SPEED, ANCHOR = "HYDRA_CLOCK_START", "HYDRA_CLOCK_SPEED", "HYDRA_CLOCK_ANCHOR"
SPEED_MAX: Final = 10_000
_START_SAID, _SPEED_SAID = f"--start ({START})", f"--speed ({SPEED})"


@dataclass(frozen=True, slots=True)
class ClockWish:
    """What the command line or environment says about the clock; None = nothing."""

    start: str | None = None
    speed: str | None = None
    anchor: str | None = None

    @property
    def is_silent(self) -> bool:
        return (self.start, self.speed, self.anchor) == (None, None, None)


@dataclass(frozen=True, slots=True)
class Ready:
    """What a started gateway tells."""

    host: str
    port: int
    account: str
    state_dir: Path
    clock: Mapping[str, object]
    at: datetime


def check_address(host: str, port: int) -> None:
    """Refuses what could be taken for a real gateway or reached from outside; UserError."""
    if port in LIVE_PORTS:
        raise UserError("HY-201", port=port)
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise UserError("HY-202", host=host)


def read_bars(path: Path, symbol: str) -> dict[str, Sequence[DailyBar]]:
    """Bars of one symbol from a CSV file; UserError names the line at fault."""
    known = calibrations()
    if symbol not in known:
        hint = did_you_mean(symbol, known)
        raise UserError("HY-213", where="--symbol", symbol=symbol, hint=hint, known=", ".join(known))
    try:
        with path.open(encoding="utf-8") as lines:
            return {symbol: parse_bars(lines, str(path))}
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError("HY-215", path=path, problem=problem) from error


def clock_of(state_dir: Path, wish: ClockWish, wall_now_s: float) -> ScaledClock:
    """The clock of a state directory: as wished, else as last time, else from the next session open on.

    A wish for another speed alone keeps the market time that holds now.
    """
    old = read_clock(state_dir)
    if old is not None and wish.is_silent:
        return old
    speed = _speed(wish.speed) if wish.speed is not None else (old.speed if old else 1.0)
    if wish.start is not None:
        start = _instant(wish.start)
    elif old is not None:
        start = old.now()
    else:
        start = next_session_open(datetime.fromtimestamp(wall_now_s, UTC))
    anchor = _anchor(wish.anchor) if wish.anchor is not None else wall_now_s
    return ScaledClock(start, speed, anchor)


def read_clock(state_dir: Path) -> ScaledClock | None:
    """The clock a gateway wrote; None if there is none."""
    path = state_dir / CLOCK_NAME
    try:
        held = json.loads(path.read_text())
        return ScaledClock(_instant(held[START]), _speed(str(held[SPEED])), float(held[ANCHOR]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except KeyError as error:
        raise UserError("HY-214", path=path, problem=f"{error.args[0]} is missing") from error
    except (OSError, TypeError, ValueError) as error:
        raise UserError("HY-214", path=path, problem=error) from error


def clock_values(clock: ScaledClock) -> dict[str, object]:
    return {START: clock.start.isoformat(), SPEED: clock.speed, ANCHOR: clock.anchor_s}


def next_session_open(at: datetime) -> datetime:
    """The next instant at which all simulated futures begin to trade at once."""
    fronts = [active_contract(symbol, at.date()) for symbol in calibrations()]
    common = next_common_open(fronts, at)
    if common == at:
        common = next_common_open(fronts, min(session_close(contract, at) for contract in fronts))
    return common


def check_settings(state_dir: Path, settings: GatewaySettings, at: datetime) -> None:
    """A state directory keeps seed and cash, and its time never goes back; UserError says what differs."""
    path = state_dir / JOURNAL_NAME
    first = last = None
    for last in read_records(path):
        first = first or last
    if last is None:
        return
    for what, theirs, given in (
        ("seed", getattr(first, "seed", settings.seed), settings.seed),
        ("cash", getattr(first, "cash_usd", settings.cash_usd), settings.cash_usd),
    ):
        if theirs != given:
            raise UserError("HY-211", path=state_dir, what=what, theirs=theirs, given=given)
    if at < last.at:
        problem = f"the books of {state_dir} already reach {last.at.isoformat()}"
        raise UserError("HY-210", where=START, value=at.isoformat(), problem=problem)


async def serve(
    settings: GatewaySettings,
    clock: ScaledClock,
    state_dir: Path,
    address: tuple[str, int],
    bars: Mapping[str, Sequence[DailyBar]],
    on_ready: Callable[[Ready], None],
    log: Log = silent,
) -> None:
    """Run one gateway until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    journal = FileJournal(state_dir)
    check_settings(state_dir, settings, clock.now())
    first_day = clock.start.date()
    dated = {symbol: ending_on(tuple(rows), first_day) for symbol, rows in bars.items()}
    server = GatewayServer(settings, clock, journal, loop, bars=dated, log=log)
    control = ControlServer(state_dir, lambda command, arguments: _control(server, command, arguments))
    try:
        await server.start(*address)
    except OSError as error:
        journal.close()
        raise Unavailable("HY-203", host=address[0], port=address[1], problem=error.strerror) from error
    await control.start()
    values = clock_values(clock)
    write_private(state_dir / CLOCK_NAME, json.dumps(values))
    held = {"pid": os.getpid(), "host": server.host, "port": server.port, "account": settings.account}
    write_private(state_dir / GATEWAY_NAME, json.dumps({**held, "seed": settings.seed}))
    on_ready(Ready(server.host, server.port, settings.account, state_dir, values, clock.now()))
    await ended.wait()
    server.stop()
    control.stop()
    (state_dir / GATEWAY_NAME).unlink(missing_ok=True)
    journal.close()


def _control(server: GatewayServer, command: str, arguments: Mapping[str, object]) -> Answer:
    if command != "fault":
        return {"message": f"unknown command {command}"}
    options = {name: value for name, value in arguments.items() if name != "name"}
    message = server.faults.inject(str(arguments.get("name")), options)
    return {"message": message, "faults": server.faults.describe()}


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError("HY-210", where=_START_SAID, value=text, problem="not an ISO instant") from None
    if at.tzinfo is None:
        raise UserError("HY-210", where=_START_SAID, value=text, problem="it has no zone")
    return at.astimezone(UTC)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= SPEED_MAX:
        problem = f"not a number above 0 and up to {SPEED_MAX}"
        raise UserError("HY-210", where=_SPEED_SAID, value=text, problem=problem)
    return speed


def _anchor(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError("HY-210", where=ANCHOR, value=text, problem="not Unix seconds") from None
