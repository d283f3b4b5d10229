"""What the Prefect server does when a worker dies: plain data in the form of its automations API.

A killed worker leaves its run Running for ever; the server alone can tell, by the heartbeats that stop.
Nothing is started again by itself: a run marked Crashed may still be alive (Prefect issue 16429), and a
person's *Retry* or the next schedule is safe at any moment anyway. `hydra deploy` puts these on the server.
"""

from collections.abc import Mapping
from typing import Any, Final

# Prefect raises anything lower to this; engines send one at the start and then at this pace.
HEARTBEAT_S: Final = 30
# Two heartbeats missed and time for them to travel: below the 90 s within which a run must be told crashed.
SILENCE_S: Final = 70
RECONCILIATION: Final = "reconciliation/reconciliation"
TRADING_TAG: Final = "trading"

_RUNS: Final = {"prefect.resource.id": "prefect.flow-run.*"}
_TRADING: Final = {"prefect.resource.id": f"prefect.tag.{TRADING_TAG}", "prefect.resource.role": "tag"}
_SIGNS_OF_LIFE: Final = (
    "prefect.flow-run.heartbeat",
    "prefect.flow-run.Completed",
    "prefect.flow-run.Failed",
    "prefect.flow-run.Cancelled",
    "prefect.flow-run.Cancelling",
    "prefect.flow-run.Crashed",
    "prefect.flow-run.Paused",
    "prefect.flow-run.Suspended",
    "prefect.flow-run.TimedOut",
    "prefect.flow-run.AwaitingRetry",
)


def automations(deployment_ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every automation of ours; `deployment_ids`: `flow/deployment` → the server's id.

    KeyError when the reconciliation's deployment is not among them: a defect of the caller.
    """
    return [_lost_runs(), _reconcile_after_crash(deployment_ids[RECONCILIATION])]


def _lost_runs() -> dict[str, Any]:
    return {
        "name": "hydra-run-without-heartbeat",
        "description": "A run whose worker died without a word is Crashed within 90 s.",
        "enabled": True,
        "trigger": {
            "type": "event",
            "posture": "Proactive",
            "match": _RUNS,
            "after": ["prefect.flow-run.heartbeat"],
            "expect": list(_SIGNS_OF_LIFE),
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
            "within": SILENCE_S,
        },
        "actions": [
            {
                "type": "change-flow-run-state",
                "state": "CRASHED",
                "name": "Crashed",
                "message": "Its worker fell silent. Retry, or run it again: nothing is sent twice.",
            }
        ],
    }


def _reconcile_after_crash(deployment_id: str) -> dict[str, Any]:
    """Only after runs that trade: a reconciliation that crashed must not start the next one."""
    return {
        "name": "hydra-reconcile-after-crash",
        "description": "After a crashed session both books are compared as soon as a worker is back.",
        "enabled": True,
        "trigger": {
            "type": "event",
            "posture": "Reactive",
            "match": _RUNS,
            "match_related": _TRADING,
            "expect": ["prefect.flow-run.Crashed"],
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
            "within": 0,
        },
        "actions": [
            {
                "type": "run-deployment",
                "source": "selected",
                "deployment_id": deployment_id,
                "parameters": {},
            }
        ],
    }
