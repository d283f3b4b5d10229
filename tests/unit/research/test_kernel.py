"""The compiled kernel does what live sizing, slippage and breakers do, on any path, lane and core."""

import math

import numpy as np
import pytest

from hydra.research.kernel import (
    CONTINUOUS_LOT,
    Candidates,
    Market,
    Rules,
    of_columns,
    pnl_paths,
    run,
    without_breakers,
)
from hydra.research.kernel.compiled import decide_each, mark_each
from tests.unit.research.kernel_oracle import tell


def market(seed: int, bars: int = 300, base: float = 350.0, jump: float = 0.05) -> Market:
    """A random walk in eighths with jumps, changing volatility and thin, sometimes absent volume."""
    rng = np.random.default_rng(seed)
    sigma = 5 * np.exp(0.3 * np.cumsum(rng.normal(0, 0.1, bars)))
    shocks = np.where(rng.random(bars) < jump, 6.0, 1.0)
    close = np.round((base + np.cumsum(sigma * shocks * rng.normal(0, 1, bars))) * 8) / 8
    fill = np.round((close + rng.normal(0, 2, bars)) * 8) / 8
    adv = np.floor(rng.lognormal(6, 1.5, bars)) * (rng.random(bars) > 0.03)
    return Market(fill, close, sigma, rng.uniform(0.2, 2, bars), adv)


def forecasts(seed: int, bars: int = 300, columns: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed + 1000)
    smooth = np.cumsum(rng.normal(0, 0.3, (bars, columns)), axis=0)
    return smooth - smooth.mean(axis=0)


RULES = Rules(
    capital_usd=400_000.0,
    usd_per_point=50.0,
    vol_target_year=0.4,
    position_fraction=0.5,
    adv_fraction=0.02,
    commission_usd=1.5,
    impact_y=0.3,
    daily_loss=-0.03,
    drawdown=-0.10,
    position=0.45,
)


