"""Every check, in the order in which a person would ask; what hangs on an earlier one is skipped with it."""

from hydra.config import Settings
from hydra.diagnosis.finding import Finding, Status
from hydra.diagnosis.gateway import port_findings, session_findings, socket_finding, unreached
from hydra.diagnosis.listeners import listeners
from hydra.diagnosis.machine import machine_findings
from hydra.diagnosis.server import server_findings
from hydra.domain.roles import sender_ids
from hydra.persistence.seat import LOCKS_FOLDER
from hydra.wiring import canceller, clock_of


async def diagnose(settings: Settings, prefect_url: str | None) -> list[Finding]:
    """All findings; raises nothing that a check can name instead."""
    clock = clock_of(settings)
    options = canceller(settings, clock, settings.gateway.client_id).options
    found = listeners()
    socket = socket_finding(options)
    findings = [*machine_findings(settings, clock), *port_findings(options, found), socket]
    if socket.status is Status.OK:
        folder = settings.data_dir / LOCKS_FOLDER
        senders = sender_ids(settings.gateway.client_id, settings.worker.shards)
        findings += await session_findings(options, clock, folder, senders)
    else:
        findings += unreached()
    return [*findings, *server_findings(prefect_url)]
