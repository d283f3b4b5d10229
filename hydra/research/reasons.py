"""Why a model says what it says today: each part's own word, and a learner's SHAP contributions, as text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hydra.research.book import Book
from hydra.research.family import Bars
from hydra.research.healing import Arena
from hydra.research.models import ModelSpec
from hydra.research.roster import bars_of

TERMS_SHOWN: Final = 4
BASE: Final = "base"


@dataclass(frozen=True, slots=True)
class Reason:
    """What one arm says of one instrument at the newest close, the weight it is traded with, and why."""

    instrument: str
    model: str
    weight: float
    forecast: float
    why: str


def reasons_of(arena: Arena, book: Book) -> tuple[Reason, ...]:
    """Of every arm that is traded, and of every learner in the shadow, on each instrument."""
    weights = {arm.spec_id: arm.weight for arm in book.arms}
    found = []
    for at, symbol in enumerate(arena.panel.symbols):
        bars = bars_of(arena.panel, at)
        for arm, member in enumerate(arena.members):
            weight = weights.get(member.model_id, 0.0)
            if weight > 0 or member.learnt:
                why = why_of(member.spec, bars, member.artefacts(symbol))
                said = float(arena.forecasts[-1, at, arm])
                found.append(Reason(symbol, member.model_id, round(weight, 4), round(said, 4), why))
    return tuple(found)


def as_traded(reasons: Iterable[Reason], book: Book) -> tuple[Reason, ...]:
    """What the arms of that book said earlier, each with the weight it has there."""
    weights = {arm.spec_id: round(arm.weight, 4) for arm in book.arms}
    return tuple(replace(one, weight=weights[one.model]) for one in reasons if one.model in weights)


def why_of(spec: ModelSpec, bars: Bars, artefacts: Sequence[str]) -> str:
    """The last bar in words: what each part says and, where it can tell, what moved it."""
    return "; ".join(_parts(spec, bars, artefacts))


def _parts(spec: ModelSpec, bars: Bars, artefacts: Sequence[str]) -> Iterator[str]:
    for part, artefact in zip(spec.parts, artefacts, strict=True):
        family = part.built()
        said = f"{part.family} says {float(family.forecast(bars, artefact)[-1]):+.2f}"
        share = f" (weight {part.weight:g})" if len(spec.parts) > 1 else ""
        because = getattr(family, "because", None)
        yield said + share + (f": {terms_text(because(bars, artefact))}" if because is not None else "")


def terms_text(terms: Sequence[tuple[str, float]]) -> str:
    """The score as a sum: base, the largest terms, and what the others come to; nothing is left out."""
    base = sum(value for name, value in terms if name == BASE)
    others = sorted((one for one in terms if one[0] != BASE), key=lambda one: -abs(one[1]))
    shown, rest = others[:TERMS_SHOWN], others[TERMS_SHOWN:]
    words = [f"{BASE} {base:+.4f}", *(f"{name} {value:+.4f}" for name, value in shown)]
    words += [f"{len(rest)} others {sum(value for _, value in rest):+.4f}"] if rest else []
    return f"log odds {sum(value for _, value in terms):+.4f} = {', '.join(words)}"
