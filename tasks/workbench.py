"""What one daily cycle has at hand between its tasks: the workshop, and what was found so far.

A flow run on the `research` pool is a process of its own; its tasks run one after the other in one thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hydra.config import Settings, load_settings
from hydra.domain.errors import UserError
from hydra.usecases.improve.cycle import Cycle
from hydra.usecases.improve.decide import Proposal
from hydra.usecases.improve.workshop import Workshop
from hydra.workshop import open_workshop


class Workbench:
    """The open workshop and the cycle on it."""

    def __init__(self, settings: Settings, shop: Workshop) -> None:
        self.settings = settings
        self.shop = shop
        self.begun: Cycle | None = None
        self.proposal: Proposal | None = None

    @property
    def cycle(self) -> Cycle:
        if self.begun is None:
            raise RuntimeError("no cycle was begun in this flow run")
        return self.begun


_of_this_run: ContextVar[Workbench] = ContextVar("hydra_workbench")


@contextmanager
def open_workbench() -> Iterator[Workbench]:
    """The workshop of file and environment, for the length of a flow run."""
    settings = load_settings()
    with open_workshop(settings) as shop:
        bench = Workbench(settings, shop)
        token = _of_this_run.set(bench)
        try:
            yield bench
        finally:
            _of_this_run.reset(token)


def workbench() -> Workbench:
    """The workbench of the flow run we are in; HY-601 outside of one."""
    found = _of_this_run.get(None)
    if found is None:
        raise UserError("HY-601")
    return found