@pytest.mark.parametrize("seed", range(6))
def test_a_path_is_what_live_sizing_slippage_and_breakers_give(seed: int) -> None:
    bars = market(seed, base=350.0 if seed % 2 else 20.0)  # from 20 the walk crosses zero
    wishes = forecasts(seed)
    paths = run(bars, of_columns(wishes), RULES)
    trips = np.zeros(3)
    for k in range(wishes.shape[1]):
        told = tell(bars, wishes[:, k], RULES)
        assert paths.lots[:, k].tolist() == told.lots
        np.testing.assert_allclose(paths.cost_usd[:, k], told.cost, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(paths.pnl_usd[:, k], told.pnl, rtol=1e-9, atol=1e-6)
        assert paths.trips[k].tolist() == list(told.trips.values())
        trips += paths.trips[k]
    assert (trips > 0).any(), "the paths must be rough enough to trip something"


def test_every_breaker_trips_somewhere_in_the_compared_paths() -> None:
    trips = sum(run(market(seed), of_columns(forecasts(seed)), RULES).trips.sum(axis=0) for seed in range(6))
    assert (np.asarray(trips) > 0).all()


def test_neither_threads_nor_the_neighbours_in_a_lane_change_a_path() -> None:
    bars, wishes = market(3), forecasts(3, columns=70)
    alone = np.column_stack([run(bars, of_columns(wishes[:, [k]]), RULES).pnl_usd for k in range(70)])
    for threads in (1, 2, 3):
        assert np.array_equal(run(bars, of_columns(wishes), RULES, threads).pnl_usd, alone)
        assert np.array_equal(pnl_paths(bars, of_columns(wishes), RULES, threads), alone)


def test_a_matrix_that_was_used_before_is_written_anew_and_one_of_another_shape_is_refused() -> None:
    bars, first, second = market(3), forecasts(3, columns=40), forecasts(4, columns=40)
    out = np.full((first.shape[0], 64), np.nan)
    for wishes in (first, second):
        told = pnl_paths(bars, of_columns(wishes), RULES, 2, out)
        assert np.shares_memory(told, out)
        assert np.array_equal(told, pnl_paths(bars, of_columns(wishes), RULES))
    with pytest.raises(ValueError, match=r"out is \[300, 40\], not \[300, 64\]"):
        pnl_paths(bars, of_columns(first), RULES, 2, out[:, :40])


def test_shared_averages_give_the_same_forecasts_as_columns_of_their_own() -> None:
    bars, averages = market(5), forecasts(5, columns=5)
    first, second = np.array([0, 1, 4]), np.array([3, 2, 0])
    crossings = Candidates(averages, first, second, np.full(3, 0.7), np.full(3, -0.7))
    columns = of_columns(0.7 * averages[:, first] - 0.7 * averages[:, second])
    np.testing.assert_allclose(run(bars, crossings, RULES).lots, run(bars, columns, RULES).lots)


def test_what_is_said_at_a_close_is_filled_on_the_next_bar_and_never_earns_its_own_bar() -> None:
    bars = market(1, jump=0.0)
    wishes = np.zeros((300, 1))
    wishes[100] = 2.0
    lots = run(bars, of_columns(wishes), RULES).lots[:, 0]
    assert (np.flatnonzero(lots) == [101]).all()


def test_the_future_changes_nothing_before_it() -> None:
    bars, wishes = market(2), forecasts(2)
    changed = np.array(wishes)
    changed[200:] = np.random.default_rng(9).permutation(changed[200:])
    before, after = run(bars, of_columns(wishes), RULES), run(bars, of_columns(changed), RULES)
    assert np.array_equal(before.pnl_usd[:201], after.pnl_usd[:201])
    assert not np.array_equal(before.pnl_usd[201:], after.pnl_usd[201:])


def test_no_equity_means_no_position_and_a_price_of_zero_is_left_flat() -> None:
    crash = np.concatenate([np.full(50, 400.0), np.full(50, 1.0)])
    bars = Market(crash, crash, np.full(100, 8.0), np.zeros(100), np.full(100, 1e6))
    rules = without_breakers(RULES._replace(position_fraction=math.inf, vol_target_year=4.0))
    lots = run(bars, of_columns(np.full((100, 1), 2.0)), rules).lots[:, 0]
    assert lots[49] > 100
    assert lots[-1] == 0
    at_zero = Market(0 * crash, 0 * crash, np.full(100, 8.0), np.zeros(100), np.full(100, 1e6))
    assert not run(at_zero, of_columns(np.full((100, 1), 2.0)), RULES).lots.any()


def test_a_breaker_switched_off_stays_silent_also_below_an_equity_of_zero() -> None:
    """Research counts P&L from a capital of one: minus infinity times a negative equity is no threshold."""
    bars = market(7)
    sized = without_breakers(
        RULES._replace(capital_usd=1.0, compounding=0.0, lot=CONTINUOUS_LOT, vol_target_year=16.0)
    )._replace(position_fraction=math.inf, adv_fraction=math.inf)
    poor = run(bars, of_columns(-forecasts(7)), sized)
    assert (1.0 + poor.pnl_usd.cumsum(axis=0)).min() < 0
    assert not poor.trips.any()
    free = Market(bars.fill_px, bars.close_px, bars.sigma_px, 0.0 * bars.half_spread_px, bars.adv_lots)
    gross = run(free, of_columns(-forecasts(7)), sized._replace(commission_usd=0.0, impact_y=0.0))
    np.testing.assert_array_equal(gross.lots, poor.lots)
    np.testing.assert_allclose(gross.pnl_usd - poor.pnl_usd, poor.cost_usd, atol=1e-9)


def test_an_exit_is_never_cut_short_by_volume_but_an_entry_is() -> None:
    adv = np.full(60, 100.0)
    flat = np.full(60, 350.0)
    bars = Market(flat, flat, np.full(60, 5.0), np.zeros(60), adv)
    wishes = np.concatenate([np.full(30, 2.0), np.full(30, -2.0)])[:, None]
    rules = RULES._replace(vol_target_year=4.0, position_fraction=5.0, position=math.inf)
    lots = run(bars, of_columns(wishes), rules).lots[:, 0]
    assert lots[:6].tolist() == [0, 2, 2, 2, 2, 2]  # 2 % of 100 lots also caps the position
    assert lots[30:33].tolist() == [2, 0, -2]


def test_the_band_holds_small_changes_and_trades_large_ones_to_its_edge() -> None:
    flat = np.full(40, 100.0)
    bars = Market(flat, flat, np.full(40, 1.0), np.zeros(40), np.full(40, math.inf))
    wishes = np.concatenate([np.full(10, 1.0), np.full(10, 1.2), np.full(10, 0.0), np.full(10, -1.0)])
    rules = without_breakers(
        Rules(16.0, 1.0, 1.0, math.inf, math.inf, lot=CONTINUOUS_LOT, band=0.25, compounding=0.0)
    )
    lots = run(bars, of_columns(wishes[:, None]), rules).lots[:, 0]
    np.testing.assert_allclose(lots[[5, 15, 25, 35]], [0.75, 0.95, 0.0, -0.75], atol=1e-9)


def test_a_day_at_a_time_with_markets_of_their_own_is_the_same_rule() -> None:
    markets = [market(seed) for seed in range(3)]
    wishes = forecasts(4, columns=3)
    rules = Rules(*(float(one) for one in RULES))
    rows = np.stack(
        [np.column_stack((m.fill_px, m.close_px, m.sigma_px, m.half_spread_px, m.adv_lots)) for m in markets]
    )
    state = np.zeros((3, 7))
    state[:, 2:4] = rules.capital_usd
    net, cost, stepped = np.zeros(3), np.zeros(3), []
    for t in range(300):
        bars = np.ascontiguousarray(rows[:, [max(t - 1, 0), t]])
        mark_each(state, bars, rules, net, cost)
        decide_each(state, bars, rules, np.ascontiguousarray(wishes[t]))
        stepped.append(net.copy())
    swept = [run(m, of_columns(wishes[:, [k]]), RULES).pnl_usd[:, 0] for k, m in enumerate(markets)]
    np.testing.assert_allclose(np.array(stepped).T, swept, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("name", ["fill_px", "close_px", "sigma_px", "half_spread_px", "adv_lots"])
def test_an_array_that_is_not_a_number_is_refused_by_name_and_bar(name: str) -> None:
    fields = {
        one: np.array(getattr(market(0), one))
        for one in ("fill_px", "close_px", "sigma_px", "half_spread_px")
    }
    fields["adv_lots"] = np.array(market(0).adv_lots)
    fields[name][17] = math.nan
    with pytest.raises(ValueError, match=f"{name} is not a number at bar 17"):
        Market(**fields)


def test_signals_of_another_length_or_without_a_number_are_refused() -> None:
    with pytest.raises(ValueError, match="299 bars of signals, 300 of prices"):
        run(market(0), of_columns(forecasts(0)[1:]), RULES)
    broken = forecasts(0)
    broken[5, 2] = math.nan
    with pytest.raises(ValueError, match="signal 2 is not a number at bar 5"):
        of_columns(broken)


def test_no_candidates_and_one_bar_are_legal() -> None:
    assert run(market(0), of_columns(np.zeros((300, 0))), RULES).pnl_usd.shape == (300, 0)
    assert run(market(0, bars=1), of_columns(np.ones((1, 1))), RULES).pnl_usd.tolist() == [[0.0]]
