"""The book: what trades. Weights over the champion, its playbook mutants, admitted challengers and cash.

Standard library only, for the execution worker reads it, too. A book is a value: promotion and roll-back give
a new one, and its text has one spelling, whose hash stands in the promotion event.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from hydra.domain.champion import Envelope

CHALLENGER_PRIOR_MAX = 0.05
_ROUNDING = 1e-9


class Role(StrEnum):
    """Why an arm is in the book."""

    CHAMPION = "champion"
    MUTANT = "mutant"
    CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True)
class Arm:
    """One model of the book: `prior` is its base weight, `weight` what is traded of it now."""

    spec_id: str
    role: Role
    prior: float
    weight: float


@dataclass(frozen=True, slots=True)
class Book:
    """Arms and cash; `moved` sends the champion's weight of an instrument to another arm, or to cash ("").

    ValueError unless there is one champion, weights and priors are not negative and sum to 1 at most, and
    every challenger entered at a prior of .05 or less.
    """

    arms: tuple[Arm, ...]
    envelope: Envelope
    moved: tuple[tuple[str, str], ...] = ()
    predecessor: str = ""

    def __post_init__(self) -> None:
        ids = [arm.spec_id for arm in self.arms]
        if len(set(ids)) != len(ids) or "" in ids:
            raise ValueError("every arm has a name of its own")
        if [arm.role for arm in self.arms].count(Role.CHAMPION) != 1:
            raise ValueError("a book has exactly one champion")
        for name in ("prior", "weight"):
            values = [getattr(arm, name) for arm in self.arms]
            if not all(math.isfinite(one) and one >= 0 for one in values) or sum(values) > 1 + _ROUNDING:
                raise ValueError(f"each {name} must not be negative, and all at most 1 together: {values}")
        for arm in self.arms:
            if arm.role is Role.CHALLENGER and arm.prior > CHALLENGER_PRIOR_MAX:
                raise ValueError(
                    f"{arm.spec_id} enters at a prior of {arm.prior}, above {CHALLENGER_PRIOR_MAX}"
                )
        for symbol, target in self.moved:
            if symbol not in self.envelope.instruments or (target and target not in ids):
                raise ValueError(f"{symbol} cannot move to {target or 'cash'}")

    @property
    def champion(self) -> str:
        """The champion's spec_id."""
        return next(arm.spec_id for arm in self.arms if arm.role is Role.CHAMPION)

    @property
    def cash(self) -> float:
        """The weight of nothing."""
        return max(0.0, 1.0 - sum(arm.weight for arm in self.arms))

    def weights(self, symbol: str) -> dict[str, float]:
        """What each arm is traded at in this instrument."""
        weights = {arm.spec_id: arm.weight for arm in self.arms}
        for moved, target in self.moved:
            if moved == symbol and target != self.champion:
                weight = weights[self.champion]
                weights[self.champion] = 0.0
                if target:
                    weights[target] += weight
        return weights

    def forecast(self, symbol: str, forecasts: Mapping[str, float]) -> float:
        """The weighted forecast; an arm without a finite one counts as cash, outside the envelope all do."""
        if symbol not in self.envelope.instruments:
            return 0.0
        total = 0.0
        for spec_id, weight in self.weights(symbol).items():
            said = forecasts.get(spec_id, 0.0)
            total += weight * said if math.isfinite(said) else 0.0
        return total

    def weighed(self, weights: Mapping[str, float], moved: Mapping[str, str] | None = None) -> "Book":
        """The same arms at these weights (0 where not named); KeyError for an arm that is not in the book."""
        unknown = set(weights) - {arm.spec_id for arm in self.arms}
        if unknown:
            raise KeyError(f"not in the book: {', '.join(sorted(unknown))}")
        arms = tuple(replace(arm, weight=weights.get(arm.spec_id, 0.0)) for arm in self.arms)
        return replace(self, arms=arms, moved=tuple(sorted((moved or {}).items())))

    def promoted(self, spec_id: str) -> "Book":
        """The book with this arm as champion, and the old one kept as what to roll back to."""
        if spec_id not in {arm.spec_id for arm in self.arms}:
            raise KeyError(f"not in the book: {spec_id}")
        if spec_id == self.champion:
            return self
        roles = {spec_id: Role.CHAMPION, self.champion: Role.MUTANT}
        arms = tuple(replace(arm, role=roles.get(arm.spec_id, arm.role)) for arm in self.arms)
        return replace(self, arms=arms, predecessor=self.champion, moved=())

    def rolled_back(self) -> "Book":
        """The book with the champion before this one; ValueError where there was none."""
        if not self.predecessor:
            raise ValueError(f"{self.champion} has no predecessor to go back to")
        return self.promoted(self.predecessor)

    def retired(self, spec_id: str) -> "Book":
        """The book without this arm: what was traded of it is cash until the rule divides it anew.

        Its prior goes back to champion, mutants and cash in proportion, so that admitted and retired is as
        before. KeyError for an arm that is not in the book, ValueError for the champion.
        """
        gone = next((arm for arm in self.arms if arm.spec_id == spec_id), None)
        if gone is None:
            raise KeyError(f"not in the book: {spec_id}")
        if gone.role is Role.CHAMPION:
            raise ValueError(f"{spec_id} leads the book")
        rest = tuple(arm for arm in self.arms if arm is not gone)
        kept = 1.0 - gone.prior - sum(arm.prior for arm in rest if arm.role is Role.CHALLENGER)
        grown = (kept + gone.prior) / kept if kept > _ROUNDING else 1.0
        arms = tuple(
            arm if arm.role is Role.CHALLENGER else replace(arm, prior=arm.prior * grown) for arm in rest
        )
        moved = tuple((symbol, "" if target == spec_id else target) for symbol, target in self.moved)
        predecessor = "" if self.predecessor == spec_id else self.predecessor
        return replace(self, arms=arms, moved=moved, predecessor=predecessor)

    def admitted(self, spec_id: str, prior: float = CHALLENGER_PRIOR_MAX) -> "Book":
        """The book with a new challenger, its prior taken from the others in proportion, its weight 0."""
        kept = tuple(replace(arm, prior=arm.prior * (1 - prior)) for arm in self.arms)
        return replace(self, arms=(*kept, Arm(spec_id, Role.CHALLENGER, prior, 0.0)))


