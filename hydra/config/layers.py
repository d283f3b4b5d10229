"""The layers of the configuration, each read into the same flat form; what is misspelt is refused here."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn, get_origin

from hydra.config import keys
from hydra.config.lines import key_lines, line_of
from hydra.domain.errors import UserError, did_you_mean

_SECRET_WORDS: Final = ("pass", "secret", "token", "auth", "url", "credential", "apikey", "api_key")
_MASK: Final = "********"
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: its layer, and the place in it."""

    layer: str
    place: str

    def __str__(self) -> str:
        return self.place if self.layer == "file" else f"{self.layer} {self.place}"


@dataclass(frozen=True, slots=True)
class Given:
    """One key set by one layer."""

    path: keys.Path
    value: object
    source: Source


SourceAt = Callable[[keys.Path], Source]


def from_tree(tree: Mapping[str, Any], source_at: SourceAt) -> Iterator[Given]:
    """A nested mapping as keys; HY-103 for a name that the schema does not have."""
    return _flatten(tree, (), source_at)


def read_file(path: Path) -> tuple[Mapping[str, Any], SourceAt]:
    """The file's tree and where in it each key stands; HY-101 unreadable, HY-102 not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError("HY-101", where=path, problem=problem) from error
    try:
        tree = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        where = f"{path}:{found[1]}" if found else path
        raise UserError("HY-102", where=where, problem=_AT_LINE.sub("", str(error))) from error
    lines = key_lines(text)

    def source_at(at: keys.Path) -> Source:
        line = line_of(lines, at)
        return Source("file", f"{path}:{line}" if line else str(path))

    return tree, source_at


def from_environment(variables: Mapping[str, str]) -> Iterator[Given]:
    """Every HYDRA_* variable; an empty one is not set; HY-105 for an unknown one."""
    for name in sorted(variables):
        if not name.startswith("HYDRA_") or name in keys.PROCESS_VARIABLES or not variables[name]:
            continue
        path, text = _variable(name, variables[name])
        source = Source("environment", name)
        yield Given(path, _parsed(path, text, source), source)


def from_overrides(overrides: Mapping[str, object]) -> Iterator[Given]:
    """Key paths of the command line."""
    for name, value in overrides.items():
        path, source = tuple(name.split(".")), Source("command line", name)
        if keys.key_at(path) is None:
            _refuse_unknown(path, value, source)
        yield Given(path, _parsed(path, value, source) if isinstance(value, str) else value, source)


def refuse_value(path: keys.Path, value: object, problem: str, source: Source) -> NoReturn:
    name = ".".join(path)
    raise UserError("HY-104", where=source, key=name, value=masked(name, value), problem=problem)


def masked(name: str, value: object) -> str:
    """The value as it may be shown, hidden where its name sounds like a secret."""
    if any(word in name.lower() for word in _SECRET_WORDS):
        return _MASK
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _flatten(tree: Mapping[str, Any], prefix: keys.Path, source_at: SourceAt) -> Iterator[Given]:
    for name, value in tree.items():
        path = (*prefix, name)
        key = keys.key_at(path)
        if key is not None:
            if isinstance(value, bool) and key.field.annotation is not bool:
                refuse_value(path, value, "a boolean does not fit here", source_at(path))
            yield Given(path, value, source_at(path))
        elif not keys.children_of(path):
            _refuse_unknown(path, value, source_at(path))
        elif isinstance(value, Mapping):
            yield from _flatten(value, path, source_at)
        else:
            refuse_value(path, value, "a table is expected here", source_at(path))


def _variable(name: str, value: str) -> tuple[keys.Path, str]:
    for key in keys.all_keys():
        if (path := key.path_for(name)) is not None:
            return path, value
        if key.is_secret and name == key.env_name + "_FILE":
            try:
                return key.path, Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise UserError("HY-101", where=f"{name}={value}", problem=error.strerror) from error
    near = keys.nearest_key(name.removeprefix("HYDRA_"))
    hint = f", did you mean {near.env_name}?" if near else did_you_mean(name, keys.PROCESS_VARIABLES)
    raise UserError("HY-105", name=name, value=masked(name, value), hint=hint)


def _parsed(path: keys.Path, value: str, source: Source) -> object:
    """A string of the environment or command line as the key's kind: lists by comma or as JSON."""
    key = keys.key_at(path)
    if key is None or get_origin(key.field.annotation) is not tuple:
        return value
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value, parse_float=Decimal)
    except json.JSONDecodeError as error:
        refuse_value(path, value, f"not JSON: {error}", source)


def _refuse_unknown(path: keys.Path, value: object, source: Source) -> NoReturn:
    siblings = [".".join((*path[:-1], name)) for name in keys.children_of(path[:-1])]
    name = ".".join(path)
    near = keys.nearest_key(name)
    hint = did_you_mean(name, siblings) or (f", did you mean {near.name}?" if near else "")
    raise UserError("HY-103", where=source, key=name, value=masked(name, value), hint=hint)
