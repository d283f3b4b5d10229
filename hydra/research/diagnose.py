"""From observation to diagnosis: the first cause in the order of how fast it can be known, with its evidence.

The order matters: a data fault looks like every other cause, a volatility change drags features along, and a
model is blamed last. Where nothing is proven it is "power too low to say", with the years it takes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from hydra.research.observation import Cause, Evidence, Observation

ORDER: Final = tuple(Cause)
KNOWN_WITHIN: Final[Mapping[Cause, str]] = {
    Cause.DATA_FAULT: "at once",
    Cause.RECONCILIATION_BREAK: "at once",
    Cause.EXECUTION_COST: "days",
    Cause.VOLATILITY: "weeks",
    Cause.REGIME_CHANGE: "months",
    Cause.FEATURE_DECAY: "months",
    Cause.OVERFIT: "years",
    Cause.POWER_TOO_LOW: "years",
}
STOPS_TRADING: Final = frozenset({Cause.DATA_FAULT, Cause.RECONCILIATION_BREAK})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is believed to be wrong and why; `also` are later causes that alarmed too, perhaps in its wake."""

    instrument: str
    on: date
    cause: Cause
    evidence: tuple[Evidence, ...]
    also: tuple[Cause, ...]
    years_to_power: float
    false_alarms_per_year: float

    @property
    def stops_trading(self) -> bool:
        """Whether the instrument must not be traded until a person or fresh data has mended it."""
        return self.cause in STOPS_TRADING

    def __str__(self) -> str:
        why = "; ".join(one.text for one in self.evidence) or self._power_text()
        return f"{self.instrument} {self.on}: {self.cause} ({why})"

    def _power_text(self) -> str:
        if math.isinf(self.years_to_power):
            return "nothing alarmed, and live is where the claim is"
        return f"nothing alarmed; what is missing would be seen after {self.years_to_power:.1f} years"


def diagnose(observation: Observation) -> Diagnosis:
    """The first alarmed cause in the order of speed; its alarms are the evidence."""
    alarms = [one for one in observation.evidence if one.is_alarm]
    causes = [cause for cause in ORDER if any(one.cause is cause for one in alarms)]
    cause = causes[0] if causes else Cause.POWER_TOO_LOW
    return Diagnosis(
        instrument=observation.instrument,
        on=observation.on,
        cause=cause,
        evidence=tuple(one for one in alarms if one.cause is cause),
        also=tuple(causes[1:]),
        years_to_power=observation.years_to_power,
        false_alarms_per_year=observation.false_alarms_per_year,
    )


def diagnose_all(observations: Sequence[Observation]) -> tuple[Diagnosis, ...]:
    """One diagnosis per instrument, the most urgent first; the figures stay per instrument."""
    return tuple(
        sorted(map(diagnose, observations), key=lambda one: (ORDER.index(one.cause), one.instrument))
    )
