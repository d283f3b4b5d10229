from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import fmean, median, pstdev

import pytest

from hydra.domain.errors import UserError
from hydra.simgateway import history
from hydra.simgateway.calendar import is_trade_date, next_trade_date, segments
from hydra.simgateway.calibration import calibration
from hydra.simgateway.contracts import active_contract, catalogue
from hydra.simgateway.dayprice import DayPrice, to_us
from hydra.simgateway.exchange import TradePrinted
from hydra.simgateway.history import Bar, daily_bars, intraday_bars
from hydra.simgateway.path import PricePath
from hydra.simgateway.replay import DailyBar, ending_on, parse_bars
from tests.unit.simgateway.observation import SESSION, day_session, exchange, nearby, observe

ZO = nearby("ZO")
OPENS, CLOSES = day_session(ZO)
HEADER = "date,open,high,low,close,volume\n"
REAL = Path(__file__).parents[4] / "shared" / "data" / "yahoo_front_ZO.csv"


def parsed(text: str) -> tuple[DailyBar, ...]:
    return parse_bars(text.splitlines(), "bars.csv")


# -- daily and intraday bars


def test_three_years_of_daily_bars_are_there_in_order_and_on_trade_dates_only() -> None:
    bars = daily_bars(PricePath(ZO, 7), CLOSES, 760)
    starts = [bar.start for bar in bars]
    assert len(bars) == 760
    assert starts == sorted(set(starts))
    assert all(isinstance(day, date) and is_trade_date(day) for day in starts)
    assert starts[-1] == SESSION
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert all(price % ZO.tick == 0 for price in (bar.open, bar.high, bar.low, bar.close))


def test_bars_do_not_depend_on_how_many_or_when_one_asks() -> None:
    long = daily_bars(PricePath(ZO, 7), CLOSES, 300)
    asked_later = daily_bars(PricePath(ZO, 7), CLOSES + timedelta(days=20), 400)
    by_day = {bar.start: bar for bar in asked_later}
    assert daily_bars(PricePath(ZO, 7), CLOSES, 5) == long[-5:]
    assert [by_day[bar.start] for bar in long[:-1]] == long[:-1]


@pytest.mark.parametrize("symbol", ["ZO", "HE", "LE", "GF", "ZR", "OJ"])
def test_daily_volatility_and_volume_of_the_active_expiry_are_as_measured(symbol: str) -> None:
    cal = calibration(symbol)
    moves: list[float] = []
    lots: list[float] = []
    for seed in range(4):
        paths: dict[int, PricePath] = {}
        on = date(2025, 1, 2)
        while on < date(2026, 12, 31):
            contract = active_contract(symbol, on)
            path = paths.setdefault(contract.con_id, PricePath(contract, seed))
            settled = path.settled(on)
            moves.append(log(settled.settle / settled.previous))
            lots.append(path.fair_day(on).volume)
            on = next_trade_date(on)
    vol = pstdev(moves)
    assert vol == pytest.approx(cal.vol_daily, rel=0.2)
    assert median(lots) == pytest.approx(cal.adv, rel=0.3)
    tails = fmean((move / vol) ** 4 for move in moves) - 3
    assert 0.3 < tails < 4  # fatter than normal, as measured (0.9 to 2.9)


def test_the_days_bar_contains_the_fair_path_and_ends_where_it_does() -> None:
    for seed in range(20):
        day = DayPrice(PricePath(ZO, seed), SESSION)
        seen = day.seen_by(0, to_us(CLOSES))
        assert min(seen) >= day.fair.low - 1e-9
        assert max(seen) <= day.fair.high + 1e-9
        assert seen[0] == pytest.approx(day.fair.open)
        assert seen[-1] == pytest.approx(day.fair.close)


def test_what_the_live_market_trades_is_the_bar_history_will_show() -> None:
    seen = observe(ZO, 23)
    bar = daily_bars(PricePath(ZO, 23), CLOSES, 1)[0]
    wide = 30 * ZO.tick
    assert bar.low - wide <= min(t.price for t in seen.trades)
    assert max(t.price for t in seen.trades) <= bar.high + wide
    assert abs(seen.trades[-1].price - bar.close) < wide


def test_the_day_under_way_shows_only_its_hours_so_far() -> None:
    path = PricePath(ZO, 7)
    noon = daily_bars(path, OPENS + timedelta(hours=2), 2)[-1]
    whole = daily_bars(path, CLOSES, 1)[-1]
    assert noon.start == whole.start == SESSION
    assert noon.open == whole.open
    assert whole.low <= noon.low <= noon.high <= whole.high
    assert 0 < noon.volume < whole.volume
    before = segments(ZO, SESSION)[0][0] - timedelta(minutes=1)
    assert daily_bars(path, before, 1)[-1].start == date(2026, 10, 13)


