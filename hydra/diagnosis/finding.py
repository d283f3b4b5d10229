"""One thing looked at, what was found, and the fix in one line where something is wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """FAIL stops a session or endangers it; WARN should be known; SKIP could not be looked at."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is a stable name for scripts; `fix` is empty where nothing is wrong."""

    check: str
    status: Status
    what: str
    fix: str = ""


def ok(check: str, what: str) -> Finding:
    return Finding(check, Status.OK, what)


def warn(check: str, what: str, fix: str) -> Finding:
    return Finding(check, Status.WARN, what, fix)


def fail(check: str, what: str, fix: str) -> Finding:
    return Finding(check, Status.FAIL, what, fix)


def skip(check: str, what: str) -> Finding:
    return Finding(check, Status.SKIP, what)
