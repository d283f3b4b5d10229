"""Errors: one tree, three kinds kept apart; the lines people read are in hydra.domain.catalogue.

    HydraError
    ├── BrokenLaw        we are wrong: a promise found broken; halts, never continues            exit 1
    ├── UserError        the input or the surroundings are wrong: one coded line, never a trace  exit 2 (3, 4)
    └── Unavailable      a part is away or did not answer: nothing is known, nothing was done    exit 3

What a counterparty refuses is a value (`Denied`, `Rejected`), not an exception; what is unknown is a
state (`in_doubt`), not an exception either.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from hydra.domain.catalogue import CATALOGUE
from hydra.domain.catalogue.entry import BAD_INPUT, BROKEN, COULD_NOT_RUN, DONE, IN_DOUBT, Entry

__all__ = [
    "BAD_INPUT",
    "BROKEN",
    "CATALOGUE",
    "COULD_NOT_RUN",
    "DONE",
    "IN_DOUBT",
    "BrokenLaw",
    "Entry",
    "HydraError",
    "Unavailable",
    "UserError",
    "did_you_mean",
]

_VALUE_CHARS_MAX: Final = 300


class HydraError(Exception):
    """A failure with a code of the catalogue; `str()` is the whole line a person reads."""

    def __init__(self, code: str, **values: object) -> None:
        entry = CATALOGUE.get(code)
        if entry is None:
            raise ValueError(f"{code} is not in the catalogue")
        if values.keys() != entry.fields:
            raise ValueError(f"{code} takes exactly {sorted(entry.fields)}, not {sorted(values)}")
        self.code = code
        self.exit_code = entry.exit_code
        self.values = values
        shown = {name: _one_line(value) for name, value in values.items()}
        self.what = entry.what.format(**shown)
        self.fix = entry.fix.format(**shown)
        super().__init__(f"{code} {_sentence(self.what)} Fix: {_sentence(self.fix)}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, self.values)


class BrokenLaw(HydraError):
    """We are wrong: a law of ARCHITECTURE.md does not hold; whoever catches it halts and tells a person."""


class UserError(HydraError):
    """The input or the surroundings are wrong, and the person reading can mend it."""


class Unavailable(HydraError):
    """A part is away or did not answer; nothing was done and nothing may be concluded from it."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The `{hint}` of a catalogue line: `, did you mean x?`, or nothing where no known name is near."""
    near = get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f", did you mean {near[0]}?" if near else ""


def _rebuild(kind: type[HydraError], code: str, values: dict[str, object]) -> HydraError:
    return kind(code, **values)


def _sentence(text: str) -> str:
    """With its full stop, unless what was told to us brought one."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _one_line(value: object) -> str:
    """The value as printable text on one line: input that reached us must not steer the terminal."""
    text = " ".join(str(value).split())
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= _VALUE_CHARS_MAX else text[: _VALUE_CHARS_MAX - 1] + "…"
