"""What prefect.yaml asks for, as items: flows are imported for their parameters, everything is checked."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final
from uuid import UUID

from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule, RRuleSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import validate
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker
from pydantic import ValidationError

from hydra.domain.errors import UserError
from hydra.worker.deploy.items import Item, Kind
from hydra.worker.deploy.manifest import Automation, Deployment, Manifest, Schedule, WorkPool
from hydra.worker.deploy.normal import AUTOMATION_FACTS, normal, normal_trigger
from hydra.worker.deploy.places import Document, KeyPath
from hydra.worker.ib_gateway import IbGatewayWorker

POOL_TYPES: Final[Mapping[str, type[BaseWorker[Any, Any, Any]]]] = {
    IbGatewayWorker.type: IbGatewayWorker,
    ProcessWorker.type: ProcessWorker,
}
BLOCK_KEY: Final = "block_document"
NOT_YET: Final = UUID(int=0)  # for ids that only the server knows


def wanted_items(manifest: Manifest, document: Document) -> list[Item]:
    """Everything the file asks for; UserError HY-620 … HY-622 where it cannot be."""
    items = [Item(Kind.LIMIT, one.name, _limit_facts(one)) for one in manifest.concurrency_limits]
    for pool in manifest.work_pools:
        items += _pool(pool)
    for number, deployment in enumerate(manifest.deployments):
        items += _deployment(document, ("deployments", number), deployment)
    for number, automation in enumerate(manifest.automations):
        key: KeyPath = ("automations", number)
        items.append(_automation(document, key, automation, manifest.name))
    return items


def _limit_facts(limit: Any) -> dict[str, Any]:
    return {"limit": limit.limit, "slot_decay_per_second": limit.slot_decay_per_second}


def _pool(pool: WorkPool) -> Iterator[Item]:
    facts = {"description": pool.description, "concurrency_limit": pool.concurrency_limit}
    template = pool.base_job_template or POOL_TYPES[pool.type].get_default_base_job_template()
    yield Item(Kind.POOL, pool.name, {**facts, "type": pool.type, "base_job_template": template})
    for queue in pool.work_queues:
        told = queue.model_dump(exclude={"name"})
        yield Item(Kind.QUEUE, queue.name, told, owner=pool.name)


def _deployment(document: Document, key: KeyPath, one: Deployment) -> Iterator[Item]:
    flow = _flow(document, (*key, "entrypoint"), one.entrypoint)
    name = f"{flow.name}/{one.name}"
    _check_parameters(document, (*key, "parameters"), flow, one.parameters)
    limit = one.concurrency_limit
    facts = {
        "entrypoint": one.entrypoint,
        "description": one.description,
        "tags": sorted(one.tags),
        "version": one.version or flow.version,
        "parameters": one.parameters,
        "parameter_openapi_schema": parameter_schema(flow).model_dump(exclude_unset=True),
        "enforce_parameter_schema": True,
        "pull_steps": [],
        "work_pool_name": one.work_pool.name,
        "work_queue_name": one.work_pool.work_queue_name,
        "job_variables": one.work_pool.job_variables,
        "concurrency_limit": None if limit is None else limit.limit,
        "concurrency_options": None if limit is None else _limit_options(limit),
    }
    on_create = {"flow": flow.name, "name": one.name, "paused": one.paused}
    yield Item(Kind.DEPLOYMENT, name, facts, on_create=on_create)
    for number, schedule in enumerate(one.schedules):
        yield _schedule(document, (*key, "schedules", number), flow, name, schedule)
    for number, trigger in enumerate(one.triggers):
        yield _trigger(document, (*key, "triggers", number), one.name, name, trigger, number)


def _limit_options(limit: Any) -> dict[str, Any]:
    told: dict[str, Any] = limit.model_dump(exclude={"limit"}, exclude_none=True)
    return told


def _flow(document: Document, key: KeyPath, entrypoint: str) -> Flow[..., Any]:
    module, _, name = entrypoint.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError("HY-622", where=document.place(key), entrypoint=entrypoint, problem=error) from error
    if not isinstance(found, Flow):
        problem = f"{type(found).__name__}, no flow"
        raise UserError("HY-622", where=document.place(key), entrypoint=entrypoint, problem=problem)
    return found


def _check_parameters(
    document: Document, key: KeyPath, flow: Flow[..., Any], given: Mapping[str, Any]
) -> None:
    """Every name is a parameter of the flow, every value one it takes."""
    schema = parameter_schema(flow)
    known = list(schema.properties)
    for name in given:
        if name not in known:
            raise document.unknown((*key, name), known)
    # a required one that is not given is what each run brings
    for error in validate(dict(given), schema.model_dump(exclude_unset=True), ignore_required=True):
        step = tuple(one for one in error.relative_path if isinstance(one, str | int))
        raise document.wrong((*key, *step), error.message)


def _schedule(document: Document, key: KeyPath, flow: Flow[..., Any], owner: str, one: Schedule) -> Item:
    _check_parameters(document, (*key, "parameters"), flow, one.parameters)
    try:
        rule = (
            CronSchedule(cron=one.cron, timezone=one.timezone, day_or=one.day_or)
            if one.cron is not None
            else RRuleSchedule(rrule=str(one.rrule), timezone=one.timezone)
        )
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise document.wrong((*key, "rrule" if one.cron is None else "cron"), problem) from error
    told = rule.model_dump(mode="json")
    return Item(
        Kind.SCHEDULE,
        one.slug,
        {"schedule": told, "active": one.active, "parameters": one.parameters},
        owner=owner,
    )


def _trigger(
    document: Document, key: KeyPath, name: str, owner: str, given: Mapping[str, Any], number: int
) -> Item:
    """An event that starts the deployment: an automation that the deployment owns."""
    spec: dict[str, Any] = {"name": f"{name}__automation_{number + 1}", **given}
    # its name says whose it is, so that it is found again
    known = [field for field in DeploymentEventTrigger.model_fields if field != "name"]
    for field in given:
        if field not in known:
            raise document.unknown((*key, field), known)
    try:
        trigger = DeploymentEventTrigger.model_validate(spec)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise document.wrong((*key, *found["loc"]), found["msg"]) from error
    trigger.set_deployment_id(NOT_YET)
    told = trigger.as_automation().model_dump(mode="json")
    return Item(Kind.TRIGGER, spec["name"], normal_trigger(told), owner=owner, on_create={"trigger": trigger})


def _automation(document: Document, key: KeyPath, one: Automation, project: str) -> Item:
    """Prefect's models read it; a key that they did not take is refused."""
    spec = {
        "name": one.name,
        "description": one.description,
        "tags": [project],
        "trigger": one.trigger,
        "actions": [_with_block(action) for action in one.actions],
    }
    try:
        parsed = AutomationCore.model_validate(spec).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        named = tuple(
            step for step in found["loc"] if (*key, step) in document.lines or isinstance(step, int)
        )
        raise document.wrong((*key, *named), f"{'.'.join(map(str, found['loc']))}: {found['msg']}") from error
    _refuse_lost(document, (*key, "trigger"), one.trigger, parsed["trigger"])
    for number, action in enumerate(one.actions):
        known = {**parsed["actions"][number], BLOCK_KEY: ""}
        _refuse_lost(document, (*key, "actions", number), action, known)
    blocks = [str(action.get(BLOCK_KEY, "")) for action in one.actions]
    facts = normal({name: parsed[name] for name in AUTOMATION_FACTS})
    return Item(Kind.AUTOMATION, one.name, {**facts, "enabled": one.enabled}, on_create={"blocks": blocks})


def _with_block(action: Mapping[str, Any]) -> dict[str, Any]:
    """A block named in the file has no id before the server was asked."""
    told = {name: value for name, value in action.items() if name != BLOCK_KEY}
    return {**told, "block_document_id": str(NOT_YET)} if BLOCK_KEY in action else told


def _refuse_lost(document: Document, key: KeyPath, given: Any, kept: Any) -> None:
    """What stands in the file and not in what Prefect read of it was misspelt."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name not in kept:
                raise document.unknown((*key, str(name)), [str(one) for one in kept])
            _refuse_lost(document, (*key, str(name)), value, kept[name])
    elif isinstance(given, list) and isinstance(kept, list):
        for number, (value, other) in enumerate(zip(given, kept, strict=False)):
            _refuse_lost(document, (*key, number), value, other)
