"""prefect.yaml, read strictly: Prefect itself takes a misspelt key for none and deploys without it.

The keys of deployments are Prefect's own, so `prefect deploy` reads the same file; `work_pools`,
`concurrency_limits` and `automations` are ours, which it passes over.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from prefect.client.schemas.schedules import is_valid_timezone
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hydra.worker.deploy.places import Document, KeyPath, read_document

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


def _zone(name: str) -> str:
    if name not in available_timezones() or not is_valid_timezone(name):
        raise ValueError("not a time zone of the IANA database")
    return name


class Part(BaseModel):
    """A mapping of the file: every key known."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PoolReference(Part):
    """Which pool and queue a deployment's runs wait in."""

    name: Name
    work_queue_name: Name = "default"
    job_variables: dict[str, Any] = {}


class RunLimit(Part):
    """How many runs of one deployment at once."""

    limit: int = Field(ge=1, le=100)
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    grace_period_seconds: int | None = Field(None, ge=60, le=86_400)


class Schedule(Part):
    """One schedule; without a slug one that a person paused would come back with the next deploy."""

    slug: Name
    timezone: Annotated[str, AfterValidator(_zone)]
    cron: str | None = None
    rrule: str | None = None
    day_or: bool = True
    active: bool = True
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _has_one_rule(self) -> "Schedule":
        if (self.cron is None) == (self.rrule is None):
            raise ValueError("exactly one of cron and rrule")
        return self


class Deployment(Part):
    """One deployment; `triggers` are kept as Prefect's own models read them."""

    name: Name
    entrypoint: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    description: str = Field(min_length=1)
    tags: tuple[str, ...] = Field(min_length=1)
    work_pool: PoolReference
    version: str | None = None
    parameters: dict[str, Any] = {}
    enforce_parameter_schema: Literal[True] = True
    concurrency_limit: RunLimit | None = None
    schedules: tuple[Schedule, ...] = ()
    triggers: tuple[dict[str, Any], ...] = ()
    paused: bool = False

    @model_validator(mode="after")
    def _slugs_differ(self) -> "Deployment":
        if len({one.slug for one in self.schedules}) != len(self.schedules):
            raise ValueError("two schedules have the same slug")
        return self


class WorkQueue(Part):
    """A queue of a pool; the smaller number is served first."""

    name: Name
    description: str = ""
    priority: int = Field(ge=1, le=100)
    concurrency_limit: int | None = Field(None, ge=0, le=100)


class WorkPool(Part):
    """A pool and its queues; without a template of the file's own it has its type's."""

    name: Name
    type: str
    description: str = ""
    concurrency_limit: int | None = Field(None, ge=0, le=100)
    base_job_template: dict[str, Any] | None = None
    work_queues: tuple[WorkQueue, ...] = ()


class SharedLimit(Part):
    """A limit that tasks of any run share."""

    name: Name
    limit: int = Field(ge=0, le=1000)
    slot_decay_per_second: float = Field(0.0, ge=0)


class Automation(Part):
    """A named automation; `trigger` and `actions` are kept as Prefect's own models read them.

    A notification names its block as `block_document: TYPE-SLUG/NAME`; until a person has made that block
    the automation waits.
    """

    name: Name
    description: str = ""
    enabled: bool = True
    trigger: dict[str, Any]
    actions: tuple[dict[str, Any], ...] = Field(min_length=1)


class Manifest(Part):
    """The whole file; what carries `name` as its tag is ours, and goes when it leaves the file."""

    name: Name
    prefect_version: str | None = Field(None, alias="prefect-version")
    pull: tuple[()]
    deployments: tuple[Deployment, ...] = ()
    work_pools: tuple[WorkPool, ...] = ()
    concurrency_limits: tuple[SharedLimit, ...] = ()
    automations: tuple[Automation, ...] = ()


def read_manifest(path: Path) -> tuple[Manifest, Document]:
    """The file; UserError HY-620 for an unknown key, HY-621 for a value that cannot be, with its place."""
    document = read_document(path)
    try:
        manifest = Manifest.model_validate(document.data)
    except ValidationError as error:
        raise _refusal(document, error) from error
    _check_whole(document, manifest)
    return manifest, document


def _refusal(document: Document, error: ValidationError) -> Exception:
    """The first unknown key, else the first wrong value."""
    found = error.errors(include_url=False)
    for one in found:
        if one["type"] == "extra_forbidden":
            key = one["loc"]
            return document.unknown(key, _known_at(key[:-1]))
    return document.wrong(found[0]["loc"], found[0]["msg"])


def _known_at(key: KeyPath) -> list[str]:
    """The keys that may stand there."""
    part: type[BaseModel] = Manifest
    for step in key:
        field = part.model_fields.get(step) if isinstance(step, str) else None
        if field is not None:
            part = next(_parts_of(field.annotation), part)
    return [field.alias or name for name, field in part.model_fields.items()]


def _parts_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _parts_of(inner)


def _check_whole(document: Document, manifest: Manifest) -> None:
    """What concerns more than one part of the file."""
    for section in ("deployments", "work_pools", "concurrency_limits", "automations"):
        seen: set[tuple[str, ...]] = set()
        for number, one in enumerate(getattr(manifest, section)):
            name = (one.entrypoint, one.name) if isinstance(one, Deployment) else (one.name,)
            if name in seen:
                raise document.wrong((section, number, "name"), f"{one.name} is there twice")
            seen.add(name)
    for number, deployment in enumerate(manifest.deployments):
        if manifest.name not in deployment.tags:
            key: KeyPath = ("deployments", number, "tags")
            raise document.wrong(key, f"needs the tag {manifest.name}: it marks what is ours on the server")
    for number, limit in enumerate(manifest.concurrency_limits):
        if not limit.name.startswith(f"{manifest.name}-"):
            key = ("concurrency_limits", number, "name")
            raise document.wrong(key, f"must begin with {manifest.name}-: it marks what is ours")
    listed = [_without_triggers(one) for one in document.data.get("deployments") or ()]
    _refuse_templates(document, {"deployments": listed})


def _without_triggers(deployment: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in deployment.items() if key != "triggers"}


def _refuse_templates(document: Document, value: Any, key: KeyPath = ()) -> None:
    """A template would be filled in by `prefect deploy` and taken literally here."""
    if isinstance(value, str) and "{{" in value:
        raise document.wrong(key, "templates are filled in nowhere; write the value")
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_templates(document, inner, (*key, str(name)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _refuse_templates(document, inner, (*key, number))
