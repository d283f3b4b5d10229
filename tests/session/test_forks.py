"""Two live orders under one reference (law 2): a second client places what looks like our own child."""

import asyncio
import json

import pytest

from tests.gateway_client import client, resting
from tests.session.conftest import OpenDay
from tests.session.trading_day import RESTING, TradingDay

pytestmark = pytest.mark.process

CHILD = "H-20261123-ZO-1-C01"
LOOKING = {"execution.snapshot_every_wall_s": "0.5"}


async def _fork(day: TradingDay) -> int:
    """The permId of another client's working order under our child's reference; it stays when we leave."""
    async with client(day.gateway, 77) as stranger:
        return int((await resting(stranger, CHILD)).order.permId)


def _alerts(day: TradingDay) -> list[dict[str, str]]:
    path = day.data_dir / "alerts.jsonl"
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [one["facts"] for one in told if one["name"] == "hydra.order.forked"]


@pytest.mark.parametrize("is_allowed", [False, True], ids=["told", "global cancel"])
def test_the_instrument_halts_ours_is_cancelled_and_the_other_is_told_or_ended(
    open_day: OpenDay, is_allowed: bool
) -> None:
    day = open_day(speed=60.0)
    day.settings = {**RESTING, **LOOKING, "worker.global_cancel": is_allowed}
    day.gateway.fault("halt", symbol="ZO", on="accept", order_ref=CHILD)
    running = day.begin("ZO=2")
    day.until(day.sent, "our child is sent")
    stranger = asyncio.run(_fork(day))
    day.until(lambda: _alerts(day), "a person is told")
    assert [(one["order_ref"], one["perm_ids"]) for one in _alerts(day)] == [(CHILD, str(stranger))]
    action = "reqGlobalCancel was sent" if is_allowed else "cancel it by hand in TWS"
    assert _alerts(day)[0]["action"].startswith(action)
    assert "TWO_PERM_IDS" in {one["kind"] for one in day.of("ReconciliationFound")}
    assert [(one["scope"], one["state"]) for one in day.of("TradingStateChanged")] == [("ZO", "HALTED")]
    running.end()
    states = {order["perm_id"]: order["status"] for order in day.gateway.books()["orders"]}
    assert states.pop(stranger) == ("Cancelled" if is_allowed else "Submitted")
    assert set(states.values()) == {"Cancelled"}
    assert day.sent().count(CHILD) == 2  # ours once, the stranger's once
