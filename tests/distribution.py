"""Which tests run in one process of several, because they share what is dear to start.

By node id and not by xdist's own marks: from pytest 9.2 on those are silently ignored (pytest-xdist 1386).
"""

from typing import Final

from xdist.scheduler import LoadGroupScheduling

# What the group shares -> how the node ids of its tests begin.
GROUPS: Final = {
    # a second Prefect server, so that neither half waits longer than the rest of the suite takes
    "the server of what ends badly": (
        "tests/flows/test_daily_cycle.py",
        "tests/flows/test_orphan_cancelled.py",
        "tests/flows/test_run_control.py",
        "tests/flows/test_worker_life.py",
    ),
    "the session's Prefect server": ("tests/flows/",),
    # beside the demos: each is a whole stack, and two at once are too many for small machines
    "the memory of demos": ("tests/test_demo.py", "tests/ui/"),
    "the worlds of the healing table": ("tests/unit/research/test_healing_table.py",),
    "the day on which everything is refused": (
        "tests/session/test_bad_input.py",
        "tests/session/test_people_decide.py::test_a_decision_that_does_not_fit",
    ),
}


def group_of(nodeid: str) -> str | None:
    """The group of a test, None for one that may run anywhere."""
    return next((name for name, starts in GROUPS.items() if nodeid.startswith(starts)), None)


class ByGroup(LoadGroupScheduling):
    """The tests of a group one after the other in one process, the larger groups first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid) or nodeid
