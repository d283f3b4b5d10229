"""`prefect worker start` as for any Prefect worker: type by entry point, role and name by configuration."""

import os
import signal
import sys

import pytest

from tests.flows.conftest import UNLIMITED, OpenFlowDay, until

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]


def test_prefects_own_command_starts_the_worker_which_takes_runs_and_ends_in_order(
    open_flow_day: OpenFlowDay,
) -> None:
    flow_day = open_flow_day()
    environment = {**flow_day.day.environment(), **flow_day.server.environment}
    mine = {key: value for key, value in environment.items() if key != "HYDRA_CONFIG"}
    mine |= {"HYDRA_DATA_DIR": str(flow_day.day.data_dir), "HYDRA_GATEWAY_ACCOUNT": "DUSIM001"}
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "ib", "--type", "ib-gateway"]
    worker = flow_day.parts.start("prefect worker", argv, mine, flow_day.here)
    # of a deployment without slots: another test's dead run may hold the one of `reconciliation` for minutes
    run = flow_day.start_run({"ZO": 1}, UNLIMITED, horizon_minutes=5)
    assert flow_day.end_of(run)[0] == "COMPLETED", flow_day.end_of(run)
    os.killpg(worker.pid, signal.SIGTERM)
    until(lambda: not worker.is_running, "it ends")
    assert flow_day.day.session("ZO=1").code == 0  # the lease is free again, at once
