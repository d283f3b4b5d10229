"""A worker whose client id is in use and whose Prefect server is away: it waits, says so, sends nothing."""

import asyncio
import json
import os
import signal

import pytest

from tests.gateway_client import client
from tests.session.trading_day import TradingDay

pytestmark = pytest.mark.process

NOBODY = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}


def _alerts(day: TradingDay) -> list[tuple[str, str]]:
    path = day.data_dir / "alerts.jsonl"
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(one["name"], one["facts"].get("reason", "")) for one in told]


async def _until(day: TradingDay, name: str) -> None:
    await asyncio.to_thread(day.until, lambda: name in dict(_alerts(day)), f"{name} is told")


def test_326_is_waited_out_with_an_alert_and_no_order_and_no_server_is_needed_to_connect(
    day: TradingDay,
) -> None:
    async def occupied() -> None:
        async with client(day.gateway, 1):
            running.append(day.start("worker", "start", env=NOBODY))
            await _until(day, "hydra.connection.lost")
        await _until(day, "hydra.connection.restored")

    running = []
    asyncio.run(occupied())
    assert "326" in dict(_alerts(day))["hydra.connection.lost"]
    assert day.frames() == []
    # the books were read, though there is no server to take runs from
    log = running[0].process.stderr_path
    day.until(lambda: "hydra.connection.reconciled" in log.read_text(), "both books are compared")
    os.kill(running[0].pid, signal.SIGTERM)
    done = running[0].end()
    assert done.code == 0, done.stderr
    assert "HY-" not in done.stdout
