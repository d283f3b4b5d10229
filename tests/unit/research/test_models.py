"""Models are values: named by content, fitted on the past, extended by one registered class."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import lightgbm
import numpy as np
import pytest

from hydra.research.boosted import FEATURES, Boosted, table
from hydra.research.family import FAMILIES, Bars, register
from hydra.research.models import ModelSpec, Sizing, spec_from_text, spec_of, walked_forward
from hydra.research.reasons import terms_text, why_of

EVERY = {
    "trend": {"fast": 4, "slow": 16},
    "breakout": {"days": 20},
    "carry": {},
    "mean_reversion": {"span": 5},
    "pairs": {},
    "boosted": {"trees": 5, "leaf_min": 20},
}


def bars(count: int = 700, seed: int = 1) -> Bars:
    rng = np.random.default_rng(seed)
    close = 300 + np.cumsum(rng.normal(0, 3, count))
    return Bars(
        close, rng.integers(10, 900, count).astype(float), close - 2.0, 2.0, close + rng.normal(0, 9, count)
    )


@pytest.mark.parametrize("family", sorted(EVERY))
def test_shuffling_the_future_changes_no_walked_forward_prediction(family: str) -> None:
    spec, known = spec_of({"parts": [{"family": family, "params": EVERY[family]}]}), bars()
    whole = walked_forward(spec, known, 252, 63, 5)
    assert np.isnan(whole[:257]).all()
    assert np.isfinite(whole[257:635]).all()
    order = np.random.default_rng(2).permutation(np.arange(450, 700))
    shuffled = Bars(
        *(np.concatenate((one[:450], one[order])) for one in (known.close, known.volume, known.further)),
        2.0,
        np.concatenate((known.other[:450], known.other[order])),
    )
    assert np.array_equal(walked_forward(spec, shuffled, 252, 63, 5)[257:446], whole[257:446])
    assert np.abs(whole[257:635]).max() <= 2.0


def test_a_spec_has_one_spelling_one_name_and_survives_its_text() -> None:
    raw = {
        "parts": [{"family": "trend", "params": {"slow": 16, "fast": 4}}, {"family": "carry", "weight": 2}]
    }
    spec = spec_of(raw)
    assert spec_from_text(spec.text()) == spec
    explicit = {
        "parts": [{"family": "trend", "params": {"fast": 4.0, "slow": 16, "sign": 1}}, raw["parts"][1]]
    }
    assert spec_of(explicit).spec_id == spec.spec_id
    assert spec_of({"parts": [{"family": "trend"}]}).spec_id != spec.spec_id
    assert len(spec.spec_id) == 12


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"parts": []}, "parts: List should have at least 1"),
        ({"parts": [{"family": "trend"}], "color": 1}, "color: Extra inputs"),
        (
            {"parts": [{"family": "trend", "params": {"speed": 3}}]},
            "trend has no speed; it has fast, slow, sign",
        ),
        ({"parts": [{"family": "trnd"}]}, "no family named trnd; there are boosted, breakout, carry"),
        ({"parts": [{"family": "trend", "params": {"fast": 64}}]}, "1 ≤ fast < slow"),
        ({"parts": [{"family": "trend", "params": {"fast": "x"}}]}, "parts.0.params.fast: Input should be"),
        ({"parts": [{"family": "trend"}], "sizing": {"vol_target_year": 0}}, "sizing.vol_target_year: Input"),
        ({}, "parts: Field required"),
    ],
)
def test_a_bad_spec_is_refused_with_what_and_where(raw: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        spec_of(raw)


@pytest.fixture
def family_of_a_user() -> Iterator[None]:
    @register
    @dataclass(frozen=True, slots=True)
    class Contrary:
        name: ClassVar[str] = "contrary"
        strength: float = 1.0

        def fit(self, bars: Bars, train: np.ndarray) -> str:
            return str(float(bars.close[train].mean()))

        def forecast(self, bars: Bars, artefact: str) -> np.ndarray:
            return self.strength * np.sign(float(artefact) - bars.close)

    yield
    del FAMILIES["contrary"]


@pytest.mark.usefixtures("family_of_a_user")
def test_a_user_adds_a_family_by_one_registered_class() -> None:
    spec = spec_of({"parts": [{"family": "contrary", "params": {"strength": 0.5}}]})
    forecast = walked_forward(spec, bars(), 252, 63, 5)
    assert set(np.unique(forecast[257:635])) == {-0.5, 0.5}
    with pytest.raises(ValueError, match="a family named contrary already"):
        register(FAMILIES["contrary"])


def test_boosted_trees_are_text_that_gives_the_same_forecast_and_sums_to_its_contributions() -> None:
    known, family = bars(), Boosted(trees=8, leaf_min=20)
    train = np.arange(500)
    artefact = family.fit(known, train)
    assert artefact == family.fit(known, train)
    forecast = family.forecast(known, artefact)
    odds = family.contributions(known, artefact)
    assert odds.shape == (700, len(FEATURES) + 1)
    chance = 1 / (1 + np.exp(-odds.sum(axis=1)))
    np.testing.assert_allclose(np.clip((chance - 0.5) * 10, -2, 2), forecast, atol=1e-9)
    told = family.because(known, artefact)
    assert [name for name, _ in told] == [*FEATURES, "base"]
    raw = lightgbm.Booster(model_str=artefact).predict(table(known)[-1:], raw_score=True)
    assert sum(value for _, value in told) == pytest.approx(float(raw[0]), abs=1e-12)


def test_the_words_of_a_learner_leave_nothing_out_of_the_sum() -> None:
    """Six terms and a base: four are named, two come as one, all add up to what stands first."""
    terms = [
        ("a", 0.5),
        ("b", -0.25),
        ("base", 0.125),
        ("c", 0.0625),
        ("d", -1.0),
        ("e", 0.03125),
        ("f", 0.0),
    ]
    said = terms_text(terms)
    assert said == (
        "log odds -0.5312 = base +0.1250, d -1.0000, a +0.5000, b -0.2500, c +0.0625, 2 others +0.0312"
    )
    spec = spec_of({"parts": [{"family": "trend"}, {"family": "breakout", "weight": 2}]})
    why = why_of(spec, bars(), ("", ""))
    assert re.fullmatch(r"trend says [+-]\d\.\d\d \(weight 1\); breakout says [+-]\d\.\d\d \(weight 2\)", why)


def test_boosted_trees_find_a_planted_rule_and_refuse_what_cannot_be_learnt() -> None:
    rng = np.random.default_rng(3)
    cycle = np.sin(np.arange(2000) / 12.0) * 40
    planted = Bars(500 + cycle + rng.normal(0, 0.5, 2000), np.ones(2000))
    spec = spec_of({"parts": [{"family": "boosted"}]})
    forecast = walked_forward(spec, planted, 1000, 250, 5)
    told = np.isfinite(forecast[:-1])
    assert np.corrcoef(forecast[:-1][told], np.diff(planted.close)[told])[0, 1] > 0.4
    with pytest.raises(ValueError, match="too few, or all alike"):
        Boosted().fit(Bars(np.arange(700.0), np.ones(700)), np.arange(600))
    with pytest.raises(ValueError, match="no model of boosted trees"):
        Boosted().forecast(planted, "tree\nnonsense")


def test_a_label_that_reaches_past_the_known_bars_trains_nothing() -> None:
    known, family = bars(), Boosted(trees=5, leaf_min=20)
    short = known.upto(400)
    assert family.fit(short, np.arange(400)) == family.fit(short, np.arange(395))


def test_kelly_lowers_the_volatility_target_and_never_raises_it() -> None:
    sizing = Sizing(vol_target_year=0.10, kelly_share=0.5)
    assert sizing.vol_target(0.1) == pytest.approx(0.05)
    assert sizing.vol_target(3.0) == 0.10
    assert sizing.vol_target(-1.0) == 0.0


def test_families_that_need_more_than_closes_say_so() -> None:
    plain = Bars(np.arange(50.0), np.ones(50))
    for family, need in (("carry", "further contract"), ("pairs", "related market")):
        with pytest.raises(ValueError, match=need):
            spec_of({"parts": [{"family": family}]}).forecast(plain, ("",))


def test_a_spec_is_frozen() -> None:
    spec = spec_of({"parts": [{"family": "trend"}]})
    assert isinstance(spec, ModelSpec)
    with pytest.raises(AttributeError):
        spec.parts = ()  # type: ignore[misc]
