"""The champion's pointer and the plans of its book, on every database the ledger runs on."""

import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hydra.domain.champion import (
    ArmRetired,
    Autonomy,
    AutonomyChanged,
    BookPlanned,
    ChampionChanged,
    Change,
    Envelope,
    PlannedForecast,
)
from hydra.persistence.verify import verify
from hydra.ports import Conflict
from tests.contract.ledger_facts import Hands
from tests.contract.ledger_stores import Store

ON = date(2026, 8, 21)
SHA256 = hashlib.sha256(b"model").hexdigest()
FIRST = ChampionChanged("a", SHA256, "book", "", "", Change.BEGUN, ON, "{}", "cycle")
PLAN = BookPlanned(
    ON, "a", SHA256, "book", Envelope(("ZO",), Decimal(1000), 3, 2),
    Decimal("0.1"), Decimal("0.15"), Decimal("0.02"),
    (PlannedForecast("ZO", Decimal("1.5"), "bars", ""),), "cycle",
)  # fmt: skip


def test_pointer_and_plan_move_together_or_not_at_all(store: Store) -> None:
    ledger = store.open(Hands())
    assert ledger.champions.pointer() is ledger.champions.latest_plan() is None
    assert ledger.champions.seq() == 0
    assert ledger.change_champion(0, [FIRST, PLAN]) is None
    rival = store.open(Hands())
    second = replace(FIRST, champion_id="b", predecessor_id="a", change=Change.PROMOTED, by="anna")
    assert rival.change_champion(1, [second, replace(PLAN, champion_id="b")]) is None
    late = ledger.change_champion(1, [replace(second, champion_id="c"), replace(PLAN, champion_id="c")])
    assert isinstance(late, Conflict)
    assert ledger.champions.pointer() == second
    found = ledger.champions.plan(ON)
    assert found is not None
    assert found.champion_id == "b"
    assert [one.champion_id for _, one in ledger.champions.history()] == ["a", "b"]
    assert verify(ledger.database, None).findings == ()


def test_the_same_plan_again_is_no_event_and_another_session_has_its_own(store: Store) -> None:
    ledger = store.open(Hands())
    ledger.change_champion(0, [FIRST, PLAN])
    ledger.change_champion(1, [PLAN])
    assert len(list(ledger.export())) == 2
    ledger.change_champion(1, [replace(PLAN, session_on=date(2026, 8, 24))])
    assert ledger.champions.plan(ON) == PLAN
    newest = ledger.champions.latest_plan()
    assert newest is not None
    assert newest.session_on == date(2026, 8, 24)
    assert ledger.champions.plan(date(2026, 8, 25)) is None


def test_an_arm_is_retired_in_the_champions_stream_and_the_pointer_stays(store: Store) -> None:
    ledger = store.open(Hands())
    ledger.change_champion(0, [FIRST, PLAN])
    retired = ArmRetired("b", SHA256, ON, "too dear", "anna")
    assert ledger.change_champion(1, [retired, replace(PLAN, by="anna")]) is None
    assert isinstance(ledger.change_champion(1, [replace(retired, model_id="c")]), Conflict)
    assert (ledger.champions.pointer(), ledger.champions.seq()) == (FIRST, 2)
    assert ledger.champions.retired() == ((2, retired),)
    assert [one for _, one in ledger.champions.history()] == [FIRST]
    assert verify(ledger.database, None).findings == ()


def test_what_a_person_said_of_autonomy_last_holds(store: Store) -> None:
    ledger = store.open(Hands())
    assert ledger.champions.autonomy() is None
    for level in (Autonomy.LOCKDOWN, Autonomy.SEMI):
        ledger.record([AutonomyChanged(level, "because", "anna")])
    said = ledger.champions.autonomy()
    assert said is not None
    assert said.level is Autonomy.SEMI
