"""Events as (kind, version, canonical JSON) and back; what a fact means never depends on when it is read.

Decimals are strings, instants ISO 8601 in UTC with microseconds, dates ISO, enums their value. The JSON is
canonical (sorted keys, no spaces, ASCII), so that equal facts have equal hashes.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from hydra.domain.errors import UserError
from hydra.domain.events import ParentEvent
from hydra.risk.view import AccountEvent

Event = ParentEvent | AccountEvent

_Convert = Callable[[Any], Any]


class _Form:
    """How one event class is written and read, field by field."""

    def __init__(self, cls: type) -> None:
        hints = get_type_hints(cls)
        self.cls = cls
        self.kind = cls.__name__
        self.out: list[tuple[str, _Convert]] = []
        self.back: list[tuple[str, _Convert]] = []
        for one in fields(cls):
            out, back = _converters(hints[one.name])
            self.out.append((one.name, out))
            self.back.append((one.name, back))

    def to_plain(self, value: Any) -> dict[str, Any]:
        try:
            return {name: convert(getattr(value, name)) for name, convert in self.out}
        except (TypeError, ValueError) as error:
            raise TypeError(f"{self.kind}: {error} in {value!r}") from error

    def to_value(self, plain: Mapping[str, Any]) -> Any:
        if plain.keys() != {name for name, _ in self.back}:
            raise ValueError(f"has the fields {sorted(plain)}, not {sorted(name for name, _ in self.back)}")
        return self.cls(**{name: convert(plain[name]) for name, convert in self.back})


def _exactly(cls: type, convert: _Convert) -> _Convert:
    def checked(value: Any) -> Any:
        if type(value) is not cls:
            raise TypeError(f"{value!r} is a {type(value).__name__}, not a {cls.__name__}")
        return convert(value)

    return checked


def _same(value: Any) -> Any:
    return value


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    return str(value)


def instant_text(value: datetime) -> str:
    """The instant in UTC, always of the same length: texts order as the instants do."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def instant_of(text: str) -> datetime:
    """The aware UTC instant of a text made by `instant_text`."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _instant_back(text: str) -> datetime:
    value = instant_of(text)
    if instant_text(value) != text:
        raise ValueError(f"{text} is not an instant in UTC")
    return value


_SIMPLE: Final[dict[type, tuple[_Convert, _Convert]]] = {
    str: (_exactly(str, _same), _exactly(str, _same)),
    int: (_exactly(int, _same), _exactly(int, _same)),
    bool: (_exactly(bool, _same), _exactly(bool, _same)),
    Decimal: (_exactly(Decimal, _decimal_text), _exactly(str, Decimal)),
    datetime: (_exactly(datetime, instant_text), _exactly(str, _instant_back)),
    date: (_exactly(date, date.isoformat), _exactly(str, date.fromisoformat)),
}


def _converters(hint: Any) -> tuple[_Convert, _Convert]:
    if isinstance(hint, type) and hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _exactly(hint, lambda value: value.value), hint
    if isinstance(hint, type) and is_dataclass(hint):
        form = _Form(hint)
        return _exactly(hint, form.to_plain), form.to_value
    if get_origin(hint) in (Union, types.UnionType):
        return _optional(hint)
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        out, back = _converters(get_args(hint)[0])
        return (
            _exactly(tuple, lambda value: [out(one) for one in value]),
            _exactly(list, lambda value: tuple(back(one) for one in value)),
        )
    raise TypeError(f"no way to write a field of type {hint}")


def _optional(hint: Any) -> tuple[_Convert, _Convert]:
    (inner,) = [one for one in get_args(hint) if one is not type(None)]
    out, back = _converters(inner)
    return (
        lambda value: None if value is None else out(value),
        lambda value: None if value is None else back(value),
    )


EVENT_TYPES: Final[tuple[type, ...]] = (*get_args(ParentEvent), *get_args(AccountEvent))
_FORMS: Final[dict[type, _Form]] = {cls: _Form(cls) for cls in EVENT_TYPES}

# The version each kind is written in now. A changed event gets the next number and, in _READERS, a reader
# for every version that was ever written: the ledger is never rewritten.
VERSIONS: Final[dict[str, int]] = {form.kind: 1 for form in _FORMS.values()}
_READERS: Final[dict[tuple[str, int], Callable[[Mapping[str, Any]], Any]]] = {
    (form.kind, 1): form.to_value for form in _FORMS.values()
}

_encode_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def encode(event: Event) -> tuple[str, int, str]:
    """(kind, version, canonical JSON); TypeError when a field holds another type than it declares."""
    form = _FORMS.get(type(event))
    if form is None:
        raise TypeError(f"{type(event).__name__} is not a fact of the ledger")
    return form.kind, VERSIONS[form.kind], _encode_json(form.to_plain(event))


def decode(kind: str, version: int, payload: str, where: str) -> Any:
    """The event that was written; `where` names its place in the error of an unknown or unreadable one."""
    reader = _READERS.get((kind, version))
    if reader is None:
        raise UserError("HY-403", where=where, kind=kind, version=version)
    try:
        return reader(json.loads(payload))
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise UserError("HY-404", where=where, kind=kind, problem=error) from error
