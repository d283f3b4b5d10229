"""What the machine's own facts mean: versions, zones, the latch."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hydra.diagnosis.finding import Status
from hydra.diagnosis.machine import latch_finding, library_findings, sqlite_finding, zones_finding
from hydra.domain.latch import Latched
from hydra.usecases.latch import set_latch

SOUND = {"ib_async": "2.1.0", "prefect": "3.8.8", "fastapi": "0.149.0", "sqlalchemy": "2.0.58"}


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ((3, 40, 1), Status.WARN),
        ((3, 44, 6), Status.OK),
        ((3, 51, 2), Status.WARN),
        ((3, 51, 3), Status.OK),
    ],
)
def test_an_affected_sqlite_is_named(version: tuple[int, int, int], status: Status) -> None:
    assert sqlite_finding(version).status is status


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"ib_async": "2.0.1"}, "ib_async"),
        ({"ib_async": ""}, "ib_async"),
        ({"prefect": "3.6.21"}, "prefect_version"),
        ({"fastapi": "0.150.0"}, "fastapi"),
        ({"sqlalchemy": "2.1.9"}, "sqlalchemy"),
    ],
)
def test_a_library_that_breaks_something_fails(changed: dict[str, str], check: str) -> None:
    failed = [one for one in library_findings({**SOUND, **changed}) if one.status is Status.FAIL]
    assert [one.check for one in failed] == [check]
    assert failed[0].fix


def test_the_proven_libraries_pass() -> None:
    assert {one.status for one in library_findings(SOUND)} == {Status.OK}


def test_zones_are_named_with_their_release_and_grow_old() -> None:
    now = zones_finding(datetime(2025, 6, 1, tzinfo=UTC))
    assert now.status is Status.OK
    assert "20" in now.what
    assert zones_finding(datetime(2099, 6, 1, tzinfo=UTC)).status is Status.WARN


def test_a_kill_in_force_is_said_with_its_name_and_how_to_lift_it(tmp_path: Path) -> None:
    path = tmp_path / "kill.latch"
    assert latch_finding(path).status is Status.OK
    set_latch(path, Latched("ZO", "anna", "odd prices", datetime(2026, 11, 23, tzinfo=UTC)))
    found = latch_finding(path)
    assert found.status is Status.WARN
    assert "ZO by anna: odd prices" in found.what
    assert "--scope ZO" in found.fix