def test_intraday_bars_join_up_and_stay_within_the_day() -> None:
    contract = nearby("HE")
    opens, closes = day_session(contract)
    path = PricePath(contract, 3)
    bars = intraday_bars(path, closes, 900, 1000)
    today = [bar for bar in bars if isinstance(bar.start, datetime) and bar.start >= opens]
    assert [bar.start for bar in today] == [opens + timedelta(minutes=15) * n for n in range(len(today))]
    assert len(today) == 19  # 4 h 35 min
    whole = daily_bars(path, closes, 1)[-1]
    assert min(bar.low for bar in today) >= whole.low
    assert max(bar.high for bar in today) <= whole.high
    assert today[-1].close == whole.close
    assert 0.8 < sum(bar.volume for bar in today) / whole.volume < 1.2
    assert all(abs(a.close - b.open) <= 4 * contract.tick for a, b in pairwise(today))


def test_minutes_of_a_thin_market_are_looked_for_on_the_days_asked_for_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some fifty minutes a day see a trade: 7,200 bars would be years, drawn while every client waits."""
    drawn: list[date] = []

    class Counted(DayPrice):
        def __init__(self, path: PricePath, on: date) -> None:
            drawn.append(on)
            super().__init__(path, on)

    path, since = PricePath(ZO, 3), CLOSES - timedelta(days=5)
    more = intraday_bars(path, CLOSES, 60, 400)
    monkeypatch.setattr(history, "DayPrice", Counted)
    bars = intraday_bars(path, CLOSES, 60, 7_200, since)
    assert len(drawn) <= 5
    wanted = [bar for bar in more if isinstance(bar.start, datetime) and bar.start >= since]
    assert 50 < len(wanted) < len(more)
    assert bars[-len(wanted) :] == wanted


def test_hours_without_trades_have_no_bar_in_a_back_month() -> None:
    back = nearby("ZO", 2)
    hours = [
        bar
        for seed in range(10)
        for bar in intraday_bars(PricePath(back, seed), CLOSES, 3600, 40)
        if isinstance(bar.start, datetime) and bar.start >= OPENS
    ]
    assert len(hours) < 10 * 5 * 0.4


def test_an_expired_contract_has_history_up_to_its_last_trade_date_and_none_after() -> None:
    gone = active_contract("HE", date(2026, 1, 5))
    bars = daily_bars(PricePath(gone, 1), CLOSES, 3)
    assert bars[-1].start == gone.last_trade_on


# -- bars from a file


def test_a_file_replays_as_history_as_path_and_as_previous_settle() -> None:
    bars = parsed(HEADER + "2026-10-13,300,304,298,301.25,410\n2026-10-14,302,318,296.5,315,520\n")
    venue = exchange(5, OPENS, bars={"ZO": bars})
    venue.watch(ZO.con_id)
    assert venue.quote(ZO.con_id).close == Decimal("301.25")
    prices = [e.price for e in venue.advance(CLOSES - timedelta(minutes=1)) if isinstance(e, TradePrinted)]
    assert min(prices) < Decimal(300)
    assert max(prices) > Decimal(314)
    assert abs(prices[-1] - Decimal(315)) < 5
    assert venue.daily_bars(ZO.con_id, CLOSES, 2) == [
        Bar(date(2026, 10, 13), Decimal(300), Decimal(304), Decimal(298), Decimal("301.25"), 410),
        Bar(date(2026, 10, 14), Decimal(302), Decimal(318), Decimal("296.5"), Decimal(315), 520),
    ]


def test_before_and_after_a_files_days_the_drawn_path_goes_on_from_its_ends() -> None:
    bars = parsed(HEADER + "2026-10-13,300,304,298,301.25,410\n")
    path = PricePath(ZO, 5, bars)
    assert path.settled(SESSION).previous * ZO.tick == Decimal("301.25")
    assert abs(path.settled(SESSION).settle * ZO.tick - 301) < 25
    assert abs(path.settled(date(2026, 10, 12)).settle * ZO.tick - 300) < 1
    assert len(daily_bars(path, CLOSES, 500)) == 500


def test_a_trade_date_the_file_skips_is_flat_and_without_volume() -> None:
    bars = parsed(HEADER + "2026-10-12,300,304,298,301,410\n2026-10-14,302,318,296,315,520\n")
    skipped = daily_bars(PricePath(ZO, 5, bars), CLOSES, 2)[0]
    assert skipped == Bar(date(2026, 10, 13), *([Decimal(301)] * 4), 0)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "first line"),
        ("date,close\n", 1, "first line"),
        (HEADER, 1, "no bars"),
        (HEADER + "2026-10-13,1,2,1,1.5\n", 2, "5 fields"),
        (HEADER + "2026-10-13,1,2,1,1.5,10,9\n", 2, "7 fields"),
        (HEADER + "2026-10-13,1,2,1,1.5,10\n2026-13-14,1,2,1,1.5,10\n", 3, "2026-13-14"),
        (HEADER + "13/10/2026,1,2,1,1.5,10\n", 2, "13/10/2026"),
        (HEADER + "2026-10-13,1,two,1,1.5,10\n", 2, "high 'two'"),
        (HEADER + "2026-10-13,1,2,1,nan,10\n", 2, "close 'nan'"),
        (HEADER + "2026-10-13,1,inf,1,1.5,10\n", 2, "high 'inf'"),
        (HEADER + "2026-10-13,1,,1,1.5,10\n", 2, "high ''"),
        (HEADER + "2026-10-13,100,90,110,105,10\n", 2, "high 90 is below low 110"),
        (HEADER + "2026-10-13,120,110,90,105,10\n", 2, "open 120 is outside"),
        (HEADER + "2026-10-13,1,2,1,1.5,-1\n", 2, "volume -1"),
        (HEADER + "2026-10-13,1,2,1,1.5,1.5\n", 2, "volume 1.5"),
        (HEADER + "2026-10-13,1,2,1,1.5,1\n\n2026-10-13,1,2,1,1.5,1\n", 4, "2026-10-13"),
        (HEADER + "2026-10-13,1,2,1,1.5,1\n2026-10-12,1,2,1,1.5,1\n", 3, "2026-10-12"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line_and_value(text: str, line: int, word: str) -> None:
    with pytest.raises(UserError) as refused:
        parsed(text)
    assert refused.value.code == "HY-209"
    assert f"bars.csv:{line}:" in str(refused.value)
    assert word in str(refused.value)


def test_what_real_files_hold_is_read_as_it_is() -> None:
    """Settlements off the range, high and low swapped by a tick, negative prices, whole volumes as floats."""
    bars = parsed(
        "\ufeff" + HEADER + "2000-01-12,118.5,118.5,118.5,119.0,12.0\r\n"
        "2009-03-09,175.75,175.0,175.75,175.75,12\n2020-04-20,-3,2,-40.25,-37.5,9\n"
    )
    assert bars[0].close == Decimal(119)
    assert (bars[1].low, bars[1].high) == (Decimal("175.0"), Decimal("175.75"))
    assert bars[2].close == Decimal("-37.5")


def test_a_file_of_the_past_ends_on_the_day_the_clock_starts_and_skips_holidays() -> None:
    bars = parsed(
        HEADER + "2001-10-11,300,304,298,300,410\n2001-10-12,301,306,299,305,12\n2001-10-15,1,1,1,1,0\n"
    )
    moved = ending_on(bars, date(2026, 11, 27))
    assert [bar.on for bar in moved] == [date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27)]
    assert [bar.close for bar in moved] == [bar.close for bar in bars]
    assert ending_on(bars, date(2001, 10, 12)) == bars


@pytest.mark.skipif(not REAL.exists(), reason="real market data is not beside this checkout")
def test_twenty_three_years_of_real_bars_replay() -> None:
    bars = parse_bars(REAL.read_text("utf-8").splitlines(), REAL.name)
    assert len(bars) > 5000
    for on in (date(2009, 3, 9), date(2022, 9, 1)):
        contract = active_contract("ZO", on)
        day = next(bar for bar in bars if bar.on == on)
        seen = observe(contract, 1, on, bars={"ZO": bars})
        assert abs(seen.trades[-1].price - day.close) < 8
        assert contract in catalogue(on)
    at = datetime(2023, 9, 18, 20, tzinfo=UTC)
    path = PricePath(active_contract("ZO", at.date()), 1, bars)
    assert daily_bars(path, at, 1)[-1].volume == 164


def test_a_file_day_beyond_the_daily_limit_is_traded_all_the_same() -> None:
    bars = parsed(HEADER + "2026-10-13,300,304,298,300,410\n2026-10-14,330,362,328,360,520\n")
    path = PricePath(ZO, 5, bars)
    assert path.settled(SESSION).settle * ZO.tick == 360
    assert abs(observe(ZO, 5, bars={"ZO": bars}).trades[-1].price - 360) < 5


def test_no_two_days_and_no_two_symbols_share_the_shape_of_their_path() -> None:
    def shape(symbol: str, on: date) -> list[int]:
        day = DayPrice(PricePath(nearby(symbol), 7), on)
        _, closes = day_session(nearby(symbol), on)
        seen = day.seen_by(to_us(closes - timedelta(hours=4)), to_us(closes))
        middle, reach = fmean((day.fair.high, day.fair.low)), day.fair.high - day.fair.low
        return [round(10 * (value - middle) / reach) for value in seen[::10]]

    shapes = [shape("HE", SESSION), shape("HE", date(2026, 10, 15)), shape("LE", SESSION)]
    for one, two in ((0, 1), (0, 2)):
        same = fmean(a == b for a, b in zip(shapes[one], shapes[two], strict=True))
        assert same < 0.6


def test_between_the_close_and_the_next_pre_open_a_fresh_market_shows_the_day_that_ended() -> None:
    venue = exchange(7, CLOSES + timedelta(hours=1))
    quote, bar = venue.quote(ZO.con_id), venue.daily_bars(ZO.con_id, CLOSES + timedelta(hours=1), 1)[0]
    assert (quote.volume, quote.last, quote.bid) == (bar.volume, bar.close, None)
    assert bar.start == SESSION
    before = segments(ZO, date(2026, 10, 15))[0][0] - timedelta(minutes=10)
    fresh = exchange(7, before).quote(ZO.con_id)
    assert (fresh.volume, fresh.last, fresh.close) == (0, None, bar.close)
