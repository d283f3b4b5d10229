"""Errors: one tree, three kinds kept apart, and one catalogue of the lines people read.

    HydraError
    ├── BrokenLaw        we are wrong: a promise found broken; halts, never continues            exit 1
    ├── UserError        the input or the surroundings are wrong: one coded line, never a trace  exit 2 (3, 4)
    └── Unavailable      a part is away or did not answer: nothing is known, nothing was done    exit 3

What a counterparty refuses is a value (`Denied`, `Rejected`), not an exception; what is unknown is a
state (`in_doubt`), not an exception either.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter
from typing import Final

DONE: Final = 0
BROKEN: Final = 1
BAD_INPUT: Final = 2
COULD_NOT_RUN: Final = 3
IN_DOUBT: Final = 4

_VALUE_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One catalogue line: the exit code, what is wrong (with its place and value), and how to mend it."""

    exit_code: int
    what: str
    fix: str

    @property
    def fields(self) -> frozenset[str]:
        """The names both templates ask for."""
        parts = (*Formatter().parse(self.what), *Formatter().parse(self.fix))
        return frozenset(name for _, name, _, _ in parts if name is not None)


class HydraError(Exception):
    """A failure with a code of the catalogue; `str()` is the whole line a person reads."""

    def __init__(self, code: str, **values: object) -> None:
        entry = CATALOGUE.get(code)
        if entry is None:
            raise ValueError(f"{code} is not in the catalogue")
        if values.keys() != entry.fields:
            raise ValueError(f"{code} takes exactly {sorted(entry.fields)}, not {sorted(values)}")
        self.code = code
        self.exit_code = entry.exit_code
        self.values = values
        shown = {name: _one_line(value) for name, value in values.items()}
        self.what = entry.what.format(**shown)
        self.fix = entry.fix.format(**shown)
        stop = "" if self.what.endswith("?") else "."
        super().__init__(f"{code} {self.what}{stop} Fix: {self.fix}.")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, self.values)


class BrokenLaw(HydraError):
    """We are wrong: a law of ARCHITECTURE.md does not hold; whoever catches it halts and tells a person."""


class UserError(HydraError):
    """The input or the surroundings are wrong, and the person reading can mend it."""


class Unavailable(HydraError):
    """A part is away or did not answer; nothing was done and nothing may be concluded from it."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The `{hint}` of a catalogue line: `, did you mean x?`, or nothing where no known name is near."""
    near = get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f", did you mean {near[0]}?" if near else ""


def _rebuild(kind: type[HydraError], code: str, values: dict[str, object]) -> HydraError:
    return kind(code, **values)


def _one_line(value: object) -> str:
    """The value as printable text on one line: input that reached us must not steer the terminal."""
    text = " ".join(str(value).split())
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= _VALUE_CHARS_MAX else text[: _VALUE_CHARS_MAX - 1] + "…"


