"""The counter at the last hop: what leaves never exceeds what was approved, whatever the planner says."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    Algo,
    ChildCancelled,
    ChildFilled,
    ChildNotSent,
    ChildResolved,
    ParentEvent,
    ParentOpened,
    SessionPlanned,
)
from hydra.domain.ids import order_ref, parent_id
from hydra.domain.parent import ParentOrder, fold_parent
from hydra.domain.quantity import Side
from hydra.risk.last_hop import LastHop
from tests.unit.risk.builders import NOW, PARENT, SESSION_ON, ZO, D, sending

OTHER = "20260821-HE-1"


def _ref(child_no: int, parent: str = PARENT) -> str:
    return order_ref(parent, child_no)


def _hop(qty: int = 10) -> LastHop:
    hop = LastHop()
    hop.approve(PARENT, SESSION_ON, qty)
    return hop


def test_lots_sent_and_not_proven_dead_count_in_full() -> None:
    hop = _hop(10)
    assert hop.admit(sending(qty=6, child_no=1)) is None
    assert hop.admit(sending(qty=4, child_no=2)) is None
    assert "approved 10" in (hop.admit(sending(qty=1, child_no=3)) or "")


def test_an_execution_frees_nothing_and_a_proven_end_frees_the_rest() -> None:
    hop = _hop(10)
    hop.admit(sending(qty=10, child_no=1))
    hop.executed(_ref(1), "e1", 1, 4)
    assert hop.admit(sending(qty=1, child_no=2)) is not None
    hop.dead(_ref(1))
    assert hop.admit(sending(qty=7, child_no=2)) is not None
    assert hop.admit(sending(qty=6, child_no=2)) is None


def test_a_fill_after_the_proven_end_still_counts() -> None:
    hop = _hop(10)
    hop.admit(sending(qty=10, child_no=1))
    hop.dead(_ref(1))
    hop.executed(_ref(1), "e1", 1, 3)
    assert hop.admit(sending(qty=8, child_no=2)) is not None
    assert hop.admit(sending(qty=7, child_no=2)) is None


def test_a_correction_replaces_and_a_bust_frees_nothing() -> None:
    hop = _hop(10)
    hop.admit(sending(qty=10, child_no=1))
    hop.executed(_ref(1), "e1", 1, 4)
    hop.executed(_ref(1), "e1", 2, 5)
    hop.executed(_ref(1), "e1", 1, 9)
    hop.executed(_ref(1), "e2", 1, 1)
    hop.dead(_ref(1))
    assert hop.charged(PARENT) == 6
    hop.executed(_ref(1), "e1", 3, 0)
    assert hop.charged(PARENT) == 6


def test_a_child_proven_not_sent_frees_its_lots_and_its_gross_and_never_its_reference() -> None:
    hop = _hop(10)
    first = sending(qty=10, child_no=1)
    hop.admit(first)
    hop.not_sent(_ref(1))
    assert (hop.charged(PARENT), hop.gross_sent(PARENT)) == (0, 0)
    assert "sent before" in (hop.admit(first) or "")
    assert hop.admit(sending(qty=10, child_no=2)) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"parent": OTHER, "order_ref": _ref(2, OTHER)}, "never approved"),
        ({"order_ref": _ref(1)}, "sent before"),
        ({"ib_order_id": 101}, "used before"),
        ({"side": Side.SELL}, "SELL"),
        ({"qty": 0}, "above zero"),
        ({"qty": -3}, "above zero"),
        ({"qty": True}, "above zero"),
        ({"qty": 9}, "approved 10"),
    ],
)
def test_the_last_hop_refuses(changed: dict[str, Any], why: str) -> None:
    hop = _hop(10)
    assert hop.admit(sending(qty=2, child_no=1)) is None
    before = (hop.charged(PARENT), hop.gross_sent(PARENT))
    facts: dict[str, Any] = {"qty": 1, "child_no": 2, **changed}
    assert why in (hop.admit(sending(**facts)) or "")
    assert (hop.charged(PARENT), hop.gross_sent(PARENT)) == before


def test_all_lots_ever_sent_stay_within_twelve_times_the_approved() -> None:
    hop = _hop(2)
    for no in range(1, 13):
        assert hop.admit(sending(qty=2, child_no=no)) is None
        hop.dead(_ref(no))
    assert "limit 24" in (hop.admit(sending(qty=1, child_no=13)) or "")


def test_an_overfill_of_one_parent_is_charged_to_the_whole_session() -> None:
    hop = _hop(5)
    hop.approve(OTHER, SESSION_ON, 5)
    hop.admit(sending(qty=5, child_no=1))
    hop.executed(_ref(1), "e1", 1, 7)
    elsewhere: dict[str, Any] = {"parent": OTHER, "child_no": 1, "ib_order_id": 900}
    assert "session" in (hop.admit(sending(qty=4, **elsewhere)) or "")
    assert hop.admit(sending(qty=3, **elsewhere)) is None


def test_a_parent_is_held_to_its_own_approval_whatever_room_the_session_has() -> None:
    hop = _hop(5)
    hop.approve(OTHER, SESSION_ON, 50)
    assert "approved 5" in (hop.admit(sending(qty=6, child_no=1)) or "")
    assert hop.admit(sending(qty=5, child_no=1)) is None


def test_another_session_has_its_own_sum() -> None:
    hop = _hop(5)
    tomorrow = parent_id(SESSION_ON + timedelta(days=1), "ZO")
    hop.approve(tomorrow, SESSION_ON + timedelta(days=1), 5)
    hop.admit(sending(qty=5, child_no=1))
    hop.executed(_ref(1), "e1", 1, 7)
    assert hop.admit(sending(qty=5, child_no=1, parent=tomorrow, ib_order_id=900)) is None


def test_an_approval_stands_and_another_quantity_breaks_a_law() -> None:
    hop = _hop(10)
    hop.approve(PARENT, SESSION_ON, 10)
    with pytest.raises(BrokenLaw):
        hop.approve(PARENT, SESSION_ON, 20)
    with pytest.raises(BrokenLaw):
        hop.approve(PARENT, SESSION_ON + timedelta(days=1), 10)


def test_reports_of_orders_never_sent_here_change_nothing() -> None:
    hop = _hop(10)
    hop.executed("manual", "e1", 1, 50)
    hop.dead("manual")
    hop.not_sent("manual")
    assert hop.admit(sending(qty=10, child_no=1)) is None


@pytest.mark.parametrize("seed", range(40))
def test_no_sequence_ever_lets_more_out_than_was_approved(seed: int) -> None:
    """A runaway planner against a broker that fills and ends children as it likes: what was filled and what
    is live together never exceed the approval.
    """
    rng = Random(seed)
    approved = rng.randint(1, 12)
    hop = _hop(approved)
    live: dict[int, int] = {}
    filled = gross = admitted = 0
    for no in range(1, 90):
        qty = rng.randint(-1, approved + 2)
        if hop.admit(sending(qty=qty, child_no=no)) is None:
            assert qty > 0
            admitted += 1
            gross += qty
            live[no] = qty
        for child in list(live):
            what = rng.random()
            if what < 0.2:
                lots = rng.randint(1, live[child])
                live[child] -= lots
                filled += lots
                hop.executed(_ref(child), f"e{child}.{live[child]}", 1, lots)
            if what < 0.4 or live[child] == 0:
                del live[child]
                hop.dead(_ref(child))
        assert filled + sum(live.values()) <= approved
        assert gross <= approved * 12
        assert hop.charged(PARENT) >= filled + sum(live.values())
    assert admitted >= 1


# --- restore ----------------------------------------------------------------------------------------


def _opened(qty: int) -> ParentOpened:
    return ParentOpened(
        parent_id=PARENT,
        con_id=ZO,
        side=Side.BUY,
        order_qty=qty,
        algo=Algo.LADDER,
        start_at=NOW,
        deadline_at=NOW + timedelta(minutes=45),
        slices=(),
        arrival_px=D(380),
        spread_px=D(2),
        adv_lots=300,
        sigma_day=D("0.02"),
        tick=D("0.25"),
        usd_per_point=D(50),
    )


def _parent(*events: ParentEvent, qty: int = 10) -> ParentOrder:
    planned = SessionPlanned(
        PARENT, SESSION_ON, "ZO", ZO, qty, 0, D(1_000_000), "bars", "ewma", "config", "rule"
    )
    at: datetime = NOW
    numbered = [(seq, at, event) for seq, event in enumerate((planned, _opened(qty), *events), start=1)]
    folded = fold_parent(numbered)
    assert folded is not None
    return folded


def _filled(child_no: int, root: str, revision: int, qty: int) -> ChildFilled:
    return ChildFilled(
        _ref(child_no), f"{root}.{revision:02d}", root, revision, ZO, Side.BUY, qty, D(380), NOW
    )


def test_restored_from_the_ledger_it_counts_as_if_it_had_never_stopped() -> None:
    parent = _parent(
        sending(qty=4, child_no=1),
        _filled(1, "e1", 1, 3),
        _filled(1, "e1", 2, 2),
        ChildCancelled(_ref(1), "snapshot"),
        sending(qty=3, child_no=2),
        ChildNotSent(_ref(2), "link"),
        sending(qty=2, child_no=3),
        sending(qty=2, child_no=4),
        ChildResolved(_ref(4), 1, D(380), "Ada", "seen at the broker"),
    )
    hop = LastHop()
    hop.restore([parent])
    # 3 (gross of a corrected execution) + 0 + 2 (in doubt) + 1 (resolved)
    assert hop.charged(PARENT) == 6
    assert hop.gross_sent(PARENT) == 8
    assert "sent before" in (hop.admit(sending(qty=1, child_no=3)) or "")
    assert "used before" in (hop.admit(sending(qty=1, child_no=9, ib_order_id=103)) or "")
    assert hop.admit(sending(qty=5, child_no=5)) is not None
    assert hop.admit(sending(qty=4, child_no=5)) is None


def test_restoring_twice_or_beside_live_records_changes_nothing() -> None:
    parent = _parent(sending(qty=4, child_no=1))
    hop = LastHop()
    hop.restore([parent])
    hop.executed(_ref(1), "e1", 1, 4)
    hop.restore([parent])
    assert (hop.charged(PARENT), hop.gross_sent(PARENT)) == (4, 4)


def test_a_parent_not_opened_approves_nothing() -> None:
    planned = SessionPlanned(
        PARENT, date(2026, 8, 21), "ZO", ZO, 0, 0, D(1), "bars", "ewma", "config", "rule"
    )
    parent = fold_parent([(1, NOW, planned)])
    assert parent is not None
    hop = LastHop()
    hop.restore([parent])
    assert "never approved" in (hop.admit(sending()) or "")
