"""Events as (kind, version, canonical JSON) and back; what a fact means never depends on when it is read.

Decimals are strings, instants ISO 8601 in UTC with microseconds, dates ISO, enums their value. The JSON is
canonical (sorted keys, no spaces, ASCII), so that equal facts have equal hashes. It is written field by field
straight from the dataclass: two events are encoded on the order path, and `json` would take thrice the time.
"""

import json
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from hydra.domain.errors import UserError
from hydra.domain.events import ParentEvent
from hydra.risk.view import AccountEvent

Event = ParentEvent | AccountEvent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_Write = Callable[[Any], str]
_Read = Callable[[Any], Any]
_text: Final = json.encoder.encode_basestring_ascii


class _Form:
    """How one event class is written and read, field by field."""

    def __init__(self, cls: type) -> None:
        hints = get_type_hints(cls)
        self.cls = cls
        self.kind = cls.__name__
        names = sorted(one.name for one in fields(cls))
        self.get = attrgetter(*names)
        self.writers = [_writer(hints[name]) for name in names]
        self.template = "{" + ",".join(f'"{name}":%s' for name in names) + "}"
        self.readers = {name: _reader(hints[name]) for name in names}

    def write(self, value: Any) -> str:
        try:
            return self.template % tuple(
                [put(one) for put, one in zip(self.writers, self.get(value), strict=True)]
            )
        except (TypeError, ValueError) as error:
            raise TypeError(f"{self.kind}: {error} in {value!r}") from error

    def read(self, plain: Any) -> Any:
        if not isinstance(plain, dict):
            raise ValueError(f"is {plain!r}, not an object")
        if plain.keys() != self.readers.keys():
            raise ValueError(f"has the fields {sorted(plain)}, not {list(self.readers)}")
        return self.cls(**{name: take(plain[name]) for name, take in self.readers.items()})


def _exactly(cls: type, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        if type(value) is not cls:
            raise _not_a(cls, value)
        return convert(value)

    return checked


def _same(value: Any) -> Any:
    return value


def _not_a(cls: type, value: Any) -> TypeError:
    return TypeError(f"{value!r} is a {type(value).__name__}, not a {cls.__name__}")


def _write_str(value: Any) -> str:
    if type(value) is not str:
        raise _not_a(str, value)
    return _text(value)


def _write_int(value: Any) -> str:
    if type(value) is not int:
        raise _not_a(int, value)
    return str(value)


def _write_decimal(value: Any) -> str:
    if type(value) is not Decimal:
        raise _not_a(Decimal, value)
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    return f'"{value}"'


def instant_text(value: datetime) -> str:
    """The instant in UTC, always of the same length: texts order as the instants do."""
    if value.tzinfo is UTC:
        return value.isoformat(timespec="microseconds")
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def instant_us(value: datetime) -> int:
    """The instant as microseconds since 1970, for the columns that are only compared."""
    return (value - _EPOCH) // _MICROSECOND


def instant_of(text: str) -> datetime:
    """The aware UTC instant of a text made by `instant_text`."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _instant_back(text: str) -> datetime:
    value = instant_of(text)
    if instant_text(value) != text:
        raise ValueError(f"{text} is not an instant in UTC")
    return value


_WRITERS: Final[dict[type, _Write]] = {
    str: _write_str,
    int: _write_int,
    Decimal: _write_decimal,
    datetime: _exactly(datetime, lambda value: f'"{instant_text(value)}"'),
    date: _exactly(date, lambda value: f'"{value.isoformat()}"'),
}
_READERS: Final[dict[type, _Read]] = {
    str: _exactly(str, _same),
    int: _exactly(int, _same),
    Decimal: _exactly(str, Decimal),
    datetime: _exactly(str, _instant_back),
    date: _exactly(str, date.fromisoformat),
}


def _writer(hint: Any) -> _Write:
    if hint in _WRITERS:
        return _WRITERS[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _exactly(hint, _text)
    if isinstance(hint, type) and is_dataclass(hint):
        return _exactly(hint, _Form(hint).write)
    if inner := _optional(hint):
        put = _writer(inner)
        return lambda value: "null" if value is None else put(value)
    one = _writer(_element(hint))
    return _exactly(tuple, lambda value: "[" + ",".join(map(one, value)) + "]")


def _reader(hint: Any) -> _Read:
    if hint in _READERS:
        return _READERS[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if isinstance(hint, type) and is_dataclass(hint):
        return _Form(hint).read
    if inner := _optional(hint):
        take = _reader(inner)
        return lambda value: None if value is None else take(value)
    one = _reader(_element(hint))
    return _exactly(list, lambda value: tuple(map(one, value)))


def _optional(hint: Any) -> Any:
    """The X of `X | None`; None for any other type."""
    if get_origin(hint) not in (Union, types.UnionType):
        return None
    (inner,) = [one for one in get_args(hint) if one is not type(None)]
    return inner


def _element(hint: Any) -> Any:
    if get_origin(hint) is not tuple or get_args(hint)[1:] != (...,):
        raise TypeError(f"no way to write a field of type {hint}")
    return get_args(hint)[0]


EVENT_TYPES: Final[tuple[type, ...]] = (*get_args(ParentEvent), *get_args(AccountEvent))
_FORMS: Final[dict[type, _Form]] = {cls: _Form(cls) for cls in EVENT_TYPES}

# The version each kind is written in now. A changed event gets the next number and, in _BY_VERSION, a reader
# for every version that was ever written: the ledger is never rewritten.
VERSIONS: Final[dict[str, int]] = {form.kind: 1 for form in _FORMS.values()}
_BY_VERSION: Final[dict[tuple[str, int], _Read]] = {(form.kind, 1): form.read for form in _FORMS.values()}


def encode(event: Event) -> tuple[str, int, str]:
    """(kind, version, canonical JSON); TypeError when a field holds another type than it declares."""
    form = _FORMS.get(type(event))
    if form is None:
        raise TypeError(f"{type(event).__name__} is not a fact of the ledger")
    return form.kind, VERSIONS[form.kind], form.write(event)


def decode(kind: str, version: int, payload: str, where: str) -> Any:
    """The event that was written; `where` names its place in the error of an unknown or unreadable one."""
    reader = _BY_VERSION.get((kind, version))
    if reader is None:
        raise UserError("HY-403", where=where, kind=kind, version=version)
    try:
        return reader(json.loads(payload))
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise UserError("HY-404", where=where, kind=kind, problem=error) from error
