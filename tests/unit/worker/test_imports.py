"""What the worker process loads: it must stay small, and nothing heavy may stall its connection."""

import subprocess
import sys

import pytest

HEAVY = {"pandas", "matplotlib", "scipy", "numba", "lightgbm"}


@pytest.mark.process
def test_worker_flows_and_tasks_load_nothing_heavy() -> None:
    code = (
        "import sys, hydra.cli.worker, hydra.bootstrap, hydra.worker.serve, flows.execution_session\n"
        "import flows.reconciliation; print(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"prefect", "ib_async", "sqlalchemy"} <= loaded
    assert loaded.isdisjoint(HEAVY)
