"""Fills, positions, leases and the append-only table, whatever the ledger is stored in."""

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.domain.events import (
    ChildCommissioned,
    ChildLapsed,
    ChildResolved,
    ForeignExecutionBooked,
    PositionAdopted,
)
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.persistence.database import TransactionFailed
from hydra.ports import Lease
from tests.contract.ledger_facts import START, Desk, Hands, filled, halted
from tests.contract.ledger_stores import Store


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def desk(store: Store, hands: Hands) -> Desk:
    return Desk(store.open(hands), hands)


def foreign(exec_id: str, qty: int, side: Side = Side.SELL) -> ForeignExecutionBooked:
    root, _, revision = exec_id.rpartition(".")
    px = Decimal("349.75")
    return ForeignExecutionBooked(exec_id, root, int(revision), 101, "ZO", side, qty, px, START, 0, "")


# --- fills and positions -------------------------------------------------------------------------------


def test_a_fill_counts_once_whatever_its_revision_and_repetition(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 5), 3, "0001.01")
    parent = desk.fill(parent, 3, "0001.01")
    assert desk.ledger.positions() == {101: 3}
    parent = desk.fill(parent, 2, "0001.02")
    assert desk.ledger.positions() == {101: 2}
    parent = desk.fill(parent, 0, "0001.03")
    assert desk.ledger.positions() == {}
    assert parent.cum_qty == 0


def test_a_fill_after_the_childs_end_moves_the_position(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 5)
    ended = desk.ledger.append(parent.parent_id, parent.seq, [ChildLapsed(parent.children[0].order_ref, "")])
    assert isinstance(ended, ParentOrder)
    desk.fill(ended, 2)
    assert desk.ledger.positions() == {101: 2}


def test_a_sell_makes_a_short_position(desk: Desk) -> None:
    desk.fill(desk.sent(desk.opened(qty=-4), 4), 4)
    assert desk.ledger.positions() == {101: -4}


def test_a_resolved_child_moves_the_position_and_can_be_corrected(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 5)
    ref = parent.children[0].order_ref
    for lots in (3, 0):
        verdict = ChildResolved(ref, lots, Decimal(350) if lots else None, "anna", "statement")
        moved = desk.ledger.append(parent.parent_id, desk.reload(parent).seq, [verdict])
        assert isinstance(moved, ParentOrder)
        assert desk.ledger.positions() == ({101: lots} if lots else {})


def test_foreign_executions_and_adoptions_move_positions_once(desk: Desk) -> None:
    desk.ledger.record([foreign("F1.01", 3)])
    assert list(desk.ledger.record([foreign("F1.01", 3)])) == []
    assert desk.ledger.positions() == {101: -3}
    desk.ledger.record(
        [foreign("F1.02", 1), PositionAdopted(101, "ZO", 5, Decimal(350), "anna", "statement")]
    )
    assert desk.ledger.positions() == {101: 4}
    desk.ledger.record([foreign("F1.01", 3)])
    assert desk.ledger.positions() == {101: 4}


def test_an_execution_booked_as_foreign_and_then_known_for_ours_counts_once(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 5)
    desk.ledger.record([foreign("X7.01", 2, Side.BUY)])
    assert desk.ledger.positions() == {101: 2}
    desk.fill(parent, 2, "X7.01")
    assert desk.ledger.positions() == {101: 2}
    assert list(desk.ledger.record([foreign("X7.01", 2, Side.BUY)])) == []
    (known,) = desk.ledger.known_executions(START).values()
    assert known.order_ref == parent.children[0].order_ref


def test_known_executions_are_those_since_an_instant_with_their_commission_apart(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 5), 2)
    ref = parent.children[0].order_ref
    charged = ChildCommissioned(ref, "0001.01", "0001", Decimal("4.72"))
    assert isinstance(desk.ledger.append(parent.parent_id, parent.seq, [charged]), ParentOrder)
    at = filled(parent, 2).executed_at
    (found,) = desk.ledger.known_executions(at).values()
    assert (found.exec_id, found.qty, found.px, found.order_ref) == ("0001.01", 2, Decimal("350.50"), ref)
    assert desk.ledger.known_executions(at + timedelta(microseconds=1)) == {}


# --- leases --------------------------------------------------------------------------------------------


def test_each_acquire_raises_the_epoch_and_ends_the_one_before(desk: Desk) -> None:
    first = desk.lease
    second = desk.take()
    assert (first.epoch, second.epoch) == (1, 2)
    assert not desk.ledger.renew(first)
    assert desk.ledger.renew(second)


def test_client_ids_are_leased_apart(desk: Desk) -> None:
    assert desk.take(client_id=11).epoch == 1
    assert desk.ledger.renew(desk.lease)


def test_a_released_lease_is_free_for_anyone(store: Store, desk: Desk) -> None:
    desk.ledger.release(desk.lease)
    assert not desk.ledger.renew(desk.lease)
    taken = store.open(desk.hands).acquire(1, "otherhost/9/9", "build")
    assert isinstance(taken, Lease)
    assert taken.epoch == 2
    assert not desk.ledger.renew(desk.lease)


# --- append only ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["UPDATE order_events SET payload = '{}'", "DELETE FROM order_events WHERE seq = 1"]
)
def test_the_database_itself_refuses_to_change_an_event(desk: Desk, statement: str) -> None:
    desk.opened()
    before = list(desk.ledger.export())
    with pytest.raises(TransactionFailed, match="append-only"), desk.ledger.database.transaction():
        desk.ledger.database.execute(statement)
    assert list(desk.ledger.export()) == before


def test_every_exported_event_about_a_child_names_it(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 5), 2)
    desk.ledger.record([halted("ZO"), foreign("F1.01", 1)])
    rows = list(desk.ledger.export())
    assert [set(row) for row in rows] == [{"stream", "seq", "kind", "payload", "recorded_at"}] * len(rows)
    children = [row for row in rows if str(row["kind"]).startswith("Child")]
    assert {row["payload"]["order_ref"] for row in children} == {parent.children[0].order_ref}  # type: ignore[index]
    assert len(children) == 3


def test_an_export_that_nobody_reads_to_its_end_may_outlive_its_ledger(desk: Desk) -> None:
    """`hydra ledger export | head`: the generator is closed after the connection."""
    desk.sent(desk.opened(), 1)
    rows = desk.ledger.export()
    assert isinstance(rows, Generator)
    next(rows)
    desk.ledger.close()
    rows.close()


def test_a_changed_promise_is_another_promise(desk: Desk) -> None:
    """The state table's sending is the event's: nothing is recomputed on the way."""
    parent = desk.sent(desk.opened(), 1)
    (child,) = parent.children
    assert replace(child.sending, qty=2) != child.sending
    (row,) = [row for row in desk.ledger.export() if row["kind"] == "ChildSending"]
    assert row["payload"]["limit_px"] == str(child.sending.limit_px)  # type: ignore[index]
