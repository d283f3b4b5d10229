"""From file, environment and command line to one frozen `Settings`, with the source of every value.

Plain pydantic with our own layers: pydantic-settings passes over misspelt variables and cannot say from
which line of which file a value came, and both are what a person needs when a value is wrong.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hydra import eventlog
from hydra.config import keys
from hydra.config.compose import risk_limits
from hydra.config.layers import (
    Given,
    Source,
    from_environment,
    from_overrides,
    from_tree,
    read_file,
    refuse_value,
)
from hydra.config.schema import Settings
from hydra.config.shipped import SYMBOLS, Mode, shipped_tree

DEFAULT_FILE: Final = "hydra.toml"
_BUILT_IN: Final = Source("default", "built in")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and, for every key that a layer sets, the layer that won."""

    settings: Settings
    sources: Mapping[keys.Path, Source]
    file: Path | None

    def source(self, *path: str) -> Source:
        return _nearest(self.sources, path) or _BUILT_IN


def load(
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Settings from shipped defaults < TOML file < HYDRA_* < `overrides` (key path → value).

    A file with limits.instruments replaces the shipped set of symbols: what it does not list is denied.
    Raises UserError HY-101 … HY-105 and HY-701 for the first thing that does not fit.
    """
    variables = os.environ if environ is None else environ
    path = _file_in_force(file, variables)
    given: list[Given] = []
    symbols = tuple(SYMBOLS)
    if path is not None:
        tree, source_at = read_file(path)
        given += from_tree(tree, source_at)
        symbols = _limited_symbols(tree) or symbols
    given += from_environment(variables)
    given += from_overrides(overrides or {})
    values = {item.path: item for item in [*_shipped(given, symbols), *given]}
    return _validated(values, path)


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
    default = cast(Any, Settings.model_fields["data_dir"].default_factory)
    return Path(given).expanduser().absolute() if given else cast(Path, default())


# --- layers to settings --------------------------------------------------------------------------------


def _file_in_force(file: Path | None, variables: Mapping[str, str]) -> Path | None:
    if file is not None:
        return file
    if named := variables.get("HYDRA_CONFIG"):
        return Path(named)
    here = Path(DEFAULT_FILE)
    return here if here.is_file() else None


def _limited_symbols(tree: Mapping[str, Any]) -> tuple[str, ...]:
    limits = tree.get("limits", {})
    tables = limits.get("instruments", {}) if isinstance(limits, Mapping) else {}
    return tuple(tables) if isinstance(tables, Mapping) else ()


def _shipped(given: Iterable[Given], symbols: tuple[str, ...]) -> Iterable[Given]:
    """The lowest layer; which limits it holds depends on the mode and symbols that the others name."""
    named = list(symbols)
    mode: Mode = "paper"
    for item in given:
        if item.path == ("trading", "mode"):
            mode = "live" if item.value == "live" else "paper"
        if item.path[:2] == ("limits", "instruments") and item.path[2] not in named:
            named.append(item.path[2])
    source = Source("default", f"{mode} limits")
    tree = shipped_tree(mode, tuple(named))
    return from_tree(tree, lambda path: source if path[0] == "limits" else _BUILT_IN)


def _validated(values: Mapping[keys.Path, Given], file: Path | None) -> Loaded:
    sources = {path: item.source for path, item in values.items()}
    tree: dict[str, Any] = {}
    for path, item in values.items():
        _put(tree, path, item.value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        # a misspelt name also leaves the right one missing: tell the cause, not its effect
        _refuse(min(error.errors(), key=lambda one: one["type"] != "extra_forbidden"), values)
    if settings.ledger.url is not None:
        eventlog.hide(settings.ledger.url.get_secret_value())
    loaded = Loaded(_located(settings, sources, file), sources, file)
    risk_limits(loaded.settings, lambda path: f"{loaded.source(*path)}: {'.'.join(path)}")
    return loaded


def _located(settings: Settings, sources: Mapping[keys.Path, Source], file: Path | None) -> Settings:
    folder = settings.data_dir.expanduser()
    is_from_file = sources.get(("data_dir",), _BUILT_IN).layer == "file"
    base = file.parent if file is not None and is_from_file else Path()
    return settings.model_copy(update={"data_dir": (base / folder).absolute()})


def _put(tree: dict[str, Any], path: keys.Path, value: object) -> None:
    *tables, last = path
    for name in tables:
        tree = tree.setdefault(name, {})
    tree[last] = value


# --- what does not fit ---------------------------------------------------------------------------------


def _refuse(error: ErrorDetails, values: Mapping[keys.Path, Given]) -> NoReturn:
    """The first complaint, placed at the key it is about, else at what was last said of its table."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    sources = {at: item.source for at, item in values.items()}
    source = _nearest(sources, path) or _below(sources, path) or _BUILT_IN
    is_about_one_key = keys.key_at(path) is not None or keys.key_at(path[:-1]) is not None
    value = error["input"] if is_about_one_key else "(together)"
    value = values[path].value if path in values else value
    problem = error["msg"].removeprefix("Value error, ").replace("Tuple", "List").replace("tuple", "list")
    named = None if is_about_one_key else _given_and_named(values, problem)
    if named is not None:
        refuse_value(named.path, named.value, problem, named.source)
    if error["type"] == "extra_forbidden":
        problem = "no such key"
    elif error["type"] == "missing":
        value, problem = "(missing)", "it is required"
    refuse_value(path or ("settings",), value, problem, source)


def _given_and_named(values: Mapping[keys.Path, Given], problem: str) -> Given | None:
    """Of the keys that a complaint about several names, the first one that somebody set."""
    given = (item for item in values.values() if item.source.layer != "default")
    return next((item for item in given if ".".join(item.path) in problem), None)


def _nearest(sources: Mapping[keys.Path, Source], path: keys.Path) -> Source | None:
    return next((sources[path[:end]] for end in range(len(path), 0, -1) if path[:end] in sources), None)


def _below(sources: Mapping[keys.Path, Source], path: keys.Path) -> Source | None:
    """The last layer that touched the table the complaint is about: for a missing key, its table's."""
    for end in range(len(path), -1, -1):
        near = [source for at, source in sources.items() if at[:end] == path[:end]]
        given = [source for source in near if source.layer != "default"]
        if given:
            return given[-1]
    return None
