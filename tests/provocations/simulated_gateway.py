"""HY-2xx."""

import socket
from subprocess import CompletedProcess

from tests.provocations import Scene, provokes


@provokes("HY-201")
def a_port_of_real_money(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "run", "--state-dir", "sim", "--port", 4001)


@provokes("HY-202")
def a_host_that_others_reach(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "run", "--state-dir", "sim", "--host", "0.0.0.0", "--port", 0)


@provokes("HY-203")
def a_port_in_use(scene: Scene) -> CompletedProcess[str]:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        return scene.hydra("gateway", "run", "--state-dir", "sim", "--port", port)


@provokes("HY-204")
def a_state_directory_that_cannot_be_made(scene: Scene) -> CompletedProcess[str]:
    """Where not even root may write."""
    return scene.hydra("gateway", "run", "--state-dir", "/proc/hydra-sim", "--port", 0)


@provokes("HY-205")
def a_state_directory_held_by_another(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway():
        return scene.hydra("gateway", "run", "--state-dir", "sim", "--port", 0)


@provokes("HY-206")
def a_misspelt_fault(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway():
        return scene.hydra("gateway", "fault", "dropp", "--state-dir", "sim")


@provokes("HY-207")
def a_fault_with_an_option_it_does_not_take(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "fault", "drop", "--state-dir", "sim", "--factor", "2")


@provokes("HY-208")
def a_fault_without_a_gateway(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "fault", "drop", "--state-dir", "sim")


@provokes("HY-209")
def bars_with_a_wrong_line(scene: Scene) -> CompletedProcess[str]:
    scene.file(
        "bars.csv",
        "date,open,high,low,close,volume\n2026-11-20,350,352,349,351,100\n2026-11-21,350,x,1,2,3\n",
    )
    return scene.hydra(
        "gateway", "run", "--state-dir", "sim", "--port", 0, "--bars", "bars.csv", "--symbol", "ZO"
    )


@provokes("HY-210")
def a_start_without_zone(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "run", "--state-dir", "sim", "--port", 0, "--start", "2026-11-23T14:30:00")


@provokes("HY-211")
def another_seed_than_the_state_has(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway("--seed", 7):
        pass
    return scene.hydra("gateway", "run", "--state-dir", "sim", "--port", 0, "--seed", 8)


@provokes("HY-212")
def a_damaged_journal(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway():
        pass
    journal = max((scene.here / "sim").glob("*.jsonl"), key=lambda path: path.stat().st_size)
    journal.write_text("{broken\n" + journal.read_text())
    return scene.hydra("gateway", "books", "--state-dir", "sim", "--json")


@provokes("HY-213")
def bars_of_an_unknown_symbol(scene: Scene) -> CompletedProcess[str]:
    scene.file("bars.csv", "date,open,high,low,close,volume\n2026-11-20,350,352,349,351,100\n")
    return scene.hydra(
        "gateway", "run", "--state-dir", "sim", "--port", 0, "--bars", "bars.csv", "--symbol", "ZZ"
    )


@provokes("HY-214")
def a_clock_that_somebody_has_edited(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "sim").mkdir()
    scene.file("sim/clock.json", '{"HYDRA_CLOCK_SPEED": 60}')
    return scene.hydra("gateway", "clock", "--state-dir", "sim")


@provokes("HY-214")
def the_clock_of_a_gateway_that_never_ran(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("gateway", "clock", "--state-dir", "sim")
