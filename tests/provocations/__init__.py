"""How a person provokes each coded line: one file a block of the catalogue, collected by test_error_lines.

Register a provocation with `@provokes("HY-nnn")` on a function that takes a `Scene` and returns the finished
process. A code may have several.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from hydra.simgateway.control import call
from tests.hydra_process import HydraProcess, completed

WAIT_S = 90.0


@dataclass(frozen=True)
class Scene:
    """An empty directory to work in, and the command line as a process in it."""

    here: Path

    def hydra(self, *args: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return completed([*map(str, args)], self.here, self._variables(env), WAIT_S)

    def python(self, code: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.here,
            env=self._variables(env),
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def file(self, name: str, text: str) -> Path:
        path = self.here / name
        path.write_text(text, encoding="utf-8")
        return path

    @contextmanager
    def started(self, *args: object, env: Mapping[str, str] | None = None) -> Iterator[HydraProcess]:
        """A command that runs for the length of a block; killed at its end."""
        told = Path(mkdtemp(dir=self.here))
        command, variables = [*map(str, args)], self._variables(env)
        process = HydraProcess(command, self.here, variables, told / "out", told / "err")
        try:
            yield process
        finally:
            process.end()

    @contextmanager
    def gateway(self, *options: object) -> Iterator["RunningGateway"]:
        """A simulated gateway of its own on a free port, ready; killed at the end."""
        command = ["gateway", "run", "--port", "0", "--json", "--state-dir", "sim", "--speed", "60", *options]
        with self.started(*command) as process:
            ready = json.loads(process.first_line(WAIT_S))
            clock = {name: str(value) for name, value in ready.items() if name.startswith("HYDRA_CLOCK_")}
            env = {**clock, "HYDRA_GATEWAY_PORT": str(ready["port"])}
            yield RunningGateway(ready["port"], env, self.here / "sim")

    def _variables(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, "HYDRA_DATA_DIR": str(self.here / "data"), **(env or {})}


@dataclass(frozen=True)
class RunningGateway:
    """Its port, and the variables that make a session agree with it."""

    port: int
    env: dict[str, str]
    state_dir: Path

    def fault(self, name: str, **options: object) -> None:
        call(self.state_dir, "fault", {"name": name, **options})


Provocation = Callable[[Scene], subprocess.CompletedProcess[str]]
PROVOCATIONS: list[tuple[str, Provocation]] = []


def provokes(code: str) -> Callable[[Provocation], Provocation]:
    def register(provocation: Provocation) -> Provocation:
        PROVOCATIONS.append((code, provocation))
        return provocation

    return register
