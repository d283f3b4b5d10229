"""HY-5xx."""

from subprocess import CompletedProcess

from tests.provocations import Scene, provokes


@provokes("HY-503")
def other_targets_for_a_planned_session(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        first = scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=1", env=gateway.env)
        assert first.returncode == 0, first.stderr
        return scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=2", env=gateway.env)


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
