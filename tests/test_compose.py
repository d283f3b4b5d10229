"""docker-compose.yml in its parsed form: published on this machine only, with no privileges."""

from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("hydra-trader")]


def test_every_published_port_is_bound_to_loopback() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_privileges_and_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"mem_limit", "pids_limit"} <= service.keys()


def test_the_image_has_the_packages_version_and_runs_as_a_user() -> None:
    root = Path(__file__).parent.parent
    version = next(
        line.partition('"')[2].rstrip('"')
        for line in (root / "pyproject.toml").read_text().splitlines()
        if line.startswith("version")
    )
    assert {SERVICES[name]["image"] for name in OURS} == {f"hydra-trader:{version}"}
    assert (root / "Dockerfile").read_text().rstrip().endswith("USER hydra")


def test_no_secret_stands_in_the_file() -> None:
    for service in SERVICES.values():
        for key, value in (service.get("environment") or {}).items():
            if "AUTH" in key or "PASSWORD" in key:
                assert str(value).startswith("${"), key


def test_what_a_service_depends_on_starts_under_the_same_profile() -> None:
    for name, service in SERVICES.items():
        for needed in service.get("depends_on", {}):
            theirs = SERVICES[needed].get("profiles")
            assert theirs is None or set(service.get("profiles", [])) <= set(theirs), (name, needed)
