"""Experiments: isolated, measured outside, journalled in any case, and repeatable to the same numbers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from hydra.domain.errors import UserError
from hydra.persistence.cot import COT_FOLDER, ParquetCotStore
from hydra.research.book import CHALLENGER_PRIOR_MAX, Role
from hydra.research.candidate import folds
from hydra.research.cot import CotWeek
from hydra.research.diagnose import Diagnosis
from hydra.research.experiment import Spec
from hydra.research.family import FAMILIES, Bars
from hydra.research.filters import Floats
from hydra.research.kernel.rules import Ints
from hydra.research.models import spec_of
from hydra.research.mutate import Budget, Operator
from hydra.research.mutate import apply as mutated
from hydra.research.observation import Cause
from hydra.research.roster import SEED, plain
from hydra.sandbox.run import MIB, Limits, problem_of_this_machine
from hydra.sandbox.walks import IsolatedWalks
from hydra.usecases.improve.cycle import Cycle, begin
from hydra.usecases.improve.decide import apply, heal, settle
from hydra.usecases.improve.experiments import mutations_of, repertoire_of, rerun, try_all
from hydra.usecases.improve.people import retire
from hydra.usecases.improve.record import Aside
from hydra.usecases.improve.run import look, run_cycle
from hydra.usecases.improve.workshop import Tried, Workshop
from tests.improve.test_cycle import SESSIONS
from tests.improve.worlds import World, edge_bars

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(problem_of_this_machine() is not None, reason=str(problem_of_this_machine())),
]

AT = 700
HERE = Path(__file__).parent
BOOSTED = {"parts": [{"family": "boosted", "params": {"trees": 20}}]}


def reverting(span: int) -> dict[str, object]:
    return {"parts": [{"family": "mean_reversion", "params": {"span": span}}]}


@pytest.fixture(scope="module")
def walks() -> Iterator[IsolatedWalks]:
    """One pair of nurseries for all of them."""
    made = IsolatedWalks(Limits(wall_s=60))
    yield made
    made.close()


def world_at(folder: Path, walks: IsolatedWalks) -> World:
    world = World(folder, sandbox=walks)
    world.bars("ZO", edge_bars(1, AT, sharpe=1.0))
    world.at(SESSIONS[AT])
    return world


def test_a_learner_is_tried_admitted_small_and_repeats_to_the_same_numbers(
    tmp_path: Path, walks: IsolatedWalks
) -> None:
    """One run in the sandbox for the trial, one for its repetition; then the book loads what was learnt."""
    world = world_at(tmp_path, walks)
    with world.workshop(symbols="ZO", budget=0) as shop:
        ran = run_cycle(shop, SESSIONS[AT], candidates=[BOOSTED])
        (made,) = shop.journal.experiments()
        assert (made.ended, made.refusals) == ("FINISHED", ())
        assert made.fitness is not None
        assert 0 <= made.fitness <= 1
        assert made.metrics["folds"] == 6
        assert made.changes["parts"][1][0]["family"] == "boosted"
        assert (made.until, made.instruments, made.data_hash) == (
            SESSIONS[AT].isoformat(), ("ZO",), ran.cycle.panel.data_hash,
        )  # fmt: skip
        assert rerun(shop, made) == made
        assert ran.cycle.decision is not None
        (arm,) = [one for one in ran.cycle.decision.book.arms if one.role is Role.CHALLENGER]
        assert (arm.prior, arm.weight) == (CHALLENGER_PRIOR_MAX, 0.0)
    world.bars("ZO", edge_bars(1, AT + 1, sharpe=1.0), world.clock.now())
    world.at(SESSIONS[AT + 1])
    with world.workshop(symbols="ZO", budget=0) as shop:
        cycle = look(shop, SESSIONS[AT + 1])
        assert cycle.members[-1].model_id == arm.spec_id
        assert "tree" in cycle.members[-1].learnt["ZO"][0]
        assert made.detail.startswith("ZO: boosted says "), "why, on the day it was tried"
        assert "log odds" in made.detail
        heal(shop, cycle)
        decision = settle(shop, cycle, None)
        apply(shop, cycle)
        (known,) = [one for one in shop.journal.books()[-1][2]["reasons"] if one["model"] == arm.spec_id]
        assert (known["instrument"], known["weight"]) == ("ZO", 0.0)
        assert known["why"].startswith(f"boosted says {known['forecast']:+.2f}: log odds "), "and every day"
        believed = float(decision.mind.state["weights"][0, -2])
        assert believed == pytest.approx(CHALLENGER_PRIOR_MAX, abs=0.01), "its prior, moved by one day"


def test_a_candidate_that_raises_hangs_eats_memory_or_lies_is_an_outcome_of_its_experiment(
    tmp_path: Path,
) -> None:
    world = world_at(tmp_path, walks)
    bad = IsolatedWalks(
        Limits(wall_s=3, memory_bytes=64 * MIB), "candidates:walk", code=[HERE], preload=["json"]
    )
    with closing(bad), world.workshop(symbols="ZO", budget=0) as shop:
        shop.sandbox = bad
        ran = run_cycle(shop, SESSIONS[AT], candidates=[reverting(span) for span in range(11, 16)])
        ended = {
            one.spec["parts"][0]["params"]["span"]: (one.ended, one.refusals)
            for one in shop.journal.experiments()
        }
        assert ended == {
            11: ("RAISED", ("SANDBOX: RAISED",)),
            12: ("TIMED_OUT", ("SANDBOX: TIMED_OUT",)),
            13: ("OUT_OF_MEMORY", ("SANDBOX: OUT_OF_MEMORY",)),
            14: ("RAISED", ("SANDBOX: RAISED",)),
            15: ("RAISED", ("SANDBOX: RAISED",)),
        }
        assert shop.journal.trials() == 5, "failures count as trials"
        assert ran.cycle.decision is not None, "and the cycle goes on"
        assert all(one.role is not Role.CHALLENGER for one in ran.cycle.decision.book.arms)


@dataclass(frozen=True, slots=True)
class Mute:
    """Forecasts, and fails when it is asked why."""

    name: ClassVar[str] = "mute"
    learns: ClassVar[bool] = True

    def fit(self, bars: Bars, train: Ints) -> str:
        return "up"

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        return 0 * bars.close + 0.1

    def because(self, bars: Bars, artefact: str) -> list[tuple[str, float]]:
        raise RuntimeError("words fail me")


class Answers:
    """A sandbox from which this always comes back."""

    def __init__(self, learnt: str) -> None:
        self.learnt = learnt

    def walk(self, specs: Sequence[Spec], inputs: Mapping[str, Floats]) -> Sequence[Tried]:
        said = np.full(inputs["close"].shape, 0.1)
        said[: folds(len(said))[0][0]] = np.nan
        return [Tried("FINISHED", "", said, ((self.learnt,),)) for _ in specs]


def test_a_learner_that_fails_when_asked_why_is_an_outcome_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FAMILIES, "mute", Mute)
    world = World(tmp_path, sandbox=Answers("up"))
    world.bars("ZO", edge_bars(1, AT, sharpe=1.0))
    world.at(SESSIONS[AT])
    with world.workshop(symbols="ZO", budget=0) as shop:
        ran = run_cycle(shop, SESSIONS[AT], candidates=[{"parts": [{"family": "mute"}]}])
        (made,) = shop.journal.experiments()
    assert (made.ended, made.detail) == ("RAISED", "asked why: RuntimeError: words fail me")
    assert ran.cycle.decision is not None


def test_what_a_crash_left_registered_stands_though_the_family_learns_by_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the artefact and the record; the second run of the candidate learns something else."""
    monkeypatch.setitem(FAMILIES, "mute", Mute)
    monkeypatch.delattr(Mute, "because")
    world = World(tmp_path, sandbox=Answers("up"))
    world.bars("ZO", edge_bars(1, AT, sharpe=1.0))
    world.at(SESSIONS[AT])
    given = [{"parts": [{"family": "mute"}]}]
    with world.workshop(symbols="ZO", budget=0) as shop:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(shop.journal, "record_book", killed)
        with pytest.raises(KeyboardInterrupt):
            run_cycle(shop, SESSIONS[AT], candidates=given)
    world.sandbox = Answers("down")
    with world.workshop(symbols="ZO", budget=0) as shop:
        decided = run_cycle(shop, SESSIONS[AT], candidates=given).cycle.decision
    assert decided is not None
    assert decided.members[-1].learnt == {"ZO": ("up",)}


