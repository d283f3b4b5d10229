"""prefect.yaml is read strictly: Prefect itself takes a misspelt key for none."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from hydra.demo.stack import default_prefect_file
from hydra.domain.errors import UserError
from hydra.worker.deploy.items import Item, Kind
from hydra.worker.deploy.manifest import Manifest, read_manifest
from hydra.worker.deploy.wanted import wanted_items

GOOD = """name: trial
pull: []
work_pools:
  - name: trial
    type: process
    work_queues:
      - name: default
        priority: 1
concurrency_limits:
  - name: trial-history
    limit: 2
deployments:
  - name: books
    entrypoint: flows.reconciliation.reconciliation
    description: Books.
    tags: [trial]
    concurrency_limit:
      limit: 1
    work_pool:
      name: trial
    schedules:
      - slug: hourly
        cron: "5 9 * * *"
        timezone: America/Chicago
    triggers:
      - expect: [hydra.connection.restored]
  - name: session
    entrypoint: flows.execution_session.execution_session
    description: Session.
    tags: [trial]
    parameters:
      symbols: [ZO]
    work_pool:
      name: trial
automations:
  - name: trial-silence
    trigger:
      type: event
      posture: Proactive
      expect: [hydra.child.filled]
      threshold: 1
      within: 60
    actions:
      - type: do-nothing
"""

REFUSED = [
    ("name: trial", "nam: trial", "HY-620", ":1: unknown key nam, did you mean name?"),
    (
        "    tags: [trial]",
        "    tagz: [trial]",
        "HY-620",
        ":16: unknown key deployments[0].tagz, did you mean tags?",
    ),
    (
        "      limit: 1",
        "      limits: 1",
        "HY-620",
        ":18: unknown key deployments[0].concurrency_limit.limits",
    ),
    (
        "        cron:",
        "        corn:",
        "HY-620",
        ":23: unknown key deployments[0].schedules[0].corn, did you mean cron?",
    ),
    (
        "      - expect: [hydra.c",
        "      - expects: [hydra.c",
        "HY-620",
        ":26: unknown key deployments[0].triggers[0].expects",
    ),
    ("        priority: 1", "        prio: 1", "HY-620", ":8: unknown key work_pools[0].work_queues[0].prio"),
    (
        "      symbols: [ZO]",
        "      symbol: [ZO]",
        "HY-620",
        ":32: unknown key deployments[1].parameters.symbol, did you",
    ),
    (
        "      threshold: 1",
        "      treshold: 1",
        "HY-620",
        ":41: unknown key automations[0].trigger.treshold, did you mean",
    ),
    ("      symbols: [ZO]", "      symbols: [zo]", "HY-621", ":32: deployments[1].parameters.symbols"),
    (
        "      - slug: hourly\n        cron",
        "      - cron",
        "HY-621",
        "deployments[0].schedules[0].slug: Field required",
    ),
    (
        "America/Chicago",
        "America/Chicagoo",
        "HY-621",
        "deployments[0].schedules[0].timezone: Value error, not a time",
    ),
    ('cron: "5 9 * * *"', 'cron: "5 9 * *"', "HY-621", ":23: deployments[0].schedules[0].cron: Value error"),
    ("pull: []\n", "", "HY-621", "pull: Field required"),
    ("pull: []", "pull:\n  - git_clone: {}", "HY-621", ":2: pull"),
    ("tags: [trial]", "tags: [mine]", "HY-621", ":16: deployments[0].tags: needs the tag trial"),
    ("trial-history", "history", "HY-621", ":10: concurrency_limits[0].name: must begin with trial-"),
    ("type: process", "type: proces", "HY-621", ":5: work_pools[0].type: no work pool type proces"),
    (
        "description: Books.",
        'description: "{{ prefect.variables.x }}"',
        "HY-621",
        ":15: deployments[0].description: templ",
    ),
    ("name: session", "name: books", None, ""),
    (
        "    description: Session.",
        "    description: Session.\n    description: Twice.",
        "HY-621",
        "said twice",
    ),
    (
        "flows.execution_session.execution_session",
        "flows.execution_session.nothing",
        "HY-622",
        ":28: no flow at flows.ex",
    ),
    (
        "flows.execution_session.execution_session",
        "flows.execution_session.SYMBOLS",
        "HY-622",
        "tuple, no flow",
    ),
    (
        "flows.execution_session.execution_session",
        "flows/execution_session.py:x",
        "HY-621",
        ":28: deployments[1].entry",
    ),
    ("type: do-nothing", "type: do-noting", "HY-621", "automations[0].actions"),
]


def _read(path: Path) -> tuple[Manifest, list[Item]]:
    from hydra.worker.deploy.run import _check_pools

    manifest, document = read_manifest(path)
    _check_pools(document, manifest)
    return manifest, wanted_items(manifest, document)


@pytest.mark.parametrize(("old", "new", "code", "line"), REFUSED, ids=[one[1].strip() for one in REFUSED])
def test_what_means_nothing_is_refused_with_its_line(
    old: str, new: str, code: str | None, line: str, tmp_path: Path
) -> None:
    file = tmp_path / "prefect.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    if code is None:
        _read(file)  # two flows may each have a deployment of one name
        return
    with pytest.raises(UserError) as refused:
        _read(file)
    assert refused.value.code == code
    assert line in str(refused.value)
    assert "prefect.yaml" in str(refused.value)


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text("name: trial\npull: [\n")
    with pytest.raises(UserError, match=r"HY-621 .*prefect.yaml:\d+: the file: no YAML"):
        read_manifest(file)


OURS = _read(default_prefect_file())
DEPLOYMENTS = {one.name: one for one in OURS[1] if one.kind is Kind.DEPLOYMENT}
SCHEDULES = {one.name: one for one in OURS[1] if one.kind is Kind.SCHEDULE}


def test_every_flow_is_deployed() -> None:
    flows = {name.partition("/")[0] for name in DEPLOYMENTS}
    assert flows >= {"execution-session", "reconciliation", "market-data", "contract-roll"}
    assert flows >= {"paper-gate", "emergency-stop"}


def test_each_market_group_has_its_session_and_each_symbol_its_group() -> None:
    groups: dict[str, Any] = {
        name: one.facts["parameters"]["symbols"]
        for name, one in DEPLOYMENTS.items()
        if name.startswith("execution-session/") and "symbols" in one.facts["parameters"]
    }
    assert sorted(symbol for group in groups.values() for symbol in group) == [
        "GF",
        "HE",
        "LE",
        "OJ",
        "ZO",
        "ZR",
    ]
    assert {one.owner for one in SCHEDULES.values()} >= groups.keys()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_in_the_markets_time_and_a_trading_one_starts_switched_off(name: str) -> None:
    schedule = SCHEDULES[name]
    assert schedule.facts["schedule"]["timezone"] == "America/Chicago"
    assert ZoneInfo(schedule.facts["schedule"]["timezone"])
    if "trading" in DEPLOYMENTS[schedule.owner].facts["tags"]:
        assert schedule.facts["active"] is False


def test_prefect_itself_reads_the_same_deployments() -> None:
    """Our own sections stand beside Prefect's and are passed over by it."""
    from prefect.cli.deploy._models import PrefectYamlModel

    data = yaml.safe_load(default_prefect_file().read_text())
    assert len(PrefectYamlModel.model_validate(data).deployments) == len(DEPLOYMENTS)
