"""The bench of a large evening does every step it says it times, on a small book."""

from bench.daily_cycle import cycle, specs


def test_a_small_evening_goes_through_all_steps() -> None:
    done = cycle(instruments=2, candidates=4, days=600)
    assert set(done["seconds"]) == {
        "arms in the shadow",
        "observe and diagnose",
        "walk-forwards",
        "hygiene",
        "heal",
        "all",
    }
    assert done["diagnoses"] == 2
    assert done["memory_mib"] > 0


def test_its_candidates_all_differ_and_some_learn() -> None:
    every = specs(200)
    assert len({str(one) for one in every}) == 200
    assert [one["parts"][0]["family"] for one in every].count("boosted") == 2
