"""What is traded: contracts, their quotes and bars. Reading only, so it may be retried."""

from collections.abc import Sequence

from prefect import get_run_logger, task

from hydra.worker import steps
from hydra.worker.engine import engine
from tasks.options import ONCE, READING


@task(name="qualify-contract", task_run_name="qualify {symbol}", **READING)
async def qualify_contract(symbol: str) -> list[str]:
    """Find the contract, watch its quotes, read its bars; returns why it is denied, if it is."""
    reasons = await engine().call(steps.qualify, symbol)
    get_run_logger().info("%s: %s", symbol, "; ".join(reasons) or "qualified")
    return reasons


@task(name="deny-symbol", task_run_name="deny {symbol}", **ONCE)
async def deny_symbol(symbol: str, reasons: Sequence[str]) -> None:
    """Leave out a symbol that could not be prepared; the others go on."""
    await engine().call(steps.deny, symbol, reasons)
    get_run_logger().warning("%s is not traded: %s", symbol, "; ".join(reasons))
