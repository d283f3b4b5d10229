"""The one catalogue of every coded line: a code is added in the file of its block and nowhere else."""

from typing import Final

from hydra.domain.catalogue import (
    command_line,
    configuration,
    connection,
    laws,
    ledger,
    research,
    risk,
    session,
    simulated_gateway,
    simulation,
    worker,
)
from hydra.domain.catalogue.entry import Entry

CATALOGUE: Final[dict[str, Entry]] = {
    **command_line.ENTRIES,
    **configuration.ENTRIES,
    **simulated_gateway.ENTRIES,
    **connection.ENTRIES,
    **ledger.ENTRIES,
    **session.ENTRIES,
    **worker.ENTRIES,
    **risk.ENTRIES,
    **research.ENTRIES,
    **simulation.ENTRIES,
    **laws.ENTRIES,
}
