"""Field tables: a message's layout written once, read and written by the same few lines.

Nearly every order has none of the optional groups; `Layout` knows that shape as flat lists and takes the
general way only where a group is present.

A table is a tuple of parts. Plain names are always there; `Since`/`Below` follow the negotiated server
version; `When` is there if an earlier field says so; `Repeat` is a count and that many rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hydra.simgateway.wire import Cursor, WireError

ROWS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Names:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Since:
    version: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Below:
    version: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class When:
    test: Callable[[Mapping[str, str]], bool]
    parts: "Table"


@dataclass(frozen=True, slots=True)
class Repeat:
    """A count, then the rows; `first_decides` gives the row's width by its first field (order conditions)."""

    key: str
    width: int = 0
    width_by_first: tuple[tuple[str, int], ...] = ()
    tail: tuple[str, ...] = ()


Part = Names | Since | Below | When | Repeat
Table = tuple[Part, ...]


@dataclass(slots=True)
class Values:
    """One message's content: named fields, and rows of repeated groups."""

    fields: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)


def names(text: str) -> Names:
    return Names(tuple(text.split()))


def at_version(table: Table, version: int) -> Table:
    """The table with its version gates resolved."""
    parts: list[Part] = []
    for part in table:
        match part:
            case Since(since, gated):
                if version >= since:
                    parts.append(Names(gated))
            case Below(below, gated):
                if version < below:
                    parts.append(Names(gated))
            case When(test, inner):
                parts.append(When(test, at_version(inner, version)))
            case _:
                parts.append(part)
    return tuple(parts)


def read(table: Table, cursor: Cursor, into: Values) -> None:
    """Read one (gate-free) table from the cursor; WireError where the message ends early."""
    for part in table:
        match part:
            case Names(wanted):
                for name in wanted:
                    into.fields[name] = cursor.text(name)
            case When(test, inner):
                if test(into.fields):
                    read(inner, cursor, into)
            case Repeat():
                _read_rows(part, cursor, into)


def _read_rows(part: Repeat, cursor: Cursor, into: Values) -> None:
    count = cursor.integer(part.key)
    if not 0 <= count <= ROWS_MAX:
        raise WireError(f"{part.key}: {count} rows")
    widths = dict(part.width_by_first)
    rows = into.rows.setdefault(part.key, [])
    for _ in range(count):
        if not widths:
            rows.append(cursor.texts(part.key, part.width))
            continue
        first = cursor.text(part.key)
        if first not in widths:
            raise WireError(f"{part.key}: unknown kind {first[:20]!r}")
        rows.append([first, *cursor.texts(part.key, widths[first] - 1)])
    if count:
        for name in part.tail:
            into.fields[name] = cursor.text(name)


def write(table: Table, values: Values, defaults: Mapping[str, str], out: list[str]) -> None:
    """Append one (gate-free) table's fields to `out`."""
    given = values.fields
    for part in table:
        match part:
            case Names(wanted):
                out.extend([given[name] if name in given else defaults.get(name, "") for name in wanted])
            case When(test, inner):
                if test(given):
                    write(inner, values, defaults, out)
            case Repeat():
                rows: Sequence[Sequence[str]] = values.rows.get(part.key, ())
                out.append(str(len(rows)))
                for row in rows:
                    out.extend(row)
                if rows:
                    out.extend(given.get(name, defaults.get(name, "")) for name in part.tail)


class Layout:
    """One message's table at every version, with a short way for messages without optional groups."""

    def __init__(self, table: Table, defaults: Mapping[str, str] | None = None) -> None:
        self._table = table
        self._defaults = defaults or {}
        self._flat: dict[int, _Flat] = {}

    def at(self, version: int) -> "_Flat":
        flat = self._flat.get(version)
        if flat is None:
            flat = self._flat[version] = _Flat(at_version(self._table, version), self._defaults)
        return flat


class _Flat:
    """A gate-free table and its shape when every group is absent."""

    def __init__(self, table: Table, defaults: Mapping[str, str]) -> None:
        self.table = table
        self.defaults = defaults
        self.names: list[str] = []
        self._tests: list[Callable[[Mapping[str, str]], bool]] = []
        self._counts: list[int] = []
        for part in table:
            match part:
                case Names(wanted):
                    self.names.extend(wanted)
                case When(test, _):
                    self._tests.append(test)
                case Repeat(key):
                    self._counts.append(len(self.names))
                    self.names.append(f"#{key}")
        self._blank = [defaults.get(name, "") for name in self.names]
        for at in self._counts:
            self._blank[at] = "0"
        self._places: dict[str, list[int]] = {}
        for at, name in enumerate(self.names):
            self._places.setdefault(name, []).append(at)

    def read(self, fields: list[str], start: int, cursor: Cursor, into: Values) -> None:
        """Read from `fields[start]` on; the cursor stands there, too."""
        if len(fields) - start == len(self.names) and all(fields[start + at] == "0" for at in self._counts):
            found = dict(zip(self.names, fields[start:], strict=True))
            if not any(test(found) for test in self._tests):
                into.fields.update(found)
                cursor.skip(len(self.names))
                return
        read(self.table, cursor, into)

    def write(self, values: Values, out: list[str]) -> None:
        given = values.fields
        if values.rows or any(test(given) for test in self._tests):
            write(self.table, values, self.defaults, out)
            return
        filled = self._blank.copy()
        for name, value in given.items():
            for at in self._places.get(name, ()):
                filled[at] = value
        out += filled