def test_the_playbook_does_not_bring_back_what_a_person_took_out_of_the_book(tmp_path: Path) -> None:
    world = World(tmp_path, sandbox=Answers(""))
    world.bars("ZO", edge_bars(1, AT, sharpe=1.0))
    world.at(SESSIONS[AT])
    breakout = plain(spec_of({"parts": [{"family": "breakout"}]}))
    with world.workshop(symbols="ZO", budget=0) as shop:
        decided = run_cycle(shop, SESSIONS[AT], candidates=[breakout]).cycle.decision
        assert decided is not None
        arm = decided.book.arms[-1].spec_id
        shop.plan = replace(shop.plan, budget=Budget(9, retry_days=0))
        gone = look(shop, SESSIONS[AT], Aside(arm))
        assert breakout in [one.spec for one in mutations_of(shop, _undecided(gone))], "but for its record"
        retire(shop, gone, arm, "anna", "no breakouts here")
        proposed = [one.spec for one in mutations_of(shop, _undecided(begin(shop, SESSIONS[AT + 1])))]
        assert proposed
        assert breakout not in proposed


def _undecided(cycle: Cycle) -> Cycle:
    found = Diagnosis("ZO", cycle.on, Cause.REGIME_CHANGE, (), (), 1.0, 0.0)
    return replace(cycle, decided=None, diagnoses=(found,))


