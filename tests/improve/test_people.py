"""What autonomy leaves to people, and what they decide by hand: who leads, who goes, what waits."""

from dataclasses import replace

import pytest

from hydra.domain.champion import SEED_CHAMPION, Autonomy, AutonomyChanged, Change
from hydra.domain.errors import BrokenLaw
from hydra.persistence.artefacts import artefact_path
from hydra.persistence.verify import verify
from hydra.research.book import book_of
from hydra.usecases.improve.cycle import begin
from hydra.usecases.improve.decide import apply, heal, proposal_of, settle
from hydra.usecases.improve.people import by_hand, retire
from hydra.usecases.improve.record import Aside
from hydra.usecases.improve.run import look, look_at_change
from hydra.usecases.improve.state import may_retire, status_of
from tests.improve.worlds import BORN, DAYS, REVERSED, SESSIONS, World, evening, until_change


def test_supervised_a_change_waits_while_the_old_book_trades_and_is_made_by_name(world: World) -> None:
    evening(world, BORN)
    day, ran = until_change(world, range(900, DAYS, 40), autonomy="supervised")
    assert ran.waits is not None
    assert (ran.waits.leader, ran.waits.needs_person) == (REVERSED, True)
    with world.workshop() as shop:
        plan = shop.ledger.champions.plan(SESSIONS[day])
        assert plan is not None
        assert plan.champion_id == SEED_CHAMPION, "trading goes on meanwhile"
    approved = evening(world, day, approver="anna").cycle.decision
    assert approved is not None
    assert (approved.book.champion, approved.by) == (REVERSED, "anna")
    with world.workshop() as shop:
        pointer, plan = shop.ledger.champions.pointer(), shop.ledger.champions.plan(SESSIONS[day])
        assert pointer is not None
        assert plan is not None
        assert (pointer.by, plan.champion_id) == ("anna", REVERSED)


def test_a_change_that_was_refused_leaves_the_book_as_it_was(world: World) -> None:
    evening(world, BORN)
    day, ran = until_change(world, range(900, DAYS, 40), autonomy="supervised")
    with world.workshop() as shop:
        cycle = look(shop, SESSIONS[day])
        heal(shop, cycle)
        decision = settle(shop, cycle, proposal_of(shop, cycle), approver="")
        assert decision.book.champion == SEED_CHAMPION
        assert decision.mind.state["champion"][0] == 0
    assert ran.waits is not None


def test_semi_asks_only_for_strangers(world: World) -> None:
    evening(world, BORN)
    _, ran = until_change(world, range(900, DAYS, 40), autonomy="semi")
    assert ran.waits is None
    assert ran.cycle.decision is not None
    assert ran.cycle.decision.book.champion == REVERSED


def test_a_pause_leaves_even_the_weights_and_holds_over_the_configuration(world: World) -> None:
    evening(world, BORN, autonomy="autonomous")
    with world.workshop() as shop:
        shop.ledger.record([AutonomyChanged(Autonomy.LOCKDOWN, "the exchange changes its tick", "anna")])
    before = evening(world, 620, autonomy="autonomous").cycle.decision
    after = evening(world, 900, autonomy="autonomous").cycle.decision
    assert before is not None
    assert after is not None
    assert after.book == before.book


def test_by_hand_there_and_back_again_each_in_one_transaction(world: World) -> None:
    evening(world, BORN)
    on = SESSIONS[BORN]
    with world.workshop() as shop:
        by_hand(shop, begin(shop, on), "trend-16-64@708e78", Change.PROMOTED, "anna", "slower")
    with world.workshop() as shop:
        champions = shop.ledger.champions
        pointer, plan = champions.pointer(), champions.plan(on)
        assert pointer is not None
        assert plan is not None
        assert pointer.champion_id == plan.champion_id == "trend-16-64@708e78"
        assert pointer.sha256 == plan.sha256
    again = evening(world, BORN).cycle
    with world.workshop() as shop:
        pointer = shop.ledger.champions.pointer()
        assert pointer is not None
        assert pointer.by == "anna", "a rerun of the evening does not undo what a person decided"
        assert again.overruled.startswith("trend-16-64@708e78 leads, by anna's word")
        back = by_hand(shop, begin(shop, on), pointer.predecessor_id, Change.ROLLED_BACK, "anna", "no")
        assert back.book.champion == SEED_CHAMPION
    following = evening(world, BORN + 1).cycle.decision
    assert following is not None
    assert following.book.champion == SEED_CHAMPION


def test_of_two_changes_at_once_one_is_made(world: World) -> None:
    evening(world, BORN)
    on = SESSIONS[BORN]
    with world.workshop() as shop, world.workshop() as rival:
        mine, theirs = begin(shop, on), begin(rival, on)
        by_hand(shop, mine, "trend-16-64@708e78", Change.PROMOTED, "anna", "slower")
        with pytest.raises(Exception, match="HY-406"):
            by_hand(rival, theirs, "trend-4-16@4ed999", Change.PROMOTED, "bert", "faster")
        assert [one.by for _, one in shop.ledger.champions.history()] == ["daily-cycle", "anna"]


