"""What a campaign of worlds found, summed up as the plain values of its JSON document."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hydra.simulation.cells import STATES, empty_cells, impossible_hits, surprising
from hydra.simulation.run import WorldResult

_RULE_OF_THREE: Final = 3.0
# The second leaves out the worlds in which a law demands a halt: what the broker did cannot be explained.
EARLY_OR_STOPPED: Final = "over one ladder before the deadline, halted ones among them"
EARLY: Final = "over one ladder before the deadline"


@dataclass(slots=True)
class Summary:
    """The sums over all worlds so far."""

    worlds: int = 0
    violations: list[dict[str, object]] = field(default_factory=list)
    faulted: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    impossible: set[tuple[str, str]] = field(default_factory=set)
    virtual_s: float = 0.0
    runs: int = 0
    _reached: Counter[str] = field(default_factory=Counter)
    _counted: Counter[str] = field(default_factory=Counter)

    def add(self, result: WorldResult) -> None:
        self.worlds += 1
        self.faulted += bool(result.hits)
        self.virtual_s += result.end_s
        self.runs += result.runs
        for found in result.violations:
            self.violations.append(
                {"seed": result.seed, "law": found.law, "time": found.at_s, "detail": found.detail}
            )
        self.impossible.update(surprising(result.hits))
        for kind, state in result.hits:
            self.faults[kind] += 1
            self.matrix[kind, state] += 1
        if not result.is_denied:
            self._count(result)

    def _count(self, result: WorldResult) -> None:
        """Shares of worlds that reached their targets, of those the risk gate let trade at all."""
        groups = {kind for kind, _ in result.hits}
        if not result.hits:
            groups = {"none"}
        elif result.is_calm_early:
            groups.add(EARLY_OR_STOPPED)
            groups |= set() if result.is_stopped else {EARLY}
        for group in groups:
            self._counted[group] += 1
            self._reached[group] += result.filled == result.wanted

    @property
    def bound_95(self) -> float:
        """With no violation in N worlds, the rate per world is below this with 95 % confidence."""
        return min(_RULE_OF_THREE / self.worlds, 1.0) if self.worlds else 1.0

    def document(self, wall_s: float, version: str) -> dict[str, object]:
        """The JSON document; shares are fractions, times virtual seconds."""
        return {
            "version": version,
            "worlds": self.worlds,
            "faulted_worlds": self.faulted,
            "violations": self.violations,
            "worlds_per_second": round(self.worlds / wall_s, 2) if wall_s else None,
            "virtual_hours": round(self.virtual_s / 3600, 1),
            "process_runs": self.runs,
            "bound_95": self.bound_95 if not self.violations else None,
            "faults_injected": dict(sorted(self.faults.items())),
            "matrix": {
                kind: {state: self.matrix[kind, state] for state in STATES} for kind in sorted(self.faults)
            },
            "matrix_empty": empty_cells(self.matrix, sorted(self.faults)),
            "matrix_impossible": impossible_hits(self.impossible),
            "filled_share": {
                group: round(self._reached[group] / count, 4)
                for group, count in sorted(self._counted.items())
            },
        }
