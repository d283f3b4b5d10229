"""The keys of the schema as a flat list: their paths, their environment names, what may stand beside them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hydra.config.schema import Settings

ANY: Final = "*"
Path = tuple[str, ...]

# Variables that steer a process rather than what it does; they are no part of the settings.
PROCESS_VARIABLES: Final = {
    "HYDRA_CONFIG": "the configuration file, where --config is not given",
    "HYDRA_DEBUG_TRACE": "1 = print the trace of an unexpected failure as well as saving it",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `path` has `*` where a symbol or a code stands."""

    path: Path
    field: FieldInfo
    is_secret: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def env_name(self) -> str:
        return "HYDRA_" + "_".join(self.path).upper().replace(ANY, "<NAME>")

    def matches(self, path: Path) -> bool:
        return len(path) == len(self.path) and all(
            own in (ANY, given) for own, given in zip(self.path, path, strict=True)
        )

    def path_for(self, env_name: str) -> Path | None:
        """The path this variable sets, with its symbol or code filled in."""
        pattern = re.escape(self.env_name).replace(re.escape("<NAME>"), "([A-Z0-9]+)")
        found = re.fullmatch(pattern, env_name)
        if found is None:
            return None
        names = iter(found.groups())
        return tuple(next(names) if part == ANY else part for part in self.path)


@cache
def all_keys() -> tuple[Key, ...]:
    return tuple(_walk(Settings, ()))


def key_at(path: Path) -> Key | None:
    return next((key for key in all_keys() if key.matches(path)), None)


def children_of(path: Path) -> tuple[str, ...]:
    """The key names that may stand directly under `path`; `*` = any name."""
    depth = len(path)
    deeper = [key.path for key in all_keys() if len(key.path) > depth]
    below = [own[depth] for own in deeper if all(a in (ANY, b) for a, b in zip(own, path, strict=False))]
    return tuple(dict.fromkeys(below))


def nearest_key(given: str) -> Key | None:
    """The key most likely meant by a misspelt name; `mode` finds trading.mode, `gatway.port` gateway.port."""
    name = given.lower().replace(".", "_")
    whole = {"_".join(key.path): key for key in all_keys()}
    last = {key.path[-1]: key for key in all_keys() if key.path[-1] != ANY}
    for names, cutoff in ((whole, 0.8), (last, 0.7), (whole, 0.6)):
        if near := get_close_matches(name, list(names), n=1, cutoff=cutoff):
            return names[near[0]]
    return None


def _walk(model: type[BaseModel], prefix: Path) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        inner: Any = field.annotation
        if get_origin(inner) is dict:
            path, inner = (*path, ANY), get_args(inner)[1]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _walk(inner, path)
        else:
            yield Key(path, field, is_secret=SecretStr in (inner, *get_args(inner)))
