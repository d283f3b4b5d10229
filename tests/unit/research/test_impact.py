"""The literature's own numbers for impact and participation."""

import pytest

from hydra.research.impact import almgren, lots_within

IBM = (0.0157, 0.1, 1728 / 6.561)
DRI = (0.0226, 0.1, 168 / 1.929)


@pytest.mark.parametrize(
    ("stock", "days", "permanent", "temporary", "cost"),
    [
        (IBM, 0.1, 19.9, 22.3, 32.2),
        (IBM, 0.2, 19.9, 14.7, 24.6),
        (IBM, 0.5, 19.9, 8.5, 18.4),
        (DRI, 0.1, 21.7, 32.1, 42.9),
        (DRI, 0.2, 21.7, 21.2, 32.0),
        (DRI, 0.5, 21.7, 12.2, 23.1),
    ],
)
def test_a_tenth_of_a_days_volume_costs_what_the_paper_says(
    stock: tuple[float, float, float], days: float, permanent: float, temporary: float, cost: float
) -> None:
    sigma, share, turnover = stock
    found = almgren(sigma, share, days, turnover)
    assert found.permanent_bps == pytest.approx(permanent, abs=0.06)
    assert found.temporary_bps == pytest.approx(temporary, abs=0.06)
    assert found.cost_bps == pytest.approx(cost, abs=0.06)


def test_a_twentieth_of_the_whole_beside_a_thousand_of_others() -> None:
    lots = lots_within(0.05, 1000)
    assert lots == pytest.approx(52.63, abs=0.005)
    assert lots / (lots + 1000) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="from 0 to below 1"):
        lots_within(1.0, 10)