def test_an_arm_taken_out_by_hand_stays_out_and_the_rule_forgets_nothing_of_the_rest(world: World) -> None:
    before = evening(world, BORN, autonomy="autonomous").cycle.decision
    insured = evening(world, 840, autonomy="autonomous").cycle.decision
    assert before is not None
    assert insured is not None
    gone = next(one.model_id for one in before.members if one.model_id.startswith("trend-2-8"))
    on = SESSIONS[840]
    with world.workshop() as shop:
        taken = retire(shop, look(shop, on, Aside(gone)), gone, "anna", "too dear")
        plan = shop.ledger.champions.plan(on)
        assert plan is not None
        assert (plan.by, plan.champion_id) == ("anna", SEED_CHAMPION)
        assert book_of(shop.registry.text(plan.book_sha256)) == taken.book  # type: ignore[attr-defined]
    weights = {arm.spec_id: arm.weight for arm in insured.book.arms}
    freed = weights.pop(gone)
    assert {arm.spec_id: arm.weight for arm in taken.book.arms} == weights, "nobody trades more for it"
    assert taken.book.cash == pytest.approx(insured.book.cash + freed)
    again = evening(world, 840, autonomy="autonomous").cycle
    assert again.overruled == f"{gone} is out of the book, by anna's word since: the plan without it stands"
    assert again.decision is not None
    assert again.decision.book == taken.book, "a rerun shows what is traded, not what was recorded"
    assert again.decision.forecasts == pytest.approx(taken.forecasts, abs=1e-6)
    following = evening(world, 841, autonomy="autonomous").cycle.decision
    assert following is not None
    assert gone not in {arm.spec_id for arm in following.book.arms}
    assert following.mind.sessions == insured.mind.sessions + 1, "the rule goes on from where it was"
    assert following.mind.state["weights"].shape[1] == len(following.book.arms) + 1
    assert following.mind.state["stop.depth"][0] > 0, "what was lost before is not forgotten"
    with world.workshop() as shop:
        assert verify(shop.ledger.database, shop.ledger.heads).findings == ()  # type: ignore[attr-defined]


def test_an_arm_retired_after_a_promotion_by_hand_leaves_the_promoted_one_in_charge(world: World) -> None:
    evening(world, BORN)
    on, slower, gone = SESSIONS[BORN], "trend-16-64@708e78", REVERSED
    with world.workshop() as shop:
        promoted = by_hand(shop, begin(shop, on), slower, Change.PROMOTED, "anna", "slower")
        taken = retire(shop, look(shop, on, Aside(gone)), gone, "anna", "no reverse here")
        assert taken.forecasts == promoted.forecasts
        told = status_of(shop)
    assert {row["model"]: row["weight"] for row in told["weights"] if row["weight"]} == {slower: 1.0}
    assert {row["instrument"]: float(row["forecast"]) for row in told["targets"]} == pytest.approx(
        promoted.forecasts, abs=1e-6
    )


def test_an_arm_retired_while_a_cycle_was_under_way_does_not_come_back_with_its_record(world: World) -> None:
    """Even where that cycle made it the champion: its record is there, the ledger has the person's word."""
    evening(world, BORN)
    on = SESSIONS[BORN + 1]
    world.at(on)
    with world.workshop(autonomy="autonomous") as shop, world.workshop() as rival:
        cycle = look(shop, on)
        healed = heal(shop, cycle)
        cycle.healed = replace(healed, book=healed.book.promoted(REVERSED), leader=REVERSED)
        retire(rival, look(rival, on, Aside(REVERSED)), REVERSED, "anna", "no reverse here")
        settle(shop, cycle, proposal_of(shop, cycle))
        apply(shop, cycle)
        assert cycle.overruled.startswith(f"{SEED_CHAMPION} leads") or "anna" in cycle.overruled
    following = evening(world, BORN + 2).cycle.decision
    assert following is not None
    assert following.book.champion == SEED_CHAMPION
    assert REVERSED not in {arm.spec_id for arm in following.book.arms}


def test_a_champion_whose_artefact_was_changed_is_replaced_by_hand_then_retired(world: World) -> None:
    """Nothing can be decided with it; two commands lead out, and the rule begins anew with the other."""
    evening(world, BORN)
    on, slower = SESSIONS[BORN], "trend-16-64@708e78"
    with world.workshop() as shop:
        pointer = shop.ledger.champions.pointer()
        assert pointer is not None
        path = artefact_path(world.folder / "models", pointer.sha256)
        path.chmod(0o600)
        path.write_text(path.read_text().replace("32", "33"))
        with pytest.raises(BrokenLaw, match=f"HY-855 artefact of {SEED_CHAMPION} in"):
            look(shop, on)
        made = by_hand(
            shop, look_at_change(shop, on, slower), slower, Change.PROMOTED, "anna", "changed file"
        )
        assert (made.book.champion, made.predecessor) == (slower, SEED_CHAMPION)
    with pytest.raises(BrokenLaw, match="HY-855"):
        evening(world, BORN + 1)
    with world.workshop() as shop:
        assert SEED_CHAMPION in may_retire(shop), "though nothing is planned with it"
        retire(shop, look(shop, on, Aside(SEED_CHAMPION)), SEED_CHAMPION, "anna", "changed file")
        assert SEED_CHAMPION not in may_retire(shop)
    following = evening(world, BORN + 1).cycle.decision
    assert following is not None
    assert (following.book.champion, following.book.weights("ZO")[slower]) == (slower, 1.0)
    assert SEED_CHAMPION not in {arm.spec_id for arm in following.book.arms}
