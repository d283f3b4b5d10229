"""How a person provokes each coded line: one file a block of the catalogue, collected by test_error_lines.

Register a provocation with `@provokes("HY-nnn")` on a function that takes a `Scene` and returns the finished
process. A code may have several.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scene:
    """An empty directory to work in, and the command line as a process in it."""

    here: Path

    def hydra(self, *args: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-m", "hydra.cli", *map(str, args)], env)

    def python(self, code: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-c", code], env)

    def file(self, name: str, text: str) -> Path:
        path = self.here / name
        path.write_text(text, encoding="utf-8")
        return path

    def _run(self, args: list[str], env: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "HYDRA_DATA_DIR": str(self.here / "data"), **(env or {})}
        return subprocess.run(
            args, cwd=self.here, env=variables, capture_output=True, text=True, timeout=50, check=False
        )


Provocation = Callable[[Scene], subprocess.CompletedProcess[str]]
PROVOCATIONS: list[tuple[str, Provocation]] = []


def provokes(code: str) -> Callable[[Provocation], Provocation]:
    def register(provocation: Provocation) -> Provocation:
        PROVOCATIONS.append((code, provocation))
        return provocation

    return register
