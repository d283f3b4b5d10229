"""The oracle catches each breach when it is shown one; what it never catches it would never prove."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from hydra.simgateway.records import Executed, FrameTaken, OrderAccepted, OrderEnded, OrderModified
from hydra.simulation.disk import Row, Transaction
from hydra.simulation.facts import LedgerFacts
from hydra.simulation.loop import VirtualLoop
from hydra.simulation.oracle import Oracle
from hydra.simulation.process import SimProcess
from hydra.simulation.scenario import Scenario
from hydra.simulation.verdict import judge_end

START = Scenario(1).start
PARENT = "20261123-ZO-1"
GOOD_TILL = START + timedelta(seconds=60)
DEADLINE = START + timedelta(seconds=600)
PID = 1001
CON_ID = 610_202_612  # ZO, December 2026


class Scene:
    """A parent of five lots, opened under lease epoch 3, and whatever a test adds."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.now_s = 10.0
        self.oracle = Oracle(Scenario(1, targets={"ZO": 5}), lambda: self.now_s)
        self.process = SimProcess("trader", PID, loop)
        self.commit(leases=[(1, 3)])
        self.commit(
            (
                "SessionPlanned",
                {"parent_id": PARENT, "symbol": "ZO", "target": 5, "position": 0, "con_id": CON_ID},
            ),
            (
                "ParentOpened",
                {
                    "order_qty": 5,
                    "usd_per_point": "50",
                    "deadline_at": DEADLINE.isoformat(),
                    "con_id": CON_ID,
                },
            ),
        )

    def commit(
        self, *events: tuple[str, dict[str, Any]], leases: list[tuple[int, int]] | None = None
    ) -> None:
        rows = [Row(PARENT, 1, kind, payload, "") for kind, payload in events]
        self.oracle.on_commit(Transaction(self.process, rows, leases or []))

    def promise(self, number: int = 1, qty: int = 5, **other: Any) -> str:
        ref = f"H-{PARENT}-C{number:02d}"
        sending = {
            "order_ref": ref,
            "con_id": CON_ID,
            "side": "BUY",
            "qty": qty,
            "limit_px": "300.25",
            "verdict": "v1",
            "good_till": GOOD_TILL.isoformat(),
            "client_id": 1,
            "ib_order_id": number,
            "lease_epoch": 3,
            **other,
        }
        self.commit(("ChildSending", sending))
        return ref

    def accept(self, ref: str, perm_id: int = 50, qty: int = 5, **other: Any) -> None:
        fields: dict[str, Any] = {
            "at": START + timedelta(seconds=self.now_s),
            "frame": perm_id,
            "perm_id": perm_id,
            "client_id": 1,
            "order_id": int(ref[-2:]),
            "con_id": CON_ID,
            "symbol": "ZO",
            "side": "BUY",
            "qty": qty,
            "order_type": "LMT",
            "limit": Decimal("300.25"),
            "tif": "GTD",
            "good_till": GOOD_TILL,
            "order_ref": ref,
            "is_working": True,
            **other,
        }
        self.oracle.on_record(OrderAccepted(**fields))

    def fill(self, exec_id: str, perm_id: int = 50, qty: int = 1) -> None:
        self.oracle.on_record(Executed(START, exec_id, perm_id, qty, Decimal("300.25"), Decimal(0)))

    def book(self, ref: str, exec_id: str, qty: int = 1, kind: str = "ChildFilled") -> None:
        root, _, revision = exec_id.rpartition(".")
        self.commit(
            (
                kind,
                {
                    "order_ref": ref,
                    "exec_id": exec_id,
                    "exec_root": root,
                    "revision": int(revision),
                    "con_id": CON_ID,
                    "side": "BUY",
                    "last_qty": qty,
                    "last_px": "300.25",
                },
            )
        )

    @property
    def laws(self) -> set[str]:
        return {found.law for found in self.oracle.violations}


@pytest.fixture
def scene() -> Iterator[Scene]:
    loop = VirtualLoop()
    yield Scene(loop)
    loop.end()


def test_an_honest_order_breaks_nothing(scene: Scene) -> None:
    ref = scene.promise()
    scene.oracle.on_order_written(1, 1)
    scene.accept(ref)
    scene.fill("0000.1.01", qty=5)
    scene.book(ref, "0000.1.01", qty=5)
    scene.commit(("ParentClosed", {"status": "FILLED", "reason": ""}))
    judge_end(scene.oracle, {}, "")
    assert scene.oracle.violations == []


def test_an_order_without_a_promise(scene: Scene) -> None:
    scene.accept(f"H-{PARENT}-C01")
    assert scene.laws == {"b"}


@pytest.mark.parametrize(
    "other",
    [
        {"qty": 6},
        {"side": "SELL"},
        {"con_id": CON_ID + 1},
        {"limit": Decimal("300.5")},
        {"good_till": GOOD_TILL + timedelta(1)},
    ],
)
def test_an_order_that_is_not_the_one_promised(scene: Scene, other: dict[str, Any]) -> None:
    scene.accept(scene.promise(), **other)
    assert "b" in scene.laws


