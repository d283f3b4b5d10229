"""HY-8xx, and what the worlds found wrong with a restored ledger (HY-411)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess

from tests.provocations import Scene, provokes


@provokes("HY-801")
def an_empty_range_of_seeds(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--seeds", "7:7")


@provokes("HY-801")
def seeds_that_are_no_numbers(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--seeds", "a:b")


@provokes("HY-801")
def more_seeds_than_a_life_is_long(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--seeds", "0:1000000000000")


@provokes("HY-802")
def a_fault_nobody_knows(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--faults", "kill,earthquake")


@provokes("HY-803")
def a_place_that_cannot_be_written(scene: Scene) -> CompletedProcess[str]:
    scene.file("file", "not a folder")
    return scene.hydra("simulate", "--seeds", "0:1", "--keep", "file/below")


@provokes("HY-803")
def a_document_that_is_a_folder(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--seeds", "0:1", "--json", str(scene.here))


@provokes("HY-801")
def a_replay_of_many_seeds(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--replay", "0:5")


@provokes("HY-004")
def a_choice_of_faults_without_their_world(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--seeds", "0:1", "--only", "1")


@provokes("HY-804")
def a_replay_of_another_version(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("simulate", "--replay", "7@0.0.1+0123456789ab")


@provokes("HY-411")
def a_ledger_that_ends_before_its_own_anchor(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "data").mkdir()
    anchor = scene.here / "data" / "ledger.sqlite3.heads"
    anchor.write_text('["2026-11-23T15:00:00.000000+00:00","20261123-ZO-1",9,"00ff"]\n')
    return scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=1", "--port", "1")


@provokes("HY-806")
def a_worker_that_is_killed(scene: Scene) -> CompletedProcess[str]:
    command = [sys.executable, "-m", "hydra.cli", "simulate", "--seeds", "0:2000", "--jobs", "1"]
    parent = subprocess.Popen(
        command, cwd=scene.here, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    children: list[str] = []
    while not children and time.monotonic() < deadline:
        time.sleep(0.05)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    said, wrong = parent.communicate(timeout=30)
    return CompletedProcess(command, parent.returncode, said, wrong)
