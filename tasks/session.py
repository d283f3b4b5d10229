"""The beginning of a session."""

from collections.abc import Mapping, Sequence
from datetime import date

from prefect import get_run_logger, task

from hydra.usecases.plan import SessionRequest
from hydra.worker import steps
from hydra.worker.engine import engine
from tasks.options import ONCE


@task(name="begin-session", task_run_name="begin", **ONCE)
async def begin_session(
    session_on: date | None,
    symbols: Sequence[str],
    targets: Mapping[str, int] | None,
    horizon_minutes: int | None,
    amend_by: str,
) -> date:
    """Take the request; other targets than the session's plan on record are refused here."""
    on = session_on if session_on is not None else await engine().call(steps.today)
    horizon_s = None if horizon_minutes is None else horizon_minutes * 60.0
    wanted = dict(targets) if targets is not None else None
    request = SessionRequest(on, tuple(symbols), wanted, amend_by=amend_by, horizon_s=horizon_s)
    told = await engine().call(steps.begin, request)
    get_run_logger().info(
        "session %s on account %s, market time %s", on, told["account"], told["market_time"]
    )
    return on
