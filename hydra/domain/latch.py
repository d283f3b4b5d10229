"""The kill latch as text: one line for every kill, so that a second one is added and replaces none.

What cannot be read counts as a latch for everything: a torn line, an empty file, a line of another build.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

EVERYTHING: Final = "ALL"
_UNREADABLE: Final = "the latch cannot be read"


@dataclass(frozen=True, slots=True)
class Latched:
    """One kill: its scope is ALL, a symbol or a parent id; `passes` names the one process it lets through.

    That process is the kill's own flatten, which sends in REDUCING only.
    """

    scope: str
    by: str
    reason: str
    at: datetime
    passes: str = ""

    @property
    def told(self) -> str:
        """The reason as the ledger and people read it; the instant tells one kill from the next."""
        return f"killed at {self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}: {self.reason}"

    def blocks(self, symbol: str, parent_id: str, holder: str = "") -> bool:
        """Whether a child of this parent may not be sent by this process."""
        if self.passes and self.passes == holder:
            return False
        return self.scope in (EVERYTHING, symbol, parent_id)


def unreadable(problem: str, at: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> Latched:
    """What stands for a latch that nobody can read: everything is blocked."""
    return Latched(EVERYTHING, "hydra", f"{_UNREADABLE}: {problem}", at)


def latch_line(latched: Latched) -> str:
    """One JSON object and a newline."""
    fields = {
        "scope": latched.scope,
        "by": latched.by,
        "reason": latched.reason,
        "at": latched.at.astimezone(UTC).isoformat(),
        "passes": latched.passes,
    }
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")) + "\n"


def read_latch_text(text: str) -> tuple[Latched, ...]:
    """Every kill in the text, at least one: an empty latch blocks everything."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return (unreadable("it is empty"),)
    return tuple(_latched(line) for line in lines)


def with_pass(latches: Iterable[Latched], holder: str) -> tuple[Latched, ...]:
    """The same kills, letting this one process through."""
    return tuple(replace(latched, passes=holder) for latched in latches)


def _latched(line: str) -> Latched:
    try:
        fields = json.loads(line)
        texts = {name: fields[name] for name in ("scope", "by", "reason", "passes")}
        if not all(isinstance(text, str) for text in texts.values()) or not texts["scope"]:
            return unreadable(line[:80])
        at = datetime.fromisoformat(fields["at"])
        return Latched(**texts, at=at) if at.tzinfo is not None else unreadable(line[:80])
    except (ValueError, KeyError, TypeError):
        return unreadable(line[:80])
