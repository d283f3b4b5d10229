"""docker-compose.yml in its parsed form: guarded services, secrets as files, the gateway for workers only."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway_process import running_gateway

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("hydra-trader")]
WORKERS = [name for name in OURS if name.startswith("worker-")]
ROLES = ("execution", "data", "feed", "diagnostics")
# What is not as everywhere, and why.
WITHOUT_HEALTHCHECK = {"deploy": "it ends by itself"}


def test_every_published_port_is_bound_to_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert published == {
        "server": ["127.0.0.1:4200:4200"],
        "gateway": ["127.0.0.1:4001:4003", "127.0.0.1:4002:4004"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_guarded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()
    user = str(service["user"]).partition(":")[0]
    assert user.isdigit()
    assert int(user) > 0
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    is_checked = "test" in service["healthcheck"]
    assert is_checked is (name not in WITHOUT_HEALTHCHECK)


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_writes_to_is_a_volume_or_memory(name: str) -> None:
    """A read-only root needs a place for everything that is written: /tmp, a home, the data directory."""
    service = SERVICES[name]
    writable = [str(one).partition(":")[0] for one in service["tmpfs"]]
    writable += [str(one).split(":")[1] for one in service.get("volumes", [])]
    assert "/tmp" in writable
    environment = service.get("environment") or {}
    for key in ("HYDRA_DATA_DIR", "PREFECT_HOME", "PREFECT_SERVER_UI_STATIC_DIRECTORY"):
        place = environment.get(key)
        assert place is None or any(str(place).startswith(one) for one in writable), (key, place)


def test_one_worker_a_role_in_either_profile() -> None:
    commands = {name: SERVICES[name]["command"] for name in WORKERS}
    for profile, suffix in (("ib", ""), ("sim", "-sim")):
        for role in ROLES:
            name = f"worker-{role}{suffix}"
            assert commands[name] == ["hydra", "worker", "start", "--role", role]
            assert SERVICES[name]["profiles"] == [profile]
    assert len(commands) == 2 * len(ROLES)
    ports = [SERVICES[f"worker-{role}-sim"]["environment"]["PREFECT_WORKER_WEBSERVER_PORT"] for role in ROLES]
    assert len(set(ports)) == len(ROLES)  # they share one network


def test_the_second_file_makes_two_shards_of_the_execution_worker() -> None:
    """What it adds begins as the first file's worker, so it is guarded as that is."""
    shards = yaml.safe_load((ROOT / "docker-compose.shards.yml").read_text())["services"]
    for suffix in ("", "-sim"):
        one, two = shards[f"worker-execution{suffix}"], shards[f"worker-execution-2{suffix}"]
        assert two["extends"] == {"file": "docker-compose.yml", "service": f"worker-execution{suffix}"}
        for number, said in (("1", one), ("2", two)):
            command = ["hydra", "worker", "start", "--role", "execution", "--shard", number]
            assert said["command"] == command
            assert said["environment"]["HYDRA_WORKER_SHARDS"] == "2"
    port = "PREFECT_WORKER_WEBSERVER_PORT"  # they share one network
    taken = {SERVICES[name]["environment"].get(port) for name in WORKERS}
    assert shards["worker-execution-2-sim"]["environment"][port] not in taken
    assert set(shards) <= {f"worker-execution{end}" for end in ("", "-2", "-sim", "-2-sim")}


def test_only_workers_share_the_gateways_network() -> None:
    on_broker = {name for name, service in SERVICES.items() if "broker" in service.get("networks", [])}
    assert on_broker == {"gateway", *(f"worker-{role}" for role in ROLES)}
    assert COMPOSE["networks"]["broker"] == COMPOSE["networks"]["control"] == {"internal": True}
    beside = {name for name, one in SERVICES.items() if one.get("network_mode") == "service:gateway-sim"}
    assert beside == {f"worker-{role}-sim" for role in ROLES}
    assert "broker" not in SERVICES["research"]["networks"]
    assert "internet" not in str([SERVICES[name].get("networks") for name in OURS])


