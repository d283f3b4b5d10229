"""One line of the catalogue, and the exit codes."""

from dataclasses import dataclass
from string import Formatter
from typing import Final

DONE: Final = 0
BROKEN: Final = 1
BAD_INPUT: Final = 2
COULD_NOT_RUN: Final = 3
IN_DOUBT: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """What is wrong (where, what, value) and how to mend it, as templates without a full stop."""

    exit_code: int
    what: str
    fix: str

    @property
    def fields(self) -> frozenset[str]:
        """The names both templates ask for."""
        parts = (*Formatter().parse(self.what), *Formatter().parse(self.fix))
        return frozenset(name for _, name, _, _ in parts if name is not None)
