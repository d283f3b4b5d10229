"""What happens in a session reaches the local sink within five seconds, also after the sink was down."""

import json
import time
from typing import Any

import pytest

from tests.session.trading_day import OATS, RESTING, TradingDay

pytestmark = pytest.mark.process

WITHIN_S = 5.0


def told(day: TradingDay) -> list[dict[str, Any]]:
    path = day.data_dir / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def names(day: TradingDay) -> list[str]:
    return [one["name"] for one in told(day)]


def test_alerts_reach_the_file_in_time_and_none_is_lost_while_it_cannot_be_written(day: TradingDay) -> None:
    day.settings = {**RESTING, "execution.ladder_s": "[700.0, 1.0, 500.0]", "execution.horizon_s": "1201"}
    (day.data_dir / "alerts.jsonl").mkdir(parents=True)
    running = day.begin(f"ZO={OATS}")
    day.until(day.sent, "an order is sent")
    (day.data_dir / "alerts.jsonl").rmdir()
    day.until(lambda: "hydra.parent.opened" in names(day), "what was held back is told")
    halt = ("trading", "set", "HALTED", "--scope", "ZO", "--by", "anna", "--reason", "a test")
    assert day.hydra(*halt).code == 0
    since_s = time.monotonic()
    day.until(lambda: "hydra.trading.halted" in names(day), "the halt is told")
    assert time.monotonic() - since_s <= WITHIN_S
    done = running.end()
    assert done.code == 0, done.stderr
    assert names(day)[0] == "hydra.parent.opened"
    assert names(day)[-1] == "hydra.parent.closed"
    assert [one["number"] for one in told(day)] == list(range(1, len(told(day)) + 1))
    assert [one["alert_scope"] for one in done.events("hydra.alert.raised")] == ["ZO"]
