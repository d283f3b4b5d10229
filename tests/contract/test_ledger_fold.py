"""After any sequence of events the state tables equal the fold, in this connection and in a fresh one."""

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    BreakerMoved,
    ChildAcknowledged,
    ChildCancelled,
    ChildCancelRequested,
    ChildCommissioned,
    ChildExpired,
    ChildFilled,
    ChildLapsed,
    ChildNotSent,
    ChildRejected,
    ChildResolved,
    EquityMarked,
    ForeignExecutionBooked,
    ParentClosed,
    PositionAdopted,
    TradingState,
    TradingStateChanged,
)
from hydra.domain.order import ChildOrder
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.persistence.chain import EventRow
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.refold import table_differences
from hydra.persistence.verify import verify
from hydra.ports import Conflict, RecordedSending
from tests.contract.ledger_facts import CON_IDS, ON, START, Desk, Hands, opened_ledger

SYMBOLS = st.sampled_from(["ZO", "HE"])
LOTS = st.integers(0, 6)
ROOTS = st.sampled_from(["a", "b"])  # few, so that reports of one execution meet
PRICES = st.decimals("-40", "400", places=2)
ROWS = (
    "SELECT stream, seq, kind, version, payload, recorded_at, prev_hash, hash FROM order_events ORDER BY 1, 2"
)


