"""HY-2xx once more, in the ways that simulated_gateway.py leaves out."""

from pathlib import Path
from subprocess import CompletedProcess

from tests.gateway_process import running_gateway
from tests.provocations import Scene, provokes

HEADER = "date,open,high,low,close,volume\n"


def run(scene: Scene, *args: object, **options: dict[str, str]) -> CompletedProcess[str]:
    return scene.hydra("gateway", "run", "--state-dir", scene.here / "state", "--port", 0, *args, **options)


def fault(scene: Scene, *args: object) -> CompletedProcess[str]:
    return scene.hydra("gateway", "fault", *args, "--state-dir", scene.here / "state")


def bars(scene: Scene, text: str) -> Path:
    return scene.file("bars.csv", text)


@provokes("HY-201")
def the_port_of_a_live_workstation(scene: Scene) -> CompletedProcess[str]:
    return run(scene, "--port", 7496)


@provokes("HY-207")
def a_fault_at_a_moment_that_is_none(scene: Scene) -> CompletedProcess[str]:
    return fault(scene, "drop", "--on", "acept")


@provokes("HY-207")
def a_fault_with_a_number_that_is_none(scene: Scene) -> CompletedProcess[str]:
    return fault(scene, "margin", "--factor", "double")


@provokes("HY-207")
def a_correction_before_any_execution(scene: Scene) -> CompletedProcess[str]:
    with running_gateway(scene.here / "state"):
        return fault(scene, "correction")


@provokes("HY-208")
def a_fault_for_a_gateway_that_was_killed(scene: Scene) -> CompletedProcess[str]:
    with running_gateway(scene.here / "state") as gateway:
        gateway.kill()
        return fault(scene, "drop")


@provokes("HY-215")
def bars_that_do_not_exist(scene: Scene) -> CompletedProcess[str]:
    return run(scene, "--bars", "nowhere.csv", "--symbol", "ZO")


@provokes("HY-210")
def a_speed_of_zero(scene: Scene) -> CompletedProcess[str]:
    return run(scene, "--speed", "0")


@provokes("HY-210")
def a_start_before_the_end_of_the_journal(scene: Scene) -> CompletedProcess[str]:
    with running_gateway(scene.here / "state") as gateway:
        gateway.stop()
    return run(scene, "--start", "2026-01-05T15:00:00Z")


@provokes("HY-214")
def the_clock_of_nothing(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "clock", "--state-dir", scene.here / "state")


@provokes("HY-003")
def bars_without_a_symbol(scene: Scene) -> CompletedProcess[str]:
    return run(scene, "--bars", bars(scene, HEADER))
