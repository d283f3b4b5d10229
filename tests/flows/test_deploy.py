"""`hydra deploy` against the session's real server: afterwards it equals the file, and pauses stay."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)

from hydra.demo.server_api import ServerApi
from hydra.demo.stack import default_prefect_file
from hydra.worker.deploy.run import Deployed, deploy
from tests.flows.conftest import Server

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(180)]

SESSION = """
  - name: trial-session
    entrypoint: flows.execution_session.execution_session
    description: Session.
    tags: [trial]
    concurrency_limit: {limit: 1}
    work_pool: {name: trial, work_queue_name: calm}
    schedules:
      - {slug: morning, cron: "5 9 * * 1-5", timezone: America/Chicago, parameters: {symbols: [ZO]}}
      - {slug: noon, cron: "5 12 * * 1-5", timezone: America/Chicago, active: false}
"""
BOOKS = """
  - name: trial-books
    entrypoint: flows.reconciliation.reconciliation
    description: Books.
    tags: [trial]
    work_pool: {name: trial}
    schedules:
      - {slug: hourly, cron: "5 9 * * *", timezone: America/Chicago}
    triggers:
      - expect: [hydra.trial.restored]
"""
HEAD = """name: trial
pull: []
work_pools:
  - name: trial
    type: process
    work_queues: [{name: calm, priority: 7}]
"""
LIMIT = "concurrency_limits: [{name: trial-history, limit: 2}]\n"
AUTOMATION = """automations:
  - name: trial-silence
    trigger: {type: event, posture: Proactive, expect: [hydra.trial.heard], threshold: 1, within: 60}
    actions: [{type: do-nothing}]
"""
WHOLE = HEAD + LIMIT + "deployments:" + SESSION + BOOKS + AUTOMATION
BOOKS_NAME, SESSION_NAME = "reconciliation/trial-books", "execution-session/trial-session"

Bring = Callable[..., Deployed]


@pytest.fixture
def bring(server: Server, tmp_path: Path) -> Bring:
    """Deploys a text as prefect.yaml."""

    def brought(text: str, *, is_diff: bool = False) -> Deployed:
        file = tmp_path / "prefect.yaml"
        file.write_text(text)
        return _deploy(server, file, is_diff)

    return brought


def _deploy(server: Server, file: Path, is_diff: bool) -> Deployed:
    settings = {
        PREFECT_API_URL: server.environment["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: server.environment["PREFECT_API_AUTH_STRING"],
        PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: True,
    }
    with temporary_settings(settings):
        return asyncio.run(deploy(file, is_diff=is_diff))


def _done(deployed: Deployed) -> list[str]:
    return [f"{one.verb} {one.item}" for one in deployed.changes if one.is_done]


def _deployment(api: ServerApi, name: str) -> dict[str, Any]:
    found: dict[str, Any] = api.ask("GET", f"/deployments/name/{name}", None)
    return found


def _automations(api: ServerApi) -> dict[str, dict[str, Any]]:
    rows = api.ask("POST", "/automations/filter", {"limit": 200})
    return {one["name"]: one for one in rows if one["name"].startswith("trial")}


def test_what_leaves_the_file_leaves_the_server_and_a_second_deploy_changes_nothing(
    server: Server, bring: Bring
) -> None:
    api = server.api
    assert len(_done(bring(WHOLE, is_diff=True))) == len(_done(bring(WHOLE))) > 8
    assert _done(bring(WHOLE)) == []
    assert {"trial-books__automation_1", "trial-silence"} == _automations(api).keys()
    session = _deployment(api, SESSION_NAME)
    assert session["global_concurrency_limit"]["limit"] == 1
    assert session["pull_steps"] in (None, [])
    assert {one["slug"]: one["active"] for one in session["schedules"]} == {"morning": True, "noon": False}

    shorter = (
        HEAD
        + "deployments:"
        + SESSION.replace("slug: morning", "slug: early").replace("limit: 1", "limit: 2")
    )
    told = _done(bring(shorter, is_diff=True))
    assert _done(bring(WHOLE, is_diff=True)) == []  # the diff changed nothing
    assert told == _done(bring(shorter))
    assert {one["slug"] for one in _deployment(api, SESSION_NAME)["schedules"]} == {"early", "noon"}
    assert _deployment(api, SESSION_NAME)["global_concurrency_limit"]["limit"] == 2
    assert _automations(api) == {}
    names = {one["name"] for one in api.ask("POST", "/deployments/filter", {"limit": 200})}
    assert "trial-books" not in names
    limits = {one["name"] for one in api.ask("POST", "/v2/concurrency_limits/filter", {"limit": 200})}
    assert "trial-history" not in limits
    assert "execution-session" in names  # another project's own is not ours to remove
    pools = {one["name"] for one in api.ask("POST", "/work_pools/filter", {"limit": 200})}
    assert {"ib", "research"} <= pools


def test_what_a_person_paused_stays_paused_and_what_he_switched_on_stays_on(
    server: Server, bring: Bring
) -> None:
    api = server.api
    bring(WHOLE)
    books, session = _deployment(api, BOOKS_NAME), _deployment(api, SESSION_NAME)
    slugs = {one["slug"]: one["id"] for one in session["schedules"]}
    _switch(api, session["id"], slugs["morning"], False)
    _switch(api, session["id"], slugs["noon"], True)
    api.ask("POST", f"/deployments/{books['id']}/pause_deployment", None)
    api.ask("PATCH", "/work_pools/trial", {"is_paused": True})
    api.ask("PATCH", "/work_pools/trial/queues/calm", {"is_paused": True})
    for one in ("trial-silence", "trial-books__automation_1"):
        api.ask("PATCH", f"/automations/{_automations(api)[one]['id']}", {"enabled": False})

    changed = WHOLE.replace('cron: "5 9', 'cron: "6 9').replace("priority: 7", "priority: 8")
    changed = changed.replace("Books.", "All books.").replace("within: 60", "within: 90")
    changed = changed.replace("hydra.trial.restored", "hydra.trial.mended")
    deployed = bring(changed)
    told = {str(one.item): one.details for one in deployed.changes}
    assert "stays off: switch it on in the UI" in told[f"schedule {SESSION_NAME}#morning"]
    assert told[f"schedule {SESSION_NAME}#noon"] == ("stays on: a person switched it on",)
    schedules = {one["slug"]: one for one in _deployment(api, SESSION_NAME)["schedules"]}
    assert {slug: one["active"] for slug, one in schedules.items()} == {"morning": False, "noon": True}
    assert schedules["morning"]["schedule"]["cron"] == "6 9 * * 1-5"
    assert schedules["morning"]["parameters"] == {"symbols": ["ZO"]}
    assert _deployment(api, BOOKS_NAME)["paused"] is True
    assert _deployment(api, BOOKS_NAME)["description"] == "All books."
    pool = api.ask("GET", "/work_pools/trial", None)
    queue = api.ask("GET", "/work_pools/trial/queues/calm", None)
    assert (pool["is_paused"], queue["is_paused"], queue["priority"]) == (True, True, 8)
    silence = _automations(api)["trial-silence"]
    assert (silence["enabled"], silence["trigger"]["within"]) == (False, 90)
    assert "stays off: switch it on in the UI" in told["automation trial-silence"]
    trigger = _automations(api)["trial-books__automation_1"]
    assert (trigger["enabled"], trigger["trigger"]["expect"]) == (False, ["hydra.trial.mended"])
    assert _done(bring(changed)) == []

    api.ask("PATCH", "/work_pools/trial", {"is_paused": False})
    on = changed.replace("active: false", "active: true")
    bring(on)
    bring(changed)  # now it is the file that switches it off
    schedules = {one["slug"]: one for one in _deployment(api, SESSION_NAME)["schedules"]}
    assert schedules["noon"]["active"] is False


SIDE = """
  - name: trial-side
    type: process
    work_queues: [{name: aside, priority: 3}]
