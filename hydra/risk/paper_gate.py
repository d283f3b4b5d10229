"""The paper gate: whether the sessions on a paper account show that the machinery can be trusted with money.

It proves operations, not skill: over four weeks the standard error of a yearly Sharpe ratio is 3.5.
"""

from collections.abc import Sequence
from typing import Final

from hydra.domain.events import PaperSessionCounted

SESSIONS_MIN: Final = 20
EXECUTIONS_MIN: Final = 20


def why_not_live(evidence: Sequence[PaperSessionCounted]) -> tuple[str, ...]:
    """Every reason against live trading, by the last SESSIONS_MIN sessions; none when the gate is passed."""
    last = sorted(evidence, key=lambda one: one.session_on)[-SESSIONS_MIN:]
    reasons = []
    if len(last) < SESSIONS_MIN:
        reasons.append(f"TOO_FEW_SESSIONS: {len(last)} of {SESSIONS_MIN}")
    for one in last:
        reasons += _unclean(one)
    executions = sum(one.executions for one in last)
    if executions < EXECUTIONS_MIN:
        reasons.append(f"TOO_FEW_EXECUTIONS: {executions} of {EXECUTIONS_MIN}")
    if not any(one.connections > 1 for one in last):
        reasons.append("NO_RECONNECT: no session went on after a lost connection")
    return tuple(reasons)


def _unclean(one: PaperSessionCounted) -> list[str]:
    counted = {
        "IN_DOUBT": one.in_doubt,
        "UNEXPLAINED": one.findings,
        "UNEQUAL_POSITIONS": one.unequal_positions,
    }
    return [f"{name}: {count} on {one.session_on}" for name, count in counted.items() if count]
