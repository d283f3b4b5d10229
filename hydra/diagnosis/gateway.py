"""The way to the gateway: which of the causes stands behind a bare timeout."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from hydra.broker.greeting import Answer, Greeting, greet
from hydra.broker.options import BrokerOptions
from hydra.broker.probe import Probe, probe
from hydra.diagnosis.finding import Finding, Status, fail, ok, skip, warn
from hydra.diagnosis.listeners import Listener, on_ports
from hydra.domain.roles import READING_ID_OFFSET
from hydra.persistence.seat import locked, signed
from hydra.ports import Clock

# What listens where by custom: gateway and TWS, the container's forwarded and mapped ports, jts.ini's own.
PORTS: Final[dict[int, str]] = {
    4001: "gateway, live",
    4002: "gateway, paper",
    4003: "container's forward, live",
    4004: "container's forward, paper",
    4101: "container, live (mapped)",
    4102: "container, paper (mapped)",
    7496: "TWS, live",
    7497: "TWS, paper",
    4000: "jts.ini LocalServerPort",
}
JTS_PORT: Final = 4000
GREET_WALL_S: Final = 1.0
DIAGNOSTICS_ID_OFFSET: Final = 3
IN_USE: Final = "HY-305"
_NO_DOOR: Final = (
    "gateway: Configure > Settings > API > Settings: enable ActiveX and Socket Clients, Socket port {port}, "
    "trust this address; close any open dialog"
)


def port_findings(options: BrokerOptions, found: Sequence[Listener]) -> list[Finding]:
    """Who has the gateway's ports on this machine, and whether strangers can reach them."""
    ports = {*PORTS, options.port}
    held = on_ports(found, ports)
    told = "; ".join(f"{one} [{PORTS.get(one.port, 'configured')}]" for one in held)
    findings = [ok("ports", told or "no gateway's port is in use on this machine")]
    exposed = [one for one in held if one.is_open]
    if exposed:
        what = f"reachable from other machines: {'; '.join(map(str, exposed))}"
        fix = 'bind it to 127.0.0.1 (compose: "127.0.0.1:4002:4004"): whoever reaches it can trade'
        findings.append(fail("bindings", what, fix))
    else:
        findings.append(ok("bindings", "no gateway's port is open to other machines"))
    return findings


def socket_finding(options: BrokerOptions, others: Iterable[int] = PORTS) -> Finding:
    """Whether a TWS API answers at the configured address; if not, why, and where one does."""
    where = f"{options.host}:{options.port}"
    answer = greet(options.host, options.port, GREET_WALL_S)
    if answer.answer is Answer.TWS:
        return ok("socket", f"{where} answers as a TWS API, server version {answer.detail}")
    elsewhere = [
        port
        for port in others
        if port != options.port and greet(options.host, port, GREET_WALL_S).answer is Answer.TWS
    ]
    if elsewhere:
        named = ", ".join(f"{port} ({PORTS.get(port, '?')})" for port in elsewhere)
        what = f"{where}: {_meaning(answer)}; but a TWS API answers on port {named}"
        return fail("socket", what, f"set gateway.port = {elsewhere[0]} (HYDRA_GATEWAY_PORT)")
    if options.port == JTS_PORT:
        fix = "4000 is jts.ini's LocalServerPort, not the API's: take 4002 (paper), and in containers 4004"
        return fail("socket", f"{where}: {_meaning(answer)}", fix)
    return fail("socket", f"{where}: {_meaning(answer)}", _way_out(answer.answer, options.port))


def _meaning(greeting: Greeting) -> str:
    return {
        Answer.REFUSED: "nothing listens there",
        Answer.UNREACHED: f"not reached: {greeting.detail}",
        Answer.CLOSED: f"it accepts and hangs up ({greeting.detail}): a forwarder without an API behind",
        Answer.SILENT: f"it accepts but does not answer the handshake ({greeting.detail})",
        Answer.FOREIGN: f"another program answers: {greeting.detail}",
        Answer.TWS: "a TWS API",
    }[greeting.answer]


def _way_out(answer: Answer, port: int) -> str:
    return {
        Answer.REFUSED: "start the gateway and log in; ports of host and container differ (4002, 4004)",
        Answer.UNREACHED: "correct gateway.host, or the route and the firewall",
        Answer.CLOSED: "container: make its forward point to the port of jts.ini, and trust this address; "
        + _NO_DOOR.format(port=port),
        Answer.SILENT: _NO_DOOR.format(port=port),
        Answer.FOREIGN: "correct gateway.port: 4002 paper, 4001 live, TWS 7497 and 7496",
        Answer.TWS: "",
    }[answer]


