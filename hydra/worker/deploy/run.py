"""One deploy: read strictly, compare, make good what differs, and tell each difference."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from hydra.domain.errors import Unavailable, UserError
from hydra.worker.deploy.items import SWITCHES, Change, Item, Kind, Verb, compare, memory_of
from hydra.worker.deploy.manifest import read_manifest
from hydra.worker.deploy.server import DeployServer
from hydra.worker.deploy.wanted import POOL_TYPES, wanted_items


@dataclass(frozen=True, slots=True)
class Deployed:
    """What differed; `is_done` tells whether it was made good or only shown."""

    project: str
    changes: tuple[Change, ...]
    is_done: bool

    def as_json(self) -> dict[str, Any]:
        rows = [
            {
                "verb": one.verb.value,
                "kind": one.item.kind.value,
                "name": one.item.name,
                "owner": one.item.owner,
                "details": list(one.details),
            }
            for one in self.changes
        ]
        return {"project": self.project, "applied": self.is_done, "changes": rows}


async def deploy(path: Path, *, is_diff: bool) -> Deployed:
    """Bring the server to the file, or with `is_diff` say what would change; a second deploy changes nothing.

    Raises UserError HY-620 … HY-624 before anything is changed where the file cannot be, Unavailable HY-602
    where the server does not answer.
    """
    manifest, document = read_manifest(path)
    _check_pools(document, manifest)
    wanted = wanted_items(manifest, document)
    if not PREFECT_API_URL.value():
        raise Unavailable("HY-602", url="PREFECT_API_URL (not set)", problem="no server is named")
    try:
        async with get_client() as client:
            server = DeployServer(client, manifest.name)
            changes = await _changes(server, wanted)
            if not is_diff:
                await _make_good(server, wanted, changes)
    except PrefectHTTPStatusError as error:
        answer = error.response
        problem = f"{answer.status_code} {answer.text[:200]}"
        raise UserError(
            "HY-624", what=f"{answer.request.method} {answer.request.url.path}", problem=problem
        ) from error
    except (httpx.HTTPError, OSError) as error:
        raise Unavailable(
            "HY-602", url=PREFECT_API_URL.value(), problem=str(error) or type(error).__name__
        ) from error
    return Deployed(manifest.name, tuple(changes), not is_diff)


async def _make_good(server: DeployServer, wanted: list[Item], changes: list[Change]) -> None:
    """Every change, then a look whether the server took it: a refusal may be silent."""
    for change in changes:
        await server.make(change)
    left = [str(one.item) for one in await _changes(server, wanted) if one.is_done]
    if left:
        raise UserError("HY-624", what=f"{len(left)} change(s)", problem=f"not as asked: {', '.join(left)}")
    await server.register_blocks()
    stays = [one.item for one in changes if one.verb is Verb.KEEP and one.item.in_use]
    await server.remember(_memory(wanted, stays))


def _check_pools(document: Any, manifest: Any) -> None:
    for number, pool in enumerate(manifest.work_pools):
        if pool.type not in POOL_TYPES:
            problem = f"no work pool type {pool.type}: one of {', '.join(sorted(POOL_TYPES))}"
            raise document.wrong(("work_pools", number, "type"), problem)


async def _changes(server: DeployServer, wanted: list[Item]) -> list[Change]:
    named, waiting = [], []
    for one in wanted:
        found = await _with_blocks(server, one) if one.kind is Kind.AUTOMATION else one
        if isinstance(found, Change):
            waiting.append(found)
        else:
            named.append(found)
    remembered = await server.remembered()
    present = await server.present(named, remembered)
    kept = {(one.item.kind, one.item.name) for one in waiting}
    present = [one for one in present if (one.kind, one.name) not in kept]
    changes = compare(named, present, remembered)
    for change in changes:
        if change.item.kind is Kind.POOL and change.verb is Verb.UPDATE and "type" in change.facts:
            raise UserError("HY-623", pool=change.item.name, given=change.facts["type"])
    return [*changes, *waiting]


async def _with_blocks(server: DeployServer, item: Item) -> Item | Change:
    """The automation with the ids of its blocks; as one that waits where nobody has made a block yet."""
    actions = [dict(action) for action in item.facts["actions"]]
    for action, block in zip(actions, item.on_create["blocks"], strict=True):
        if block:
            found = await server.block_id(block)
            if found is None:
                return Change(Verb.WAIT, item, (f"make the block {block} and deploy again",))
            action["block_document_id"] = found
    return replace(item, facts={**item.facts, "actions": actions})


def _memory(wanted: list[Item], stays: list[Item]) -> dict[str, bool]:
    """What the file switches on or off, and which pools and queues are ours: they bear no mark themselves."""
    switched = {memory_of(one): bool(one.facts[SWITCHES[one.kind]]) for one in wanted if one.kind in SWITCHES}
    places = [one for one in (*wanted, *stays) if one.kind in (Kind.POOL, Kind.QUEUE)]
    return switched | {memory_of(one): True for one in places}