"""


def test_a_pool_and_a_queue_that_left_the_file_go_unless_somebody_uses_them(
    server: Server, bring: Bring
) -> None:
    api = server.api
    bring(HEAD + SIDE.lstrip("\n"))
    other = HEAD.replace("calm", "calmer")
    told = {str(one.item): (one.verb.value, one.details) for one in bring(other, is_diff=True).changes}
    assert told["work pool trial-side"] == ("remove", ())
    assert told["work queue trial#calm"] == ("remove", ())
    assert "work queue trial-side#aside" not in told  # it goes with its pool

    flow = api.ask("POST", "/flows/", {"name": "a person's own"})
    pool = api.ask("GET", "/work_pools/trial-side", None)
    asked = {"flow_id": flow["id"], "name": "by-hand", "work_pool_name": pool["name"]}
    own = api.ask("POST", "/deployments/", {**asked, "work_queue_name": "aside"})
    kept = {str(one.item): one for one in bring(other).changes if one.verb.value == "keep"}
    assert kept["work pool trial-side"].details == (
        "left the file, and stays: deployment by-hand, another project's, uses it",
    )
    api.ask("DELETE", f"/deployments/{own['id']}", None)
    assert _done(bring(other)) == ["remove work pool trial-side"]  # it was not forgotten meanwhile
    names = {one["name"] for one in api.ask("POST", "/work_pools/filter", {"limit": 200})}
    assert ("trial-side" in names, "trial" in names) == (False, True)
    queues = {one["name"] for one in api.ask("POST", "/work_pools/trial/queues/filter", {})}
    assert queues == {"default", "calmer"}

    # a template that somebody changed is the type's again
    variables = {"type": "object", "properties": {"command": {"type": "string"}}}
    own = {"job_configuration": {"command": "{{ command }}"}, "variables": variables}
    api.ask("PATCH", "/work_pools/trial", {"base_job_template": own})
    assert _done(bring(other)) == ["update work pool trial"]
    assert _done(bring(other)) == []


def _switch(api: ServerApi, deployment: str, schedule: str, is_on: bool) -> None:
    api.ask("PATCH", f"/deployments/{deployment}/schedules/{schedule}", {"active": is_on})


def test_every_parameter_stored_on_the_server_has_help_and_limits(server: Server) -> None:
    from tests.flows.test_decorators import is_limited

    rows = server.api.ask("POST", "/deployments/filter", {"limit": 200})
    ours = [one for one in rows if "hydra" in one["tags"]]
    assert len(ours) > 4
    for row in ours:
        schema = row["parameter_openapi_schema"]
        assert row["enforce_parameter_schema"] is True
        for name, field in schema["properties"].items():
            assert field.get("description"), f"{row['name']}.{name} has no help text"
            assert is_limited(field, schema.get("definitions", {})), f"{row['name']}.{name} takes anything"


def test_the_sessions_server_equals_the_projects_own_file(server: Server) -> None:
    """The fixture deployed it, with one deployment more for tests."""
    deployed = _deploy(server, default_prefect_file(), True)
    assert _done(deployed) == ["remove deployment execution-session/two-at-once"]
