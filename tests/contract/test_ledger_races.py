"""Two connections interleaved at every statement: the later writer always loses, and reads the winner.

The rival acts just before the n-th statement of a sending's transaction, for every n. If its own commit
succeeds there, the sending must fail; if the sending's lock keeps it out, the sending must stand and the
rival must know that it lost.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from hydra.domain.errors import Unavailable
from hydra.domain.events import ChildLapsed, ParentClosed, TradingState
from hydra.domain.parent import ParentOrder
from hydra.persistence.ledger import SqlLedger
from hydra.ports import Conflict, Lease, RecordedSending
from hydra.risk.view import ControlState, Denied
from tests.contract.ledger_facts import ON, Desk, Hands, halted, sending, unless_halted
from tests.contract.ledger_stores import Store

LIMIT = 5
STATEMENTS_MAX = 40


class Rival:
    """A second connection, with a lock folder of its own so that only the database can stop it."""

    def __init__(self, store: Store, desk: Desk) -> None:
        self.desk = desk
        folder = store.folder / "rival"
        self.ledger: SqlLedger = store.open(desk.hands, folder=folder, busy_timeout_s=0.001)
        lease = self.ledger.acquire(11, "elsewhere/1/1", "build")
        assert isinstance(lease, Lease)
        self.lease = lease
        self.orders = 0

    def raises_the_lease(self, parent: ParentOrder) -> bool:
        return isinstance(self.ledger.acquire(1, "elsewhere/1/1", "build"), Lease)

    def halts(self, parent: ParentOrder) -> bool:
        try:
            self.ledger.record([halted()])
        except Unavailable:
            return False
        return True

    def takes_the_place(self, parent: ParentOrder) -> bool:
        closing = [ParentClosed(parent.parent_id, "REMAINDER", "rival")]
        return isinstance(self.ledger.append(parent.parent_id, parent.seq, closing), ParentOrder)

    def takes_the_limit(self, parent: ParentOrder) -> bool:
        other = self.ledger.load(parent.parent_id[:-1] + "2")
        assert other is not None
        self.orders += 1
        promise = sending(other, 3, self.lease, self.orders)
        return isinstance(
            self.ledger.commit_sending(self.lease, other.seq, promise, within_limit), RecordedSending
        )


def within_limit(control: ControlState) -> Denied | None:
    if control.exposure.hi + 3 > LIMIT:
        return Denied((f"POSITION: {control.exposure.hi + 3} over {LIMIT}",))
    return unless_halted(control)


@pytest.mark.parametrize(
    "act", [Rival.raises_the_lease, Rival.halts, Rival.takes_the_place, Rival.takes_the_limit]
)
def test_the_later_writer_always_loses(store: Store, act: Callable[[Rival, ParentOrder], bool]) -> None:
    hands = Hands()
    desk = Desk(store.open(hands), hands)
    rival = Rival(store, desk)
    outcomes: list[bool] = []
    for at in range(STATEMENTS_MAX):
        parent = fresh(desk, at)
        rival_won, statements, result = interleaved(desk, parent, at, lambda p=parent: act(rival, p))
        if rival_won is None:
            break
        outcomes.append(rival_won)
        if rival_won:
            assert isinstance(result, Conflict), f"before statement {at} of {statements}"
        else:
            assert isinstance(result, RecordedSending), f"before statement {at}: {result}"
    assert len(outcomes) > 8, "the rival acted within the transaction"
    assert outcomes[0], "before BEGIN the rival comes first"
    assert not any(outcomes[2:]), "with the write lock taken nobody else writes"


def fresh(desk: Desk, at: int) -> ParentOrder:
    """Two parents of one contract on a day of their own; nothing halted, nothing live, the lease held."""
    desk.ledger.record([halted("ALL", TradingState.ACTIVE)])
    desk.lease = desk.take()
    for live in desk.ledger.unfinished():
        ends = [ChildLapsed(child.order_ref, "") for child in live.live_children]
        closing = [] if live.is_closed else [ParentClosed(live.parent_id, "REMAINDER", "")]
        assert isinstance(desk.ledger.append(live.parent_id, live.seq, [*ends, *closing]), ParentOrder)
    desk.opened(n=2, on=ON + timedelta(days=at))
    return desk.opened(n=1, on=ON + timedelta(days=at))


def interleaved(
    desk: Desk, parent: ParentOrder, at: int, act: Callable[[], bool]
) -> tuple[bool | None, int, object]:
    """The sending with the rival's act before its `at`-th statement; None when it has fewer."""
    seen: list[str] = []
    won: list[bool] = []

    def before(statement: str) -> None:
        if len(seen) == at and not won:
            won.append(act())
        seen.append(statement)

    desk.ledger.database.before_statement = before
    try:
        result = desk.send(parent, 3, within_limit)
    finally:
        desk.ledger.database.before_statement = None
    return (won[0] if won else None), len(seen), result