# Templates end without a full stop; the sentence order is: where, what, value. Add yours in its block.
CATALOGUE: Final[dict[str, Entry]] = {
    # 0xx: the command line
    "HY-000": Entry(
        BROKEN,
        "unexpected {kind}: {detail} (trace saved in {path})",
        "this is a defect of hydra: report it with that file; HYDRA_DEBUG_TRACE=1 prints the trace instead",
    ),
    "HY-001": Entry(BAD_INPUT, "{command}: no such command: {given}{hint}", "see `{command} --help`"),
    "HY-002": Entry(BAD_INPUT, "{command}: no such option: {given}{hint}", "see `{command} --help`"),
    "HY-003": Entry(BAD_INPUT, "{command}: {given} is missing", "add it; see `{command} --help`"),
    "HY-004": Entry(BAD_INPUT, "{command}: {given}: {problem}{hint}", "see `{command} --help`"),
    "HY-005": Entry(BAD_INPUT, "{command}: {problem}", "see `{command} --help`"),
    "HY-006": Entry(BAD_INPUT, "{where}: cannot write: {problem}", "give a file you may write to"),
    # 1xx: configuration
    "HY-101": Entry(
        BAD_INPUT,
        "{where}: cannot read this configuration file: {problem}",
        "check --config or HYDRA_CONFIG",
    ),
    "HY-102": Entry(BAD_INPUT, "{where}: not TOML: {problem}", "correct that line"),
    "HY-103": Entry(
        BAD_INPUT,
        "{where}: unknown key {key} = {value}{hint}",
        "correct or remove it; `hydra config show` lists the keys",
    ),
    "HY-104": Entry(
        BAD_INPUT,
        "{where}: {key} = {value}: {problem}",
        "give a value that fits; docs/configuration.md says which",
    ),
    "HY-105": Entry(
        BAD_INPUT,
        "environment: unknown variable {name} = {value}{hint}",
        "correct or unset it; docs/configuration.md lists the names",
    ),
    "HY-106": Entry(
        COULD_NOT_RUN,
        "{where}: the data directory {path} cannot be used: {problem}",
        "set HYDRA_DATA_DIR to a directory you may write to",
    ),
    "HY-110": Entry(
        BAD_INPUT,
        "{where}: trading.mode = live, but --live is not on the command line",
        "add --live, or set trading.mode = paper",
    ),
    "HY-111": Entry(
        BAD_INPUT,
        "mode live: the account typed back is {given}, the configuration has {account}",
        "type it back: --confirm-account ID",
    ),
    "HY-112": Entry(
        BAD_INPUT,
        "mode live: no passed paper gate is on record for account {account}",
        "run the paper gate first; docs/runbook.md says how",
    ),
    "HY-113": Entry(
        BAD_INPUT,
        "mode {mode}: gateway.account = {account} ({where}) is not a {mode} account",
        "paper accounts begin with DU; correct mode or gateway.account",
    ),
    # 2xx: simulated gateway
    "HY-201": Entry(
        BAD_INPUT,
        "gateway run: port {port} belongs to real gateways trading real money",
        "take 4002 (the paper port) or 0 (any free port)",
    ),
    "HY-202": Entry(
        BAD_INPUT,
        "gateway run: host {host} is not a loopback address",
        "use 127.0.0.1: a simulated gateway must not be reachable from outside",
    ),
    "HY-203": Entry(
        COULD_NOT_RUN,
        "gateway run: cannot listen on {host}:{port}: {problem}",
        "stop what listens there, or give --port 0",
    ),
    "HY-204": Entry(
        COULD_NOT_RUN,
        "{path}: the gateway's state cannot be written: {problem}",
        "give a directory you may write to",
    ),
    "HY-205": Entry(
        COULD_NOT_RUN,
        "{path}: another simulated gateway holds this state directory",
        "stop it, or give another one",
    ),
    "HY-206": Entry(BAD_INPUT, "unknown fault {name}{hint}", "see `hydra gateway fault --list`"),
    "HY-207": Entry(BAD_INPUT, "fault {name}: {problem}", "see `hydra gateway fault --list`"),
    "HY-208": Entry(
        COULD_NOT_RUN,
        "{path}: no simulated gateway answers there: {problem}",
        "start one with `hydra gateway run --state-dir DIR`",
    ),
    "HY-209": Entry(BAD_INPUT, "{where}: {problem}", "correct that line: date,open,high,low,close,volume"),
    "HY-210": Entry(
        BAD_INPUT,
        "{where} = {value}: {problem}",
        "give an ISO instant with its zone, e.g. 2026-11-23T14:30:00Z, and a speed above 0",
    ),
    "HY-211": Entry(
        BAD_INPUT,
        "{path} belongs to {what} {theirs}, not {given}",
        "give the same value, or another --state-dir",
    ),
    "HY-212": Entry(
        COULD_NOT_RUN,
        "{where}: damaged journal: {problem}",
        "restore the file, or start over in another --state-dir",
    ),
    "HY-213": Entry(BAD_INPUT, "{where}: unknown symbol {symbol}{hint}", "the simulated futures are {known}"),
    "HY-214": Entry(
        BAD_INPUT, "{path} holds no gateway state: {problem}", "give the --state-dir of `hydra gateway run`"
    ),
    # 3xx: broker connection
    "HY-301": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: nothing listens there: {problem}",
        "start the gateway, or correct gateway.host and gateway.port",
    ),
    "HY-302": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: no connection within {seconds} s",
        "check the address, the route and the firewall",
    ),
    "HY-303": Entry(
        COULD_NOT_RUN,
        "{host}:{port} accepts connections but does not answer the TWS handshake: {problem}",
        "check that it is a gateway's API port, that the API is enabled, and that no dialog waits for an answer",
    ),
    "HY-304": Entry(
        COULD_NOT_RUN,
        "{host}:{port} answered the handshake but did not open the session: {problem}",
        "check that the gateway is logged in and trusts this address",
    ),
    "HY-305": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: client id {client_id} is already in use (326)",
        "stop the other holder; a half-dead connection frees the id by itself, the id is never changed",
    ),
    "HY-306": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: connected, but the books were not told: {problem}",
        "try again; if it stays so, restart the gateway",
    ),
    "HY-307": Entry(
        BAD_INPUT,
        "{host}:{port} serves account {account}, which is no {mode} account",
        "paper accounts begin with DU: correct trading.mode, or connect to the other gateway",
    ),
    "HY-308": Entry(
        BAD_INPUT,
        "{host}:{port} does not serve account {account}, but {known}",
        "correct gateway.account",
    ),
    "HY-309": Entry(
        BAD_INPUT,
        "{host}:{port} serves several accounts: {known}",
        "name one: gateway.account",
    ),
    "HY-310": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: this clock and the gateway's differ by {skew} s, limit {limit} s",
        "set the machine's clock, or give the gateway's HYDRA_CLOCK_ values (`hydra gateway clock`)",
    ),
    "HY-311": Entry(COULD_NOT_RUN, "not connected to the gateway: {problem}", "wait for the connection and repeat"),
    # 4xx: ledger
    "HY-401": Entry(
        COULD_NOT_RUN,
        "ledger {where}: its schema {found} is newer than the newest this build knows, {known}",
        "run the build that wrote it, or a later one; a ledger is never taken back to an older schema",
    ),
    "HY-402": Entry(
        BAD_INPUT,
        "ledger {where}: there is none",
        "run a session first, or point HYDRA_DATA_DIR (or HYDRA_LEDGER_URL) at the right place",
    ),
    "HY-403": Entry(
        COULD_NOT_RUN,
        "ledger {where}: event kind {kind} version {version} is unknown to this build",
        "run the build that wrote it, or a later one",
    ),
    "HY-404": Entry(
        COULD_NOT_RUN,
        "ledger {where}: the payload of this {kind} cannot be read: {problem}",
        "run `hydra ledger verify`; docs/runbook.md says how to restore",
    ),
    "HY-405": Entry(
        COULD_NOT_RUN,
        "ledger {where}: cannot be opened: {problem}",
        "check the file and its directory (or the server) and who may write there",
    ),
    "HY-406": Entry(
        COULD_NOT_RUN,
        "ledger {where}: nothing was written: {problem}",
        "mend the storage (space, permissions, a process that holds the lock), then run it again",
    ),
    "HY-407": Entry(
        COULD_NOT_RUN,
        "ledger {where}: COMMIT failed, whether the facts are there is unknown: {problem}",
        "mend the storage, then run it again: it reads the ledger before it acts",
    ),
    "HY-408": Entry(
        BAD_INPUT,
        "ledger {where}: no parent order {given}{hint}",
        "`hydra ledger export --json` lists the streams",
    ),
    "HY-409": Entry(
        COULD_NOT_RUN,
        "ledger {where}: no driver for this database: {problem}",
        "give a file or sqlite:///FILE or postgresql://…, with psycopg installed for the last",
    ),
    "HY-410": Entry(
        BROKEN,
        "ledger {where}: {count} finding(s), the first: {first}",
        "do not trade on it: keep the file, read docs/runbook.md, restore and reconcile by name",
    ),
    # 5xx: session and planning
    "HY-501": Entry(
        COULD_NOT_RUN,
        "the broker's books could not be read whole: {reason}",
        "wait for a good link and run it again; `hydra doctor` and docs/runbook.md help",
    ),
    "HY-502": Entry(
        COULD_NOT_RUN, "the account was not answered: {reason}", "check the gateway and run it again"
    ),
    "HY-503": Entry(
        BAD_INPUT,
        "--targets {symbol}={given}: session {on} already planned {symbol}={planned}",
        "leave --targets away to finish that plan, or give --amend --by NAME for a second one",
    ),
    "HY-505": Entry(
        BAD_INPUT,
        "{order_ref} cannot be resolved: {problem}",
        "`hydra ledger show PARENT` tells its state; references look like H-20261123-ZO-1-C01",
    ),
    "HY-506": Entry(
        BAD_INPUT, "{what} cannot be adopted: {problem}", "`hydra session reconcile` lists what differs"
    ),
    "HY-507": Entry(BAD_INPUT, "{where}: {given}: {problem}", "write it like {example}"),
    "HY-504": Entry(BAD_INPUT, "strategy {name} is not registered", "choose one of: {known}"),
    # 6xx: worker, flows, server
    # 7xx: risk configuration
    "HY-701": Entry(
        BAD_INPUT,
        "risk limits: {key} = {value}: {problem}",
        "correct it in the risk section; `hydra config show` lists the limits in force",
    ),
    "HY-702": Entry(
        BAD_INPUT,
        "breaker {breaker}: nobody is named to acknowledge it",
        "say who decides: --by NAME",
    ),
    # 9xx: a law found broken (BrokenLaw)
    "HY-900": Entry(
        BROKEN,
        "law {law} broken: {detail}",
        "trading is halted and stays so: read docs/runbook.md, then resolve it by name",
    ),
}