def test_carry_and_positioning_are_proposed_where_expiries_and_cftc_weeks_are_in_the_store(
    tmp_path: Path, walks: IsolatedWalks
) -> None:
    """Two expiries of one walk, a point apart; both candidates run isolated and their record repeats."""
    world = World(tmp_path, sandbox=walks)
    near = edge_bars(1, AT, sharpe=1.0)
    ends = {
        "ZO-202307": near[:650],
        "ZO-202312": tuple(replace(bar, close_px=bar.close_px - 2) for bar in near),
    }
    for name, bars in ends.items():
        world.bars(name, bars)
    weeks = [
        CotWeek("OATS", on, on + timedelta(days=3), 100, 40 + at % 17, 30, 20, 30 + at % 17)
        for at, on in enumerate(SESSIONS[1:AT:5])
    ]
    world.at(SESSIONS[AT])
    with world.workshop(symbols="ZO", budget=9) as shop:
        assert proposed_families(shop) == {"boosted", "breakout", "carry", "mean_reversion"}
        ParquetCotStore(tmp_path / COT_FOLDER).put("ZO", weeks, world.clock.now(), "test")
        assert proposed_families(shop) == {"boosted", "breakout", "carry", "mean_reversion", "positioning"}
        cycle = look(shop, SESSIONS[AT])
        candidates = [{"parts": [{"family": name}]} for name in ("carry", "positioning")]
        done = try_all(shop, cycle, mutations_of(shop, cycle, candidates)[:2])
        assert [one.ended for one in done] == ["FINISHED", "FINISHED"]
        assert all("sharpe" in one.metrics for one in done)
        assert [rerun(shop, one) for one in done] == list(done)


def proposed_families(shop: Workshop) -> set[str]:
    """What the operator "other family" makes of the champion on the bars in the store."""
    repertoire = repertoire_of(begin(shop, SESSIONS[AT]))
    made = mutated(Operator.OTHER_FAMILY, plain(spec_of(SEED)), repertoire)
    return {one["parts"][0]["family"] for one in made}


MINE = """
from dataclasses import dataclass
from typing import ClassVar
from hydra.research.family import register


@register
@dataclass(frozen=True, slots=True)
class Mine:
    name: ClassVar[str] = "mine"
    learns: ClassVar[bool] = True
    broken: int = 0

    def fit(self, bars, train):
        return chr(0xD800) if self.broken else "up"

    def forecast(self, bars, artefact):
        return 0 * bars.close + 1
"""


def test_a_family_of_a_users_module_runs_isolated_and_what_it_learns_must_be_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found on this process's search path alone; half a character is the end of that candidate, not of us."""
    (tmp_path / "family_of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    import_module("family_of_mine")
    close = np.cumsum(np.random.default_rng(1).standard_normal((400, 1)), axis=0) + 100
    nothing = np.full_like(close, np.nan)
    inputs = {"close": close, "volume": close, "roll_month": nothing, "speculators": nothing}
    specs = [{"parts": [{"family": "mine", "params": {"broken": broken}}]} for broken in (0, 1)]
    try:
        with closing(IsolatedWalks(Limits(wall_s=60), families=["family_of_mine"])) as mine:
            good, bad = mine.walk(specs, inputs)
    finally:
        del FAMILIES["mine"]
    assert (good.end, good.learnt) == ("FINISHED", (("up",),))
    assert set(good.forecasts[262:388, 0]) == {1.0}
    assert bad.end == "RAISED"
    assert "no walk-forward" in bad.detail


def test_what_costs_too_much_or_does_not_fit_the_market_is_refused(
    tmp_path: Path, walks: IsolatedWalks
) -> None:
    """Spans of 2 and 3 turn over daily; a thousand times the capital finds no volume."""
    world = world_at(tmp_path, walks)
    fast = {"parts": [{"family": "trend", "params": {"fast": 2, "slow": 3}}]}
    with world.workshop(symbols="ZO", budget=0) as shop:
        shop.plan = replace(shop.plan, capital_usd=1e9)
        cycle = look(shop, SESSIONS[AT])
        (made,) = try_all(shop, cycle, mutations_of(shop, cycle, [fast]))
        assert [one.partition(":")[0] for one in made.refusals] == ["COSTS", "CAPACITY"]
        assert not cycle.walked


def test_a_rerun_on_other_bars_is_refused_and_on_bars_revised_since_it_is_not_misled(
    tmp_path: Path, walks: IsolatedWalks
) -> None:
    world = world_at(tmp_path, walks)
    with world.workshop(symbols="ZO", budget=0) as shop:
        run_cycle(shop, SESSIONS[AT], candidates=[reverting(20)])
        (made,) = shop.journal.experiments()
    bars = list(edge_bars(1, AT, sharpe=1.0))
    bars[300] = replace(bars[300], close_px=bars[300].close_px + 1)
    world.bars("ZO", bars, datetime(2027, 1, 4, tzinfo=UTC))
    with world.workshop(symbols="ZO", budget=0) as shop:
        assert rerun(shop, made) == made, "the bars as they were known then"
        with pytest.raises(UserError, match="HY-865"):
            rerun(shop, replace(made, recorded_at=datetime(2027, 1, 5, tzinfo=UTC)))
