"""The Prefect server as items: what is ours there, and how each change is made. REST only.

Prefect's own command crashes on deployments with triggers when asked for JSON, and its deploy re-arms what a
person paused; PATCH with only the differing facts does neither.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import PrefectHTTPStatusError

from hydra.domain.errors import Unavailable
from hydra.worker.blocks import AlertService
from hydra.worker.deploy.items import Change, Item, Kind, Verb, memory_of
from hydra.worker.deploy.normal import AUTOMATION_FACTS, normal, normal_trigger

PAGE: Final = 200
MEMORY: Final = "_deployed_schedules"
DEFAULT_QUEUE: Final = "default"
_POOL_FACTS: Final = ("description", "concurrency_limit", "type", "base_job_template")
_UNDER_WAY: Final = ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
_DEPLOYMENT_FACTS: Final = (
    "entrypoint", "description", "version", "parameters", "parameter_openapi_schema",
    "enforce_parameter_schema", "work_pool_name", "work_queue_name", "job_variables",
)  # fmt: skip


class DeployServer:
    """The part of one server that belongs to one project: what carries its name as tag or prefix."""

    def __init__(self, client: PrefectClient, project: str) -> None:
        self._client = client
        self._project = project
        # one a project: another's pools are none of ours
        self._memory = f"{project.replace('-', '_')}{MEMORY}"
        self._ids: dict[tuple[Kind, str], str] = {}

    # --- reading ------------------------------------------------------------------------------------

    async def present(self, wanted: list[Item], remembered: Mapping[str, bool]) -> list[Item]:
        """Everything of ours, and what stands already where the file wants something."""
        items = await self._limits()
        asked = {one.key for one in wanted}
        # pools bear no mark, and workers make queues of their own: ours is what the file names or has named
        for one in await self._places():
            if one.key in asked:
                items.append(one)
            elif memory_of(one) in remembered:
                items.append(replace(one, in_use=await self._use_of(one)))
        deployments = await self._deployments({one.name for one in wanted if one.kind is Kind.DEPLOYMENT})
        for name, row in deployments.items():
            self._ids[Kind.DEPLOYMENT, name] = row["id"]
            items.append(Item(Kind.DEPLOYMENT, name, _deployment_facts(row), id=row["id"]))
            items += [_schedule_item(name, one) for one in row["schedules"]]
            items += await self._triggers(name, row)
        return items + await self._automations()

    async def remembered(self) -> dict[str, bool]:
        """What the last deploy had to remember, see `memory_of`; empty when there was none."""
        try:
            row = await self._ask("GET", f"/variables/name/{self._memory}")
        except PrefectHTTPStatusError as error:
            if error.response.status_code == 404:
                return {}
            raise
        value = row["value"]
        return {str(key): bool(on) for key, on in value.items()} if isinstance(value, dict) else {}

    async def remember(self, memory: Mapping[str, bool]) -> None:
        """Keep it for the next deploy."""
        told = {"name": self._memory, "value": dict(memory), "tags": [self._project]}
        if await self._exists(f"/variables/name/{self._memory}"):
            await self._ask("PATCH", f"/variables/name/{self._memory}", told)
        else:
            await self._ask("POST", "/variables/", told)

    async def register_blocks(self) -> None:
        """The block types that the UI then offers; they say nothing secret."""
        await AlertService.register_type_and_schema(client=self._client)

    async def block_id(self, name: str) -> str | None:
        """The id of block `TYPE-SLUG/NAME`; None when nobody has made it."""
        slug, _, block = name.partition("/")
        path = f"/block_types/slug/{slug}/block_documents/name/{block}"
        return str((await self._ask("GET", path))["id"]) if await self._exists(path) else None

    async def _limits(self) -> list[Item]:
        rows = await self._all("/v2/concurrency_limits/filter")
        facts = ("limit", "slot_decay_per_second")
        return [
            Item(Kind.LIMIT, row["name"], {name: row[name] for name in facts}, id=row["id"])
            for row in rows
            if row["name"].startswith(f"{self._project}-")
        ]

    async def _places(self) -> list[Item]:
        """Every pool with its queues."""
        found: list[Item] = []
        for row in await self._all("/work_pools/filter"):
            facts = {name: row[name] for name in _POOL_FACTS}
            found.append(Item(Kind.POOL, row["name"], _texts(facts), id=row["name"]))
            found += await self._queues(row["name"])
        return found

    async def _use_of(self, place: Item) -> str:
        """Who would miss a pool or queue that left the file: runs, workers, deployments of others."""
        pool, queue = (place.owner, place.name) if place.kind is Kind.QUEUE else (place.name, None)
        if queue == DEFAULT_QUEUE:
            return "a pool's default queue stays"
        asked: dict[str, Any] = {
            "work_pools": {"name": {"any_": [pool]}},
            "flow_runs": {"state": {"type": {"any_": list(_UNDER_WAY)}}},
        }
        if queue is not None:
            asked["work_pool_queues"] = {"name": {"any_": [queue]}}
        under_way = await self._ask("POST", "/flow_runs/count", asked)
        if under_way:
            return f"{under_way} run(s) in it are under way"
        for row in await self._all("/deployments/filter"):
            is_here = row["work_pool_name"] == pool and queue in (None, row["work_queue_name"])
            if is_here and self._project not in row["tags"]:
                return f"deployment {row['name']}, another project's, uses it"
        online = {"workers": {"status": {"any_": ["ONLINE"]}}}
        workers = [] if queue else await self._ask("POST", f"/work_pools/{pool}/workers/filter", online)
        return f"worker {workers[0]['name']} polls it" if workers else ""

    async def _queues(self, pool: str) -> list[Item]:
        facts = ("description", "priority", "concurrency_limit")
        return [
            Item(
                Kind.QUEUE, row["name"], _texts({name: row[name] for name in facts}), owner=pool, id=row["id"]
            )
            for row in await self._all(f"/work_pools/{pool}/queues/filter")
        ]

    async def _deployments(self, wanted: set[str]) -> dict[str, dict[str, Any]]:
        flows = {row["id"]: row["name"] for row in await self._all("/flows/filter")}
        found: dict[str, dict[str, Any]] = {}
        for row in await self._all("/deployments/filter"):
            name = f"{flows.get(row['flow_id'], '?')}/{row['name']}"
            if name in wanted or self._project in row["tags"]:
                found[name] = row
        return found

    async def _triggers(self, owner: str, row: Mapping[str, Any]) -> list[Item]:
        """What the deployment owns; an automation of a person's own that only starts it is another's."""
        rows = await self._ask("GET", f"/automations/related-to/prefect.deployment.{row['id']}")
        return [
            Item(Kind.TRIGGER, one["name"], normal_trigger(one), owner=owner, id=one["id"])
            for one in rows
            if one["name"].startswith(f"{row['name']}__automation_")
        ]

    async def _automations(self) -> list[Item]:
        rows = await self._all("/automations/filter")
        ours = [row for row in rows if self._project in row.get("tags", ())]
        return [Item(Kind.AUTOMATION, row["name"], _automation_facts(row), id=row["id"]) for row in ours]

    # --- changing -----------------------------------------------------------------------------------

    async def make(self, change: Change) -> None:
        """One change; those that only tell something do nothing."""
        if not change.is_done:
            return
        if change.verb is Verb.REMOVE:
            await self._remove(change.item)
        else:
            await _MAKERS[change.item.kind](self, change)

    async def _remove(self, item: Item) -> None:
        path = {
            Kind.LIMIT: f"/v2/concurrency_limits/{item.id}",
            Kind.POOL: f"/work_pools/{item.name}",
            Kind.QUEUE: f"/work_pools/{item.owner}/queues/{item.name}",
            Kind.DEPLOYMENT: f"/deployments/{item.id}",
            Kind.SCHEDULE: f"/deployments/{self._ids.get((Kind.DEPLOYMENT, item.owner))}/schedules/{item.id}",
            Kind.TRIGGER: f"/automations/{item.id}",
            Kind.AUTOMATION: f"/automations/{item.id}",
        }[item.kind]
        if item.kind is Kind.DEPLOYMENT:
            await self._ask("DELETE", f"/automations/owned-by/prefect.deployment.{item.id}")
        await self._ask("DELETE", path)

    async def _limit(self, change: Change) -> None:
        told = {"name": change.item.name, **change.facts}
        if change.verb is Verb.CREATE:
            await self._ask("POST", "/v2/concurrency_limits/", told)
        else:
            await self._ask("PATCH", f"/v2/concurrency_limits/{change.id}", told)

    async def _pool(self, change: Change) -> None:
        facts, name = dict(change.facts), change.item.name
        if change.verb is Verb.CREATE:
            await self._ask("POST", "/work_pools/", {"name": name, **facts})
            return
        await self._ask("PATCH", f"/work_pools/{name}", facts)

    async def _queue(self, change: Change) -> None:
        path = f"/work_pools/{change.item.owner}/queues/"
        # a new pool comes with its default queue
        if change.verb is Verb.CREATE and not await self._exists(f"{path}{change.item.name}"):
            await self._ask("POST", path, {"name": change.item.name, **change.facts})
        else:
            # A queue's PATCH takes a missing `is_paused` for "go on": a person's pause is sent along.
            now = await self._ask("GET", f"{path}{change.item.name}")
            await self._ask(
                "PATCH", f"{path}{change.item.name}", {"is_paused": now["is_paused"], **change.facts}
            )

    async def _deployment(self, change: Change) -> None:
        item, facts = change.item, dict(change.facts)
        if change.verb is Verb.UPDATE:
            if {"work_pool_name", "work_queue_name"} & facts.keys():
                facts |= {name: item.facts[name] for name in ("work_pool_name", "work_queue_name")}
            await self._ask("PATCH", f"/deployments/{change.id}", facts)
            return
        given = dict(item.on_create)
        flow = await self._ask("POST", "/flows/", {"name": given.pop("flow")})
        made = await self._ask("POST", "/deployments/", {"flow_id": flow["id"], **given, **facts})
        self._ids[Kind.DEPLOYMENT, item.name] = made["id"]

    async def _schedule(self, change: Change) -> None:
        deployment = self._ids[Kind.DEPLOYMENT, change.item.owner]
        path = f"/deployments/{deployment}/schedules"
        if change.verb is Verb.CREATE:
            await self._ask("POST", path, [{"slug": change.item.name, **change.facts}])
        else:
            # PATCH takes missing parameters for none, so the whole is sent
            told = {**change.item.facts, **change.facts}
            if "active" not in change.facts:
                told.pop("active")
            await self._ask("PATCH", f"{path}/{change.id}", told)

    async def _trigger(self, change: Change) -> None:
        deployment, is_on = self._ids[Kind.DEPLOYMENT, change.item.owner], True
        if change.verb is Verb.UPDATE:
            is_on = (await self._ask("GET", f"/automations/{change.id}"))["enabled"]
            await self._ask("DELETE", f"/automations/{change.id}")
        trigger = change.item.on_create["trigger"].model_copy()
        trigger.set_deployment_id(deployment)
        told = trigger.as_automation().model_dump(mode="json")
        await self._ask("POST", "/automations/", {**told, "enabled": is_on})  # off stays off

    async def _automation(self, change: Change) -> None:
        told = dict(change.item.facts)
        if change.verb is Verb.CREATE:
            await self._ask("POST", "/automations/", told)
        else:
            now = await self._ask("GET", f"/automations/{change.id}")
            is_on = change.facts.get("enabled", now["enabled"])
            await self._ask("PUT", f"/automations/{change.id}", {**told, "enabled": is_on})

    # --- asking -------------------------------------------------------------------------------------

    async def _all(self, path: str) -> list[dict[str, Any]]:
        """Every row of a filter route, page by page."""
        rows: list[dict[str, Any]] = []
        while True:
            page = await self._ask("POST", path, {"limit": PAGE, "offset": len(rows)})
            rows += page
            if len(page) < PAGE:
                return rows

    async def _exists(self, path: str) -> bool:
        try:
            await self._ask("GET", path)
        except PrefectHTTPStatusError as error:
            if error.response.status_code == 404:
                return False
            raise
        return True

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = await self._client.request(method, path, json=body)  # type: ignore[arg-type]
        except PrefectHTTPStatusError:
            raise
        except httpx.HTTPError as error:
            raise Unavailable(
                "HY-602", url=self._client.api_url, problem=str(error) or type(error).__name__
            ) from error
        return answer.json() if answer.content else None


_MAKERS: Final = {
    Kind.LIMIT: DeployServer._limit,
    Kind.POOL: DeployServer._pool,
    Kind.QUEUE: DeployServer._queue,
    Kind.DEPLOYMENT: DeployServer._deployment,
    Kind.SCHEDULE: DeployServer._schedule,
    Kind.TRIGGER: DeployServer._trigger,
    Kind.AUTOMATION: DeployServer._automation,
}


def _texts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The server says none where the file says nothing."""
    return {name: "" if name == "description" and value is None else value for name, value in facts.items()}


def _automation_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = normal({name: row[name] for name in AUTOMATION_FACTS})
    return {**told, "enabled": row["enabled"]}


def _deployment_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    limit = row.get("global_concurrency_limit") or {}
    return {
        **{name: row[name] for name in _DEPLOYMENT_FACTS},
        "tags": sorted(row["tags"]),
        "pull_steps": row["pull_steps"] or [],
        "concurrency_limit": limit.get("limit"),
        "concurrency_options": {k: v for k, v in (row["concurrency_options"] or {}).items() if v is not None}
        or None,
    }


def _schedule_item(owner: str, row: Mapping[str, Any]) -> Item:
    facts = {"schedule": row["schedule"], "active": row["active"], "parameters": row["parameters"] or {}}
    return Item(Kind.SCHEDULE, row["slug"] or row["id"], facts, owner=owner, id=row["id"])
