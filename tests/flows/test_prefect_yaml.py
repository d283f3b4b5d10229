"""prefect.yaml says what we mean: Prefect itself ignores a misspelt key, so the keys are checked here."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow
from prefect.utilities.importtools import import_object

from hydra.demo.stack import POOL, default_prefect_file

FILE: dict[str, Any] = yaml.safe_load(default_prefect_file().read_text())
DEPLOYMENTS: dict[str, dict[str, Any]] = {one["name"]: one for one in FILE["deployments"]}
DEPLOYMENT_KEYS = {
    "name", "entrypoint", "description", "tags", "parameters", "enforce_parameter_schema",
    "concurrency_limit", "work_pool", "schedules",
}  # fmt: skip
SCHEDULE_KEYS = {"slug", "cron", "timezone", "active"}


def test_the_file_holds_nothing_unknown_and_pulls_nothing() -> None:
    assert FILE.keys() == {"name", "pull", "deployments"}
    assert FILE["pull"] == []
    assert {"execution-session", "reconciliation"} <= DEPLOYMENTS.keys()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_names_a_flow_by_its_dotted_path_in_our_pool(name: str) -> None:
    deployment = DEPLOYMENTS[name]
    assert deployment.keys() == DEPLOYMENT_KEYS
    assert ":" not in deployment["entrypoint"]
    assert "/" not in deployment["entrypoint"]
    assert isinstance(import_object(deployment["entrypoint"]), Flow)
    assert deployment["work_pool"] == {"name": POOL}
    assert deployment["concurrency_limit"].keys() == {"limit", "collision_strategy"}
    assert deployment["enforce_parameter_schema"] is True
    assert "hydra" in deployment["tags"]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_schedule_has_a_slug_and_a_zone_and_starts_switched_off(name: str) -> None:
    schedules = DEPLOYMENTS[name]["schedules"]
    assert len({one["slug"] for one in schedules}) == len(schedules) > 0
    for schedule in schedules:
        assert schedule.keys() == SCHEDULE_KEYS
        assert ZoneInfo(schedule["timezone"])
        assert schedule["active"] is False