def book_text(book: Book) -> str:
    """The one spelling of a book as JSON."""
    raw = {
        "arms": [[arm.spec_id, arm.role.value, arm.prior, arm.weight] for arm in book.arms],
        "envelope": {
            "instruments": list(book.envelope.instruments),
            "order_value_usd": str(book.envelope.order_value_usd),
            "orders_session": book.envelope.orders_session,
            "position_lots": book.envelope.position_lots,
        },
        "moved": [list(one) for one in book.moved],
        "predecessor": book.predecessor,
    }
    return json.dumps(raw, sort_keys=True, separators=(",", ":"))


def book_hash(book: Book) -> str:
    """sha256 of the book's text."""
    return hashlib.sha256(book_text(book).encode()).hexdigest()


def book_of(text: str) -> Book:
    """The book of such a text; ValueError for anything else."""
    try:
        raw = json.loads(text)
        envelope = raw["envelope"]
        return Book(
            arms=tuple(Arm(one[0], Role(one[1]), float(one[2]), float(one[3])) for one in raw["arms"]),
            envelope=Envelope(
                tuple(envelope["instruments"]),
                Decimal(envelope["order_value_usd"]),
                int(envelope["orders_session"]),
                int(envelope["position_lots"]),
            ),
            moved=tuple((str(one[0]), str(one[1])) for one in raw["moved"]),
            predecessor=str(raw["predecessor"]),
        )
    except (KeyError, IndexError, TypeError, ArithmeticError) as error:
        raise ValueError(f"this is no book: {error!r}") from error
