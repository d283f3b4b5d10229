"""From file, environment and command line to one frozen `Settings`, with the source of every value.

Plain pydantic with our own layers: pydantic-settings passes over misspelt variables and cannot say from
which line of which file a value came, and both are what a person needs when a value is wrong.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NoReturn, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hydra.config import keys
from hydra.config.lines import key_lines, line_of
from hydra.config.schema import Settings
from hydra.domain.errors import UserError, did_you_mean

DEFAULT_FILE: Final = "hydra.toml"
_SECRET_WORDS: Final = ("pass", "secret", "token", "auth", "url", "credential", "apikey", "api_key")
_MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: its layer, and the place in it."""

    layer: str
    place: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and, for every key that a layer sets, the layer that won."""

    settings: Settings
    sources: Mapping[keys.Path, Source]
    file: Path | None

    def source(self, *path: str) -> Source:
        return _nearest(self.sources, path) or Source("default", "built in")


@dataclass(frozen=True, slots=True)
class _Given:
    path: keys.Path
    value: object
    source: Source


def load(
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Settings from shipped defaults < TOML file < HYDRA_* < `overrides` (key path → value).

    Raises UserError HY-101 … HY-105 for the first thing that does not fit.
    """
    variables = os.environ if environ is None else environ
    path = _file_in_force(file, variables)
    given = _without_replaced(list(_shipped()), list(_from_file(path)) if path else [])
    given += _from_environment(variables)
    given += _from_overrides(overrides or {})
    values = {item.path: item for item in given}
    tree: dict[str, Any] = {}
    for item in values.values():
        _put(tree, item.path, item.value)
    sources = {item.path: item.source for item in values.values()}
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        _refuse(error.errors()[0], sources)
    return Loaded(_located(settings), sources, path)


def load_settings(
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """As `load`, for a caller that does not ask where values came from."""
    return load(file, overrides, environ).settings


def data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The data directory as far as it is known without reading a file (for a failure's trace)."""
    given = (os.environ if environ is None else environ).get("HYDRA_DATA_DIR")
    return Path(given).expanduser().absolute() if given else Settings().data_dir


def masked(name: str, value: object) -> str:
    """The value as it may be shown, hidden where its name sounds like a secret."""
    return _MASK if any(word in name.lower() for word in _SECRET_WORDS) else str(value)


# --- the layers ----------------------------------------------------------------------------------------


def _shipped() -> Iterator[_Given]:
    text = files("hydra.config").joinpath("defaults.toml").read_text(encoding="utf-8")
    tree = tomllib.loads(text, parse_float=Decimal)
    return _flatten(tree, (), lambda _: Source("default", "shipped"))


def _file_in_force(file: Path | None, variables: Mapping[str, str]) -> Path | None:
    if file is not None:
        return file
    if named := variables.get("HYDRA_CONFIG"):
        return Path(named)
    here = Path(DEFAULT_FILE)
    return here if here.is_file() else None


def _from_file(path: Path) -> Iterator[_Given]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError("HY-101", where=path, problem=problem) from error
    try:
        tree = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UserError("HY-102", where=path, problem=error) from error
    lines = key_lines(text)

    def source(at: keys.Path) -> Source:
        line = line_of(lines, at)
        return Source("file", f"{path}:{line}" if line else str(path))

    return _flatten(tree, (), source)


def _from_environment(variables: Mapping[str, str]) -> Iterator[_Given]:
    for name in sorted(variables):
        if not name.startswith("HYDRA_") or name in keys.PROCESS_VARIABLES or not variables[name]:
            continue
        path, text = _variable(name, variables[name])
        source = Source("environment", name)
        yield _Given(path, _parsed(path, text, source), source)


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


def _from_overrides(overrides: Mapping[str, object]) -> Iterator[_Given]:
    for name, value in overrides.items():
        path, source = tuple(name.split(".")), Source("command line", name)
        if keys.key_at(path) is None:
            _refuse_unknown(path, value, source)
        yield _Given(path, _parsed(path, value, source) if isinstance(value, str) else value, source)


def _without_replaced(shipped: list[_Given], from_file: list[_Given]) -> list[_Given]:
    replaced = [
        table for table in keys.WHOLE_TABLES if any(item.path[: len(table)] == table for item in from_file)
    ]
    kept = [item for item in shipped if not any(item.path[: len(table)] == table for table in replaced)]
    return kept + from_file


# --- checking ------------------------------------------------------------------------------------------


def _flatten(tree: Mapping[str, Any], prefix: keys.Path, source_at: Any) -> Iterator[_Given]:
    for name, value in tree.items():
        path = (*prefix, name)
        key = keys.key_at(path)
        if key is not None:
            if isinstance(value, bool) and key.field.annotation is not bool:
                _refuse_value(path, value, "a boolean does not fit here", source_at(path))
            yield _Given(path, value, source_at(path))
        elif not keys.children_of(path):
            _refuse_unknown(path, value, source_at(path))
        elif isinstance(value, Mapping):
            yield from _flatten(value, path, source_at)
        else:
            _refuse_value(path, value, "a table is expected here", source_at(path))


def _parsed(path: keys.Path, value: str, source: Source) -> object:
    """A string of the environment or command line as the key's kind: lists by comma or as JSON."""
    key = keys.key_at(path)
    origin = get_origin(key.field.annotation) if key else None
    if origin is not tuple:
        return value
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value, parse_float=Decimal)
    except json.JSONDecodeError as error:
        _refuse_value(path, value, f"not JSON: {error}", source)


def _refuse_unknown(path: keys.Path, value: object, source: Source) -> NoReturn:
    siblings = [".".join((*path[:-1], name)) for name in keys.children_of(path[:-1])]
    name = ".".join(path)
    near = keys.nearest_key(name)
    hint = did_you_mean(name, siblings) or (f", did you mean {near.name}?" if near else "")
    raise UserError("HY-103", where=_where(source), key=name, value=masked(name, _brief(value)), hint=hint)


def _refuse_value(path: keys.Path, value: object, problem: str, source: Source) -> NoReturn:
    name = ".".join(path)
    shown = masked(name, _brief(value))
    raise UserError("HY-104", where=_where(source), key=name, value=shown, problem=problem)


def _refuse(error: ErrorDetails, sources: Mapping[keys.Path, Source]) -> NoReturn:
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    source = _nearest(sources, path) or _below(sources, path) or Source("default", "built in")
    problem = error["msg"].removeprefix("Value error, ")
    is_about_one = keys.key_at(path) is not None or keys.key_at(path[:-1]) is not None
    if error["type"] == "missing":
        value: object = "(missing)"
    else:
        value = error["input"] if is_about_one else "(together)"
    _refuse_value(path or ("settings",), value, problem, source)


def _where(source: Source) -> str:
    return source.place if source.layer == "file" else f"{source.layer} {source.place}"


def _nearest(sources: Mapping[keys.Path, Source], path: keys.Path) -> Source | None:
    return next((sources[path[:end]] for end in range(len(path), 0, -1) if path[:end] in sources), None)


def _below(sources: Mapping[keys.Path, Source], path: keys.Path) -> Source | None:
    """The last layer that touched the table the error is about: for a missing key, its table's."""
    for end in range(len(path), -1, -1):
        near = [source for at, source in sources.items() if at[:end] == path[:end]]
        given = [source for source in near if source.layer != "default"]
        if given:
            return given[-1]
    return None


def _brief(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _put(tree: dict[str, Any], path: keys.Path, value: object) -> None:
    *tables, last = path
    for name in tables:
        tree = tree.setdefault(name, {})
    tree[last] = value


def _located(settings: Settings) -> Settings:
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})
