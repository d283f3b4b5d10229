"""The settings in force as rows, and the schema as the tables of docs/configuration.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any

from pydantic_core import PydanticUndefined

from hydra.config import keys
from hydra.config.load import Loaded
from hydra.config.shipped import SYMBOLS, Mode, shipped_tree

_MASK = "********"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting in force: `value` for JSON, `text` for people."""

    key: str
    value: Any
    layer: str
    place: str

    @property
    def text(self) -> str:
        if self.value is None:
            return "–"
        if isinstance(self.value, tuple):
            return ", ".join(str(part) for part in self.value) or "(none)"
        return str(self.value)


def rows(loaded: Loaded) -> list[Row]:
    """Every setting in force, secrets masked, in the order of the schema."""
    return [_row(loaded, path, value) for path, value in _leaves(loaded.settings.model_dump(), ())]


def _leaves(tree: Mapping[Any, Any], prefix: keys.Path) -> Iterator[tuple[keys.Path, Any]]:
    for name, value in tree.items():
        path = (*prefix, str(name))
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        else:
            yield path, value


def _row(loaded: Loaded, path: keys.Path, value: Any) -> Row:
    key, source = keys.key_at(path), loaded.source(*path)
    shown = _MASK if key is not None and key.is_secret and value is not None else value
    return Row(".".join(path), shown, source.layer, source.place)


def key_table() -> str:
    """Markdown: each key with its variable, default and meaning."""
    lines = ["| key | environment | default | meaning |", "|---|---|---|---|"]
    for key in keys.all_keys():
        default = _default(key)
        meaning = (key.field.description or "").replace("|", "\\|")
        name = key.name.replace(keys.ANY, "NAME")
        variable = key.env_name.replace("<NAME>", "NAME")
        lines.append(f"| `{name}` | `{variable}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default_limit(key: keys.Key) -> str:
    by_mode = []
    modes: tuple[Mode, ...] = ("paper", "live")
    for mode in modes:
        tables = [shipped_tree(mode, (symbol,)) for symbol in SYMBOLS]
        names = [[symbol if part == keys.ANY else part for part in key.path] for symbol in SYMBOLS]
        found = {str(reduce(getitem, path, tree)) for path, tree in zip(names, tables, strict=True)}
        by_mode.append(found.pop() if len(found) == 1 else "by symbol")
    paper, live = by_mode
    return f"`{paper}`" if paper == live else f"paper `{paper}`, live `{live}`"


def _default(key: keys.Key) -> str:
    if key.path == ("data_dir",):
        return "`~/.local/share/hydra`"
    value = key.field.default
    if key.path[0] == "limits":
        return _default_limit(key)
    if keys.ANY in key.path and value in (PydanticUndefined, {}):
        return "built in" if key.path[0] == "broker_errors" else "shipped"
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "`" + (", ".join(str(part) for part in value) or "none") + "`"
    return f"`{value}`"
