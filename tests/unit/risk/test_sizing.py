"""Sizing reproduces the published numbers and never yields anything but whole lots."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.domain.exposure import Exposure
from hydra.domain.quantity import side_of
from hydra.risk.sizing import (
    chance_of_fall_to,
    child_lots_max,
    contracts_for,
    fractional_kelly,
    kelly,
    kelly_continuous,
    reachable_target,
    target_lots,
    volume_cap_lots,
)
from tests.unit.risk.builders import D, child_codes, limits, proposal, quote, view


@pytest.mark.parametrize(
    ("p", "win", "loss", "expected"),
    [
        ("0.55", "1", "1", "0.10"),
        ("0.6", "1", "1", "0.20"),
        ("0.5", "2", "1", "0.25"),
        ("0.55", "0.02", "0.015", "0.2125"),
    ],
)
def test_kelly_reproduces_the_reference_values(p: str, win: str, loss: str, expected: str) -> None:
    assert round(kelly(D(p), D(win) / D(loss)), 12) == D(expected)


def test_fractional_kelly_is_half_capped_at_a_tenth_and_zero_without_an_edge() -> None:
    assert fractional_kelly(D("0.10")) == D("0.05")
    assert fractional_kelly(D("0.25")) == D("0.10")
    assert fractional_kelly(D("0.20"), share=D("0.5"), cap=D(1)) == D("0.10")
    assert fractional_kelly(D(0)) == 0
    assert fractional_kelly(kelly(D("0.4"), D(1))) == 0


def test_continuous_kelly_is_mean_over_variance() -> None:
    assert kelly_continuous(D("0.08"), D("0.2")) == D(2)


def test_half_kelly_falls_to_half_with_a_chance_of_an_eighth() -> None:
    assert chance_of_fall_to(D("0.5"), D(1)) == D("0.5")
    assert chance_of_fall_to(D("0.5"), D("0.5")) == D("0.125")


@pytest.mark.parametrize("bad", [("1.1", "1"), ("-0.1", "1"), ("0.5", "0"), ("NaN", "1")])
def test_kelly_refuses_what_is_no_bet(bad: tuple[str, str]) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        kelly(D(bad[0]), D(bad[1]))


def test_two_percent_of_500_lots_a_day_are_ten() -> None:
    assert volume_cap_lots(500, D("0.02")) == 10
    assert volume_cap_lots(100, D("0.29")) == 29  # in floats: 28
    assert volume_cap_lots(0, D("0.02")) == 0


def test_contracts_are_the_least_of_capital_volume_and_room() -> None:
    def lots(**changed: int) -> int:
        room = {"adv_lots": 10_000, "room_lots": 1_000, **changed}
        return contracts_for(D("0.1"), D(1_000_000), D(350), D(50), adv_fraction=D("0.02"), **room)

    assert lots() == 5  # 100,000 / 17,500 = 5.7
    assert lots(adv_lots=150) == 3
    assert lots(room_lots=2) == 2
    assert lots(room_lots=-4) == 0


def _target(forecast: str = "1", **changed: object) -> int:
    facts: dict[str, object] = {
        "equity_usd": D(1_000_000),
        "sigma_day": D("0.01"),
        "price": D(400),
        "usd_per_point": D(50),
        "vol_target_year": D("0.16"),
        "max_fraction": D(10),
        "adv_lots": 100_000,
        "adv_fraction": D("0.05"),
    }
    return target_lots(D(forecast), **{**facts, **changed})  # type: ignore[arg-type]


def test_the_target_carries_the_wanted_volatility() -> None:
    """16 % a year at 1 % a day is leverage 1: a million in lots of 20,000."""
    assert _target() == 50
    assert _target("-1") == -50
    assert _target("0.5") == 25
    assert _target("7") == 100
    assert _target("0.999") == 49
    assert _target("-0.999") == -49
    assert _target("0") == 0


def test_the_target_is_capped_by_equity_and_by_volume() -> None:
    assert _target(max_fraction=D("0.5")) == 25
    assert _target("-1", max_fraction=D("0.5")) == -25
    assert _target(adv_lots=300) == 15


@pytest.mark.parametrize(
    "senseless",
    [
        {"price": D(0)},
        {"price": D("NaN")},
        {"sigma_day": D(0)},
        {"sigma_day": D("NaN")},
        {"equity_usd": D(-1)},
        {"usd_per_point": D("Infinity")},
        {"adv_lots": -5},
    ],
)
def test_senseless_inputs_hold_no_position(senseless: dict[str, object]) -> None:
    assert _target(**senseless) == 0
    assert _target("NaN") == 0


def test_a_price_below_zero_is_sized_by_its_distance_from_zero() -> None:
    assert _target(price=D(-400)) == 50


numbers = st.decimals("-3", "3", places=3)
wide = st.decimals("-1000", "1000", places=2)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(numbers, wide, st.decimals("0.0001", "0.2", places=4), st.integers(0, 50_000))
def test_a_target_is_whole_lots_on_the_forecasts_side_within_its_caps(
    forecast: Decimal, price: Decimal, sigma: Decimal, adv: int
) -> None:
    got = _target(str(forecast), price=price, sigma_day=sigma, adv_lots=adv, max_fraction=D("0.5"))
    assert type(got) is int
    assert got * forecast >= 0
    assert abs(got) * abs(price) * 50 <= D(500_000)
    assert abs(got) <= D("0.05") * adv


lots = st.integers(-60, 60)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(lots, lots, st.integers(0, 400))
def test_a_reachable_target_lies_on_the_way_and_the_gate_lets_the_order_pass(
    target: int, position: int, adv: int
) -> None:
    got = reachable_target(target, position, adv, D("0.05"))
    assert min(position, target) <= got <= max(position, target)
    move = got - position
    if move:
        is_exit = Exposure(position, position).is_reduced_by(side_of(move), abs(move))
        assert is_exit or abs(move) <= D("0.05") * adv
    if got != target:
        assert abs(target - position) > D("0.05") * adv
    if position and target == 0:
        assert got == 0


@pytest.mark.parametrize(
    ("target", "position", "reached"),
    [(-10, 10, 0), (-10, 3, -2), (20, 10, 15), (2, 10, 2), (0, 40, 0), (-1, -9, -1), (9, 0, 5), (5, 0, 5)],
)
def test_a_volume_cap_of_five_cuts_what_is_built_up_and_no_exit(
    target: int, position: int, reached: int
) -> None:
    assert reachable_target(target, position, 100, D("0.05")) == reached


@pytest.mark.parametrize("price", [D(380), D(-37), D("0.25"), D(0)])
def test_the_largest_child_passes_the_gate_and_one_lot_more_does_not(price: Decimal) -> None:
    held = limits(order_lots=40, order_value_usd=D(100_000), collar_ticks=20)
    near = view(quote=quote(bid_px=price - 1, ask_px=price + 1))
    most = child_lots_max(price, D(50), held.instruments["ZO"])
    assert child_codes(proposal(qty=most, limit_px=price), near, held) == set()
    assert child_codes(proposal(qty=most + 1, limit_px=price), near, held) != set()