def test_every_secret_is_a_file() -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}
    assert all(file.startswith("./secrets/") for file in files.values())
    for name, service in SERVICES.items():
        given = set(service.get("secrets", []))
        for key, value in (service.get("environment") or {}).items():
            if re.search("AUTH_STRING|PASSWORD|DATABASE_CONNECTION_URL|LEDGER_URL", key):
                assert key.endswith("_FILE"), key
                assert Path(str(value)).name in given, (name, key)
                assert Path(str(value)).parent == Path("/run/secrets")
    assert "/secrets/" in (ROOT / ".gitignore").read_text()
    assert "secrets" in (ROOT / ".dockerignore").read_text().split()


def test_the_secrets_are_made_once_in_a_folder_of_their_owner(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docker", tmp_path / "docker")
    for _ in range(2):
        done = subprocess.run(["sh", "docker/make-secrets"], cwd=tmp_path, check=True, capture_output=True)
        told = done.stdout.decode()
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {one.name for one in folder.iterdir()} == {
        Path(secret["file"]).name for secret in COMPOSE["secrets"].values()
    }
    auth, password = ((folder / name).read_text().strip() for name in ("prefect_auth", "postgres_password"))
    assert auth in told
    assert auth.startswith("hydra:")
    assert f"hydra:{password}@postgres:5432/ledger" in (folder / "ledger_url").read_text()
    assert len(password) == 48


def test_the_entry_point_reads_prefects_secrets_from_their_files(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("hydra:it's a $secret\n")
    environment = {**os.environ, "PREFECT_API_AUTH_STRING_FILE": str(tmp_path / "auth")}
    done = subprocess.run(
        ["sh", str(ROOT / "docker" / "entrypoint.sh"), "printenv", "PREFECT_API_AUTH_STRING"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "hydra:it's a $secret\n"


def test_the_image_has_the_packages_version_and_runs_as_a_user() -> None:
    version = next(
        line.partition('"')[2].rstrip('"')
        for line in (ROOT / "pyproject.toml").read_text().splitlines()
        if line.startswith("version")
    )
    assert {SERVICES[name]["image"] for name in OURS} == {f"hydra-trader:{version}"}
    assert (ROOT / "Dockerfile").read_text().rstrip().endswith("USER hydra")


def test_what_a_service_depends_on_starts_under_the_same_profile_and_is_checked() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            theirs = SERVICES[needed].get("profiles")
            assert theirs is None or set(service.get("profiles", [])) <= set(theirs), (name, needed)
            assert how == {"condition": "service_healthy"}


def test_ibs_gateway_is_the_image_and_the_settings_we_know() -> None:
    gateway = SERVICES["gateway"]
    assert gateway["image"] == "ghcr.io/gnzsnz/ib-gateway:stable"
    assert gateway["environment"] == {
        **gateway["environment"],
        "TWS_PASSWORD_FILE": "/run/secrets/tws_password",
        "TRADING_MODE": "${TRADING_MODE:-paper}",
        "TWOFA_TIMEOUT_ACTION": "restart",
        "AUTO_RESTART_TIME": "11:59 PM",
    }
    assert not [key for key in gateway["environment"] if "VNC" in key or "TOTP" in key]
    assert SERVICES["worker-execution"]["environment"]["HYDRA_GATEWAY_PORT"] == "4004"


@pytest.mark.process
def test_the_gateways_health_is_an_answered_greeting_not_an_open_port(tmp_path: Path) -> None:
    """The check of the compose file itself, at a gateway that answers, one that is frozen, and none."""
    *shell, check = SERVICES["gateway"]["healthcheck"]["test"][1:]
    with running_gateway(tmp_path) as gateway:
        command = [*shell, check.replace("/4004", f"/{gateway.port}").replace("$$", "$")]
        assert subprocess.run(command, timeout=20, check=False).returncode == 0
        gateway.fault("freeze")
        quick = [*shell, command[-1].replace("timeout 5", "timeout 1")]
        assert subprocess.run(quick, timeout=20, check=False).returncode != 0
    assert subprocess.run(command, timeout=20, check=False, stderr=subprocess.DEVNULL).returncode != 0
