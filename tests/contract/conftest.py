"""One simulated gateway per test file, as a process of its own."""

from collections.abc import Iterator

import pytest

from tests.contract.ledger_stores import postgres_server, store
from tests.gateway_process import GatewayProcess, running_gateway

__all__ = ["gateway", "postgres_server", "store"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(tmp_path_factory.mktemp("gateway"), speed=60) as process:
        yield process