def test_a_second_frame_of_one_reference_even_when_refused(scene: Scene) -> None:
    ref = scene.promise()
    scene.accept(ref)
    scene.oracle.on_record(FrameTaken(START, 51, "placeOrder", 1, 1, ref, "refused:103"))
    scene.accept(ref, perm_id=52)
    assert {"b", "h"} <= scene.laws


def test_a_modified_order(scene: Scene) -> None:
    ref = scene.promise()
    scene.accept(ref)
    scene.oracle.on_record(OrderModified(START, 51, 50, ref, 5, Decimal(301), "GTD", GOOD_TILL))
    assert scene.laws == {"b"}


def test_more_working_than_the_parent_wants(scene: Scene) -> None:
    scene.accept(scene.promise(1, 5))
    second = scene.promise(2, 1)
    scene.accept(second, perm_id=51, qty=1)
    assert scene.laws == {"a"}


def test_a_cancelled_child_frees_only_what_it_did_not_fill(scene: Scene) -> None:
    ref = scene.promise(1, 5)
    scene.accept(ref)
    scene.fill("0000.1.01", qty=2)
    scene.book(ref, "0000.1.01", qty=2)
    scene.oracle.on_record(OrderEnded(START, 2, 50, "Cancelled", ""))
    scene.commit(("ChildCancelled", {"order_ref": ref, "evidence": "x"}))
    scene.accept(scene.promise(2, 3), perm_id=51, qty=3)
    assert scene.laws == set()
    scene.accept(scene.promise(3, 1), perm_id=52, qty=1)
    assert scene.laws == {"a"}


def test_an_execution_booked_twice_or_never_made(scene: Scene) -> None:
    ref = scene.promise()
    scene.accept(ref)
    scene.fill("0000.1.01")
    scene.book(ref, "0000.1.01")
    scene.book(ref, "0000.1.01")
    assert scene.laws == {"c"}
    scene.oracle.violations.clear()
    scene.book(ref, "0000.2.01")
    assert scene.laws == {"c"}


def test_an_execution_that_nobody_booked(scene: Scene) -> None:
    scene.accept(scene.promise())
    scene.fill("0000.1.01")
    scene.commit(("ParentClosed", {"status": "REMAINDER", "reason": "why"}))
    judge_end(scene.oracle, {}, "")
    assert scene.laws == {"c", "g"}


def test_a_child_that_damage_took_from_the_ledger_keeps_the_state_it_had(scene: Scene) -> None:
    kept, gone = scene.promise(1), scene.promise(2)
    scene.commit(("ChildRejected", {"order_ref": gone}))
    rows = [Row(PARENT, 1, "ChildSending", dict(scene.oracle.ledger.children[kept].sending), "")]
    left = LedgerFacts.after_loss(scene.oracle.ledger, rows, scene.now_s)
    assert set(left.children) == {kept}
    assert left.newest == gone
    assert [left.state_of_child(one) for one in (kept, gone, "H-x")] == ["PENDING_NEW", "REJECTED", "NONE"]
    assert LedgerFacts.after_loss(left, (), scene.now_s).state_of_child(gone) == "REJECTED"


@pytest.mark.parametrize("state", ["HALTED", "REDUCING"])
def test_a_promise_against_the_trading_state(scene: Scene, state: str) -> None:
    scene.commit(("TradingStateChanged", {"scope": "ZO", "state": state, "reason": "x"}))
    scene.promise()
    assert scene.laws == {"d"}


def test_a_promise_while_a_breaker_is_open(scene: Scene) -> None:
    scene.commit(("BreakerMoved", {"breaker": "daily_loss", "state": "TRIGGERED"}))
    scene.promise()
    assert scene.laws == {"d"}


@pytest.mark.parametrize("epoch", [2, 4])
def test_a_promise_under_another_lease(scene: Scene, epoch: int) -> None:
    scene.promise(lease_epoch=epoch)
    assert scene.laws == {"d"}


def test_a_promise_by_a_process_that_lost_the_lease(scene: Scene) -> None:
    scene.process = SimProcess("rival", PID + 1, scene.loop)
    scene.promise()
    assert scene.laws == {"d"}


def test_a_frame_written_long_after_its_commit(scene: Scene) -> None:
    scene.promise()
    scene.now_s += 1.01
    scene.oracle.on_order_written(1, 1)
    assert scene.laws == {"d"}


def test_an_order_accepted_after_its_death(scene: Scene) -> None:
    ref = scene.promise()
    scene.now_s = 61
    scene.accept(ref)
    assert "d" in scene.laws


def test_a_position_that_could_pass_its_limit(scene: Scene) -> None:
    scene.commit(
        (
            "ParentOpened",
            {"order_qty": 500, "usd_per_point": "50", "deadline_at": DEADLINE.isoformat(), "con_id": CON_ID},
        )
    )
    scene.promise(1, 60)
    scene.promise(2, 60)
    assert scene.laws == {"e"}


def test_a_session_without_an_end_or_a_reason(scene: Scene) -> None:
    judge_end(scene.oracle, {}, "")
    assert scene.laws == {"f"}
    scene.oracle.violations.clear()
    scene.commit(("ParentClosed", {"status": "REMAINDER", "reason": ""}))
    judge_end(scene.oracle, {}, "")
    assert scene.laws == {"f"}
