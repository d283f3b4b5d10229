"""HY-5xx."""

import socket
from collections.abc import Mapping
from subprocess import CompletedProcess

from tests.provocations import Scene, provokes
from tests.provocations.connection import client_of
from tests.provocations.ledger import PARENT, traded

DECISION = ("--by", "anna", "--reason", "seen on the statement")
QUICK = {"HYDRA_GATEWAY_REQUEST_TIMEOUT_S": "0.5", "HYDRA_GATEWAY_ACCOUNT": "DUSIM001"}


@provokes("HY-501")
def books_that_end_in_the_middle(scene: Scene) -> CompletedProcess[str]:
    """Told whole when connecting, and not again."""
    with scene.gateway() as gateway:
        gateway.fault("mute", kind="positionEnd", on="req_positions", nth=2)
        return scene.hydra("adopt", "nobody.knows.01", *DECISION, env={**gateway.env, **QUICK})


@provokes("HY-502")
def an_account_without_its_value(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        gateway.fault("mute", kind="accountSummaryEnd")
        return scene.hydra(
            "session", "run", "--on", "2026-11-23", "--targets", "ZO=1", env={**gateway.env, **QUICK}
        )


@provokes("HY-503")
def other_targets_for_a_planned_session(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        first = scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=1", env=gateway.env)
        assert first.returncode == 0, first.stderr
        return scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=2", env=gateway.env)


@provokes("HY-504")
def a_misspelt_strategy(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("session", "run", "--on", "2026-11-23", "--symbols", "ZO", "--strategy", "ewma-trent")


@provokes("HY-505")
def a_decision_about_an_order_that_was_never_sent(scene: Scene) -> CompletedProcess[str]:
    traded(scene)
    return scene.hydra("resolve", f"H-{PARENT}-C99", "--never-live", *DECISION)


@provokes("HY-506")
def an_execution_the_broker_does_not_know(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        return scene.hydra("adopt", "nobody.knows.01", *DECISION, env=gateway.env)


@provokes("HY-507")
def a_target_that_is_no_number(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=nan")


@provokes("HY-507")
def a_date_that_is_none(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("session", "run", "--on", "2026-02-30")


@provokes("HY-508")
def a_clock_that_is_not_the_gateways(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        late = str(float(gateway.env["HYDRA_CLOCK_ANCHOR"]) - 60)
        return scene.hydra(
            "session", "run", "--on", "2026-11-23", "--targets", "ZO=1",
            env={**gateway.env, "HYDRA_CLOCK_ANCHOR": late},
        )  # fmt: skip


@provokes("HY-509")
def a_second_session_while_the_first_one_runs(scene: Scene) -> CompletedProcess[str]:
    """The first has its lease before it connects, and connects for as long as it must."""
    command = ("session", "run", "--on", "2026-11-23", "--targets", "ZO=1")
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        env = {"HYDRA_GATEWAY_PORT": str(silent.getsockname()[1]), "HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "60"}
        with scene.started(*command, env=env):
            silent.settimeout(30)
            with silent.accept()[0]:
                return scene.hydra(*command, env=env)


def kill(scene: Scene, *more: object, env: Mapping[str, str]) -> CompletedProcess[str]:
    return scene.hydra("kill", *more, *DECISION, env=env)


@provokes("HY-510")
def a_latch_that_cannot_be_written(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "data" / "kill.latch").mkdir(parents=True)
    with scene.gateway() as gateway:
        return kill(scene, "--all", env=gateway.env)


@provokes("HY-511")
def a_kill_of_one_symbol_while_a_stranger_has_the_client_id(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway, client_of(gateway):
        return kill(scene, "--symbol", "ZO", env=gateway.env)


@provokes("HY-512")
def a_kill_whose_end_nobody_tells(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        gateway.fault("mute", kind="openOrderEnd")
        return kill(scene, "--all", "--within", 1, env={**gateway.env, **QUICK})


@provokes("HY-513")
def a_flatten_without_a_ledger(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "data").mkdir()
    scene.file("data/ledger.sqlite3", "no ledger at all\n" * 100)
    with scene.gateway() as gateway:
        return kill(scene, "--all", "--flatten", env=gateway.env)