class Trading(RuleBasedStateMachine):
    """A desk that does anything in any order; what the state machines refuse changes nothing."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hydra-fold-"))
        shutil.copy(self.template, self.folder / "ledger.db")
        self.hands = Hands()
        self.desk = Desk(self.open(), self.hands)
        self.perm_id = 0

    def open(self) -> SqlLedger:
        return opened_ledger(self.folder / "ledger.db", self.hands)

    def teardown(self) -> None:
        ledger = self.desk.ledger
        assert verify(ledger.database, ledger.heads).findings == ()
        ledger.close()
        shutil.rmtree(self.folder)

    # --- parents and children ---

    @initialize(zo=st.integers(-8, 8).filter(bool), he=st.integers(-8, 8).filter(bool))
    def opens(self, zo: int, he: int) -> None:
        self.desk.sent(self.desk.opened("ZO", zo))
        self.desk.opened("HE", he)

    @rule(data=st.data())
    def knows_that_it_never_wrote(self, data: st.DataObject) -> None:
        self.happens(data, lambda child: ChildNotSent(child.order_ref, "queue"))

    @rule(data=st.data(), root=ROOTS, qty=LOTS, px=PRICES)
    def learns_whose_execution_it_was(self, data: st.DataObject, root: str, qty: int, px: Decimal) -> None:
        """Booked as foreign first, under the root of a child of ours, then on the child."""

        def filled(child: ChildOrder) -> ChildFilled:
            of, root_of = child.sending, f"{child.order_ref}.{root}"
            exec_id = f"{root_of}.01"
            what = (of.con_id, "ZO", of.side, qty, px, START, 0, "")
            self.desk.ledger.record([ForeignExecutionBooked(exec_id, root_of, 1, *what)])
            return ChildFilled(child.order_ref, exec_id, root_of, 1, of.con_id, of.side, qty, px, START)

        self.happens(data, filled)

    @rule(data=st.data(), qty=st.integers(1, 4))
    def sends(self, data: st.DataObject, qty: int) -> None:
        parents = [one for one in self.parents() if one.opened]
        if parents:
            parent = data.draw(st.sampled_from(parents))
            result = self.desk.send(parent, qty)
            assert (
                isinstance(result, RecordedSending)
                or qty + parent.gross_qty + parent.reserved_qty > parent.order_qty
            )

    @rule(data=st.data(), qty=LOTS, root=ROOTS, revision=st.integers(1, 3), px=PRICES)
    def fills(self, data: st.DataObject, qty: int, root: str, revision: int, px: Decimal) -> None:
        def filled(child: ChildOrder) -> ChildFilled:
            of, root_of = child.sending, f"{child.order_ref}.{root}"
            at = START + timedelta(seconds=revision)
            exec_id = f"{root_of}.{revision:02d}"
            return ChildFilled(child.order_ref, exec_id, root_of, revision, of.con_id, of.side, qty, px, at)

        self.happens(data, filled)

    @rule(data=st.data(), root=ROOTS, usd=PRICES)
    def charges(self, data: st.DataObject, root: str, usd: Decimal) -> None:
        self.happens(
            data,
            lambda child: ChildCommissioned(
                child.order_ref, f"{child.order_ref}.{root}.01", f"{child.order_ref}.{root}", usd
            ),
        )

    @rule(data=st.data(), what=st.integers(0, 5))
    def moves_on(self, data: st.DataObject, what: int) -> None:
        self.perm_id += 1
        made = [
            lambda child: ChildAcknowledged(child.order_ref, child.perm_id or self.perm_id),
            lambda child: ChildCancelRequested(child.order_ref, "step"),
            lambda child: ChildCancelled(child.order_ref, "proof"),
            lambda child: ChildExpired(child.order_ref, "proof"),
            lambda child: ChildRejected(child.order_ref, 201, "margin"),
            lambda child: ChildLapsed(child.order_ref, "proof"),
        ]
        self.happens(data, made[what])

    @rule(data=st.data(), qty=LOTS)
    def resolves(self, data: st.DataObject, qty: int) -> None:
        self.happens(data, lambda child: ChildResolved(child.order_ref, qty, None, "anna", "statement"))

    @rule(data=st.data(), status=st.sampled_from(["FILLED", "REMAINDER", "IN_DOUBT"]))
    def closes(self, data: st.DataObject, status: str) -> None:
        parents = self.parents()
        if parents:
            parent = data.draw(st.sampled_from(parents))
            self.appends(parent, ParentClosed(parent.parent_id, status, "end"))

    # --- the account ---

    @rule(
        symbol=SYMBOLS,
        root=ROOTS,
        revision=st.integers(1, 3),
        qty=LOTS,
        side=st.sampled_from(Side),
        px=PRICES,
    )
    def trades_elsewhere(
        self, symbol: str, root: str, revision: int, qty: int, side: Side, px: Decimal
    ) -> None:
        """Sometimes under the root of a child of ours: booked as foreign before it is known for ours."""
        children = [child for parent in self.parents() for child in parent.children]
        ours = f"{children[0].order_ref}.{root}" if children and px > 0 else f"foreign.{root}"
        con_id = children[0].sending.con_id if children and px > 0 else CON_IDS[symbol]
        exec_id = f"{ours}.{revision:02d}"
        self.desk.ledger.record(
            [ForeignExecutionBooked(exec_id, ours, revision, con_id, symbol, side, qty, px, START, 0, "")]
        )

    @rule(symbol=SYMBOLS, lots=st.integers(-5, 5))
    def adopts(self, symbol: str, lots: int) -> None:
        self.desk.ledger.record([PositionAdopted(CON_IDS[symbol], symbol, lots, Decimal(1), "anna", "x")])

    @rule(scope=st.sampled_from(["ALL", "ZO", "HE"]), state=st.sampled_from(TradingState), usd=PRICES)
    def narrows_and_marks(self, scope: str, state: TradingState, usd: Decimal) -> None:
        kind = "peak" if usd < 0 else "mark"
        on = ON + timedelta(days=int(abs(usd)) % 3)
        self.desk.ledger.record(
            [
                TradingStateChanged(scope, state, "x", "anna"),
                BreakerMoved(scope, state.value, int(abs(usd)), usd, usd, "2026-08-21", "x"),
                EquityMarked(on, usd, kind),
            ]
        )

    @rule()
    def starts_again(self) -> None:
        self.desk.ledger.close()
        self.desk = Desk(self.open(), self.hands, last_id=self.desk.last_id)

    @rule(seconds=st.integers(0, 400))
    def waits(self, seconds: int) -> None:
        self.hands.pass_s(seconds)

    # --- what must hold ---

    @invariant()
    def tables_are_the_fold(self) -> None:
        database = self.desk.ledger.database
        rows = [EventRow(*row) for row in database.rows(ROWS)]
        assert list(table_differences(database, rows)) == []

    @invariant()
    def a_fresh_reader_sees_the_same(self) -> None:
        ledger, other = self.desk.ledger, opened_ledger(self.folder / "ledger.db", self.hands, read_only=True)
        try:
            assert list(other.session(ON)) == list(ledger.session(ON)) == self.parents()
            assert list(other.unfinished()) == list(ledger.unfinished())
            assert other.control(101, "ZO") == ledger.control(101, "ZO")
        finally:
            other.close()

    def parents(self) -> list[ParentOrder]:
        return list(self.desk.ledger.session(ON))

    def happens(self, data: st.DataObject, made: object) -> None:
        children = [(parent, child) for parent in self.parents() for child in parent.children]
        if children and callable(made):
            parent, child = data.draw(st.sampled_from(children))
            self.appends(parent, made(child))

    def appends(self, parent: ParentOrder, event: object) -> None:
        try:
            moved = self.desk.ledger.append(parent.parent_id, parent.seq, [event])  # type: ignore[list-item]
        except BrokenLaw:
            assert self.desk.reload(parent) == parent
            return
        assert not isinstance(moved, Conflict)
        assert moved == replace(self.desk.reload(parent))


@pytest.mark.timeout(120)
def test_the_state_tables_equal_the_fold_after_any_sequence(tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    opened_ledger(template, Hands()).close()

    class FromTemplate(Trading):
        pass

    FromTemplate.template = template
    run_state_machine_as_test(
        FromTemplate,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