async def session_findings(
    options: BrokerOptions, clock: Clock, locks: Path, senders: Sequence[int] = ()
) -> list[Finding]:
    """What the gateway says to a client that logs in: ids, account, clock, farms, permission.

    `senders`: the ids of execution where it is sharded; else it is the options' own.
    """
    looked = await _looked(options, clock)
    if looked.failure is not None:
        return [fail("session", looked.failure.what, looked.failure.fix)]
    ids = [
        await _client_id_finding(replace(options, client_id=one), clock, locks)
        for one in senders or (options.client_id,)
    ]
    bad = [one for one in ids if one.status is not Status.OK]
    return [
        ok("session", f"server version {looked.server_version}, accounts {', '.join(looked.accounts)}"),
        *(bad or [ok("client_id", "; ".join(one.what for one in ids))]),
        _account_finding(looked),
        _permission_finding(looked),
        _skew_finding(options, looked),
        _farm_finding(looked),
    ]


async def _looked(options: BrokerOptions, clock: Clock) -> Probe:
    """Asked under the diagnostics id; where its worker runs, under the id of the command line's readings."""
    for offset in (DIAGNOSTICS_ID_OFFSET, READING_ID_OFFSET):
        looked = await probe(replace(options, client_id=options.client_id + offset), clock)
        if looked.failure is None or looked.failure.code != IN_USE:
            break
    return looked


async def _client_id_finding(options: BrokerOptions, clock: Clock, locks: Path) -> Finding:
    """Asked with our own lock held: a worker of ours cannot be hindered by the question."""
    client_id = options.client_id
    try:
        descriptor = locked(locks, client_id)
    except OSError as problem:
        return fail("client_id", f"the lock of client id {client_id}: {problem}", "make data_dir writable")
    if descriptor is None:
        return ok("client_id", f"client id {client_id} is held by our process {signed(locks, client_id)}")
    try:
        looked = await probe(options, clock)
    finally:
        os.close(descriptor)
    if looked.failure is None:
        return ok("client_id", f"client id {client_id} is free")
    if looked.failure.code != IN_USE:
        return fail("client_id", looked.failure.what, looked.failure.fix)
    what = f"client id {client_id} is in use (326) by a program that is not ours, or by a dead connection"
    return fail("client_id", what, "end that program or wait a minute; else choose another gateway.client_id")


def _account_finding(looked: Probe) -> Finding:
    problem = looked.account_problem
    if problem is not None:
        return fail("account", problem.what, problem.fix)
    return ok("account", f"{', '.join(looked.accounts)} agrees with the mode")


def _permission_finding(looked: Probe) -> Finding:
    if looked.is_read_only:
        return fail(
            "permission",
            "the API is read-only (321): no order will be taken",
            "gateway: Configure > Settings > API > Settings: untick Read-Only API (READ_ONLY_API=no)",
        )
    if looked.unanswered:
        fix = "close any dialog in the gateway and restart it if this stays"
        return fail("permission", f"not answered: {looked.unanswered}", fix)
    return ok("permission", "order messages are taken")


def _skew_finding(options: BrokerOptions, looked: Probe) -> Finding:
    if looked.skew_s is None:
        return fail("clock", "the gateway does not tell its time", "restart the gateway")
    what = f"the gateway's clock is {looked.skew_s:+.1f} s from this one, limit {options.skew_s_max:g} s"
    if abs(looked.skew_s) <= options.skew_s_max:
        return ok("clock", what)
    fix = "set this machine's clock (NTP), or share the HYDRA_CLOCK_ values of `hydra gateway clock`"
    return fail("clock", what, fix)


def _farm_finding(looked: Probe) -> Finding:
    if looked.lost_ib:
        fix = "wait, look at IB's system status; the gateway reconnects by itself"
        return fail("farms", "the gateway has no connection to IB (1100)", fix)
    if looked.broken_farms:
        what = f"data farms broken: {', '.join(looked.broken_farms)}"
        return warn("farms", what, "wait: no child is sent while a farm that matters is broken")
    return ok("farms", "no data farm is reported broken")


def unreached() -> list[Finding]:
    """What could not be asked because no API answers."""
    checks = ("session", "client_id", "account", "permission", "clock", "farms")
    return [skip(check, "no TWS API answers") for check in checks]
