"""Framing and field codec of the TWS socket protocol: bytes to fields and back, no meaning attached.

Every message is a 4-byte big-endian length and a payload of NUL-terminated text fields. The only
exception is the opening of a client: the four bytes `API NUL` before its first frame.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

GREETING: Final = b"API\0"
# ibapi allows 16 MiB; the largest legal request (a combo order) stays far below this.
FRAME_BYTES_MAX: Final = 1 << 20
HELLO_BYTES_MAX: Final = 1024
UNSET_DOUBLE: Final = "1.7976931348623157E308"
_UNSET: Final = frozenset(
    {"", "2147483647", "9223372036854775807", UNSET_DOUBLE, UNSET_DOUBLE.lower().replace("e", "e+")}
)
_LENGTH: Final = struct.Struct(">I")
_HELLO: Final = re.compile(rb"v(\d{1,6})(?:\.\.(\d{1,6}))?(?: .*)?", re.DOTALL)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,10}")
_CENT: Final = Decimal("0.01")


class WireError(Exception):
    """Bytes or fields that are no message of this protocol; the text names what was found."""


def frame(fields: Iterable[str]) -> bytes:
    """One message as bytes: the length, then every field followed by one NUL."""
    payload = ("\0".join(fields) + "\0").encode()
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Cuts a byte stream into frames, whatever the segments it arrives in."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def pending_bytes(self) -> int:
        return len(self._buffer)

    def hello(self) -> tuple[int, int] | None:
        """The versions (lowest, highest) a client offers, once complete; WireError for anything else."""
        start = bytes(self._buffer[: len(GREETING)])
        if not GREETING.startswith(start):
            raise WireError(f"not an API client: the stream begins with {start!r}")
        if len(self._buffer) < len(GREETING) + _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(self._buffer, len(GREETING))
        if size > HELLO_BYTES_MAX:
            raise WireError(f"a greeting of {size} bytes, more than {HELLO_BYTES_MAX}")
        end = len(GREETING) + _LENGTH.size + size
        if len(self._buffer) < end:
            return None
        text = bytes(self._buffer[len(GREETING) + _LENGTH.size : end])
        match = _HELLO.fullmatch(text.rstrip(b"\0"))
        if match is None:
            raise WireError(f"no version range in the greeting {text[:40]!r}")
        del self._buffer[:end]
        lowest = int(match[1])
        return lowest, int(match[2] or match[1])

    def frames(self) -> Iterator[list[str]]:
        """Every complete frame as its list of fields; keeps the incomplete rest."""
        buffer, at = self._buffer, 0
        try:
            while len(buffer) - at >= _LENGTH.size:
                (size,) = _LENGTH.unpack_from(buffer, at)
                if size > FRAME_BYTES_MAX:
                    raise WireError(f"a frame of {size} bytes, more than {FRAME_BYTES_MAX}")
                end = at + _LENGTH.size + size
                if len(buffer) < end:
                    break
                payload = bytes(buffer[at + _LENGTH.size : end])
                at = end
                yield payload.decode(errors="replace").removesuffix("\0").split("\0")
        finally:
            del buffer[:at]


class Cursor:
    """Reads the fields of one message in order; every reader names the field for the error text."""

    __slots__ = ("_at", "_fields")

    def __init__(self, fields: list[str], start: int = 1) -> None:
        self._fields = fields
        self._at = start

    def text(self, name: str) -> str:
        if self._at >= len(self._fields):
            raise WireError(f"{name} is missing")
        value = self._fields[self._at]
        self._at += 1
        return value

    def texts(self, name: str, n: int) -> list[str]:
        return [self.text(name) for _ in range(n)]

    def integer(self, name: str, default: int = 0) -> int:
        value = self.text(name)
        return default if value in _UNSET else whole(value, name)

    def flag(self, name: str) -> bool:
        value = self.text(name)
        return value not in ("", "0", "false", "False")

    def decimal(self, name: str) -> Decimal | None:
        """A finite number, or None where the field is unset."""
        return decimal_or_none(self.text(name), name)

    def skip(self, n: int) -> None:
        self._at += n


def whole(value: str, name: str) -> int:
    """The number in a field that must have one; WireError for anything but 32 bits with a sign."""
    if _WHOLE.fullmatch(value) is None or not -(1 << 31) <= int(value) < 1 << 31:
        raise WireError(f"{name} = {value[:40]!r} is not a whole number of 32 bits")
    return int(value)


def decimal_or_none(value: str, name: str) -> Decimal | None:
    """The number in a field; None for IB's several spellings of unset; WireError for NaN and infinity."""
    if value in _UNSET or value.upper() == UNSET_DOUBLE:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise WireError(f"{name} = {value[:40]!r} is not a number") from None
    if not number.is_finite():
        raise WireError(f"{name} = {value[:40]!r} is not a finite number")
    return number


@lru_cache(maxsize=4096)
def number_text(value: Decimal) -> str:
    """A price or size as IB prints it: plain digits, no trailing zeros, never an exponent."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def money_text(value: Decimal) -> str:
    """An amount in the account's currency with two decimals."""
    return format(value.quantize(_CENT), "f")


def utc_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d-%H:%M:%S")


def zoned_text(at: datetime, zone: str, label: str) -> str:
    """The time in `zone` (an IANA name) with `label`, IB's name of it, behind."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y%m%d %H:%M:%S} {label}"


def naive_text(at: datetime, zone: str) -> str:
    """The old form with two blanks and the gateway's own zone left unsaid."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y%m%d  %H:%M:%S}"


def parse_time(text: str, zone: str) -> datetime:
    """An instant as clients write it: `YYYYMMDD-HH:MM:SS` is UTC; without a zone name `zone` holds.

    A bare date means the end of that day. Raises WireError for anything else.
    """
    compact = " ".join(text.split())
    try:
        if re.fullmatch(r"\d{8}-\d\d:\d\d:\d\d", compact):
            return datetime.strptime(compact, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
        day, _, rest = compact.partition(" ")
        clock, _, name = rest.partition(" ")
        date = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date()
        moment = time.fromisoformat(clock) if clock else time(23, 59, 59)
        return datetime.combine(date, moment, ZoneInfo(name or zone)).astimezone(UTC)
    except (ValueError, KeyError, OSError):
        raise WireError(f"{text[:40]!r} is not a time") from None
