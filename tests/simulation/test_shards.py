"""Two execution shards in whole worlds full of faults; what they share is the ledger and the account."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hydra.domain.roles import Duty
from hydra.persistence.control import ControlReader
from hydra.simulation.campaign import run_jobs
from hydra.simulation.run import RunOptions, WorldResult, prepared_folder
from hydra.usecases.desk import Desk
from tests.simulation.mutants import method
from tests.simulation.shards import run_shards

pytestmark = [pytest.mark.timeout(240)]

# SHARD_WORLDS=2000 pytest tests/simulation/test_shards.py for a long look.
WORLDS = int(os.environ.get("SHARD_WORLDS", "16"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with prepared_folder() as place:
        yield place


def worlds(folder: Path, count: int) -> list[WorldResult]:
    """In a forked process, as a campaign's are: a patch that is in force goes with it."""
    return list(run_jobs(partial(run_shards, options=RunOptions(folder)), range(count), jobs=1))


def test_two_shards_break_no_law_and_no_limit_of_the_account(folder: Path) -> None:
    found = worlds(folder, WORLDS)
    assert {one.seed: one.violations for one in found if one.violations} == {}
    assert min(one.runs for one in found) >= 4  # each shard runs its session, and once more
    assert sum(one.filled for one in found) > sum(one.wanted for one in found) / 2
    assert 0 < sum(one.is_denied for one in found) < WORLDS
    assert sum(len(one.hits) for one in found) > WORLDS


@contextmanager
def own_contract_only() -> Iterator[None]:
    """A gate that counts only the contract it is asked about: each shard for itself."""
    read = ControlReader.read

    def alone(reader: ControlReader, con_id: int, *args: Any) -> Any:
        state = read(reader, con_id, *args)
        return replace(state, exposures={one: at for one, at in state.exposures.items() if one == con_id})

    with method(ControlReader, "read", alone):
        yield


@contextmanager
def everything_is_ours() -> Iterator[None]:
    """A shard that works every symbol and ends whatever child it sees."""
    with ExitStack() as stack:
        stack.enter_context(method(Duty, "works", lambda duty, symbol: True))
        stack.enter_context(
            method(
                Desk,
                "live_children",
                lambda desk: [one for parent in desk.parents.values() for one in parent.live_children],
            )
        )
        yield


@pytest.mark.parametrize(("wrong", "law"), [(own_contract_only, "e"), (everything_is_ours, "d")])
def test_shards_that_do_not_heed_each_other_are_found_out(
    folder: Path, wrong: Callable[[], Any], law: str
) -> None:
    with wrong():
        found = worlds(folder, 6)
    assert law in {violation.law for one in found for violation in one.violations}
