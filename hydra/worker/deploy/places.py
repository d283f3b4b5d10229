"""A YAML file with the line of every key: what is refused is told with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from hydra.domain.errors import UserError, did_you_mean

KeyPath = tuple[str | int, ...]

_PLAIN: Final = yaml.SafeLoader


@dataclass(frozen=True, slots=True)
class Document:
    """The parsed file and where each key stands."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def place(self, key: KeyPath) -> str:
        """`file:line` of the key, else of the nearest one around it."""
        for end in range(len(key), -1, -1):
            if key[:end] in self.lines:
                return f"{self.path}:{self.lines[key[:end]]}"
        return str(self.path)

    def unknown(self, key: KeyPath, known: list[str]) -> UserError:
        """HY-620 for a key that means nothing there."""
        hint = did_you_mean(str(key[-1]), known) or f": one of {', '.join(sorted(known))}"
        return UserError("HY-620", where=self.place(key), key=told(key), hint=hint)

    def wrong(self, key: KeyPath, problem: str) -> UserError:
        """HY-621 for a value that cannot be."""
        return UserError("HY-621", where=self.place(key), key=told(key) or "the file", problem=problem)


def read_document(path: Path) -> Document:
    """The file as plain data; HY-621 where it is no YAML, or says one thing twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError("HY-621", where=path, key="the file", problem=error) from error
    try:
        root = yaml.compose(text, Loader=_PLAIN)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else path
        problem = getattr(error, "problem", None) or error
        raise UserError("HY-621", where=where, key="the file", problem=f"no YAML: {problem}") from error
    lines: dict[KeyPath, int] = {}
    for key, line in _walk(root, ()):
        if key in lines:
            raise UserError("HY-621", where=f"{path}:{line}", key=told(key), problem="said twice")
        lines[key] = line
    if not isinstance(data, dict):
        raise UserError("HY-621", where=path, key="the file", problem="a mapping is needed")
    return Document(path, data, lines)


def told(key: KeyPath) -> str:
    """The key as a person writes it: deployments[0].schedules[1].slug."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def _walk(node: Any, at: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*at, number), value.start_mark.line + 1
            yield from _walk(value, (*at, number))
