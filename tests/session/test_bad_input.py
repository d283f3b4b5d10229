"""What people get wrong: one coded line, the right exit code, and nothing sent."""

import json
import os
import signal
import time

import pytest

from tests.session.trading_day import OATS, RESTING, NotProvoked, TradingDay

pytestmark = pytest.mark.process

RUN = ("session", "run", "--on", "2026-11-23")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ((*RUN, "--targets", "HE=NaN"), "HY-507"),
        ((*RUN, "--targets", "HE=1.5"), "HY-507"),
        ((*RUN, "--targets", "HE="), "HY-507"),
        ((*RUN, "--targets", "HE=1,HE=2"), "HY-507"),
        ((*RUN, "--targets", "HE=1", "--symbols", "ZO"), "HY-507"),
        ((*RUN, "--symbols", "Z O"), "HY-507"),
        (("session", "run", "--on", "23.11.2026", "--targets", "HE=1"), "HY-507"),
        (("session", "run", "--targets", "HE=1"), "HY-003"),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, tuple) else value,
)
def test_a_request_that_means_nothing_is_bad_input(
    traded: TradingDay, command: tuple[str, ...], code: str
) -> None:
    sent = traded.sent()
    refused = traded.hydra(*command)
    assert (refused.code, refused.line.split()[0], refused.stdout) == (2, code, "")
    assert traded.sent() == sent


def test_a_size_of_zero_lots_is_a_target_and_sends_nothing(traded: TradingDay) -> None:
    sent = traded.sent()
    done = traded.session("LE=0", on="2026-12-01")
    assert (done.code, done.parents["LE"]["reason"]) == (0, "already at its target")
    assert traded.sent() == sent


def test_a_symbol_the_broker_does_not_know_is_denied_and_hinders_no_other(traded: TradingDay) -> None:
    done = traded.session("KE=1,LE=1", on="2026-12-02")
    assert done.code == 0, done.stderr
    assert done.denied["KE"][0].startswith("NOT_QUALIFIED: 200")
    assert done.parents["LE"]["status"] == "FILLED"


def test_a_day_that_is_over_is_not_planned_any_more(traded: TradingDay) -> None:
    """What the strategy wanted then is stale; what is given by hand is of now."""
    sent = traded.sent()
    late = traded.hydra("session", "run", "--on", "2026-11-20", "--symbols", "LE", "--json")
    assert late.code == 0, late.stderr
    (denied,) = json.loads(late.stdout)["denied"]
    assert denied["reasons"] == ["PAST_DAY: 2026-11-20 is over and was not planned: say --targets"]
    assert traded.sent() == sent


def test_no_gateway_is_one_line_and_exit_3_after_a_few_attempts(traded: TradingDay) -> None:
    away = traded.hydra(*RUN, "--targets", "HE=1", "--port", "1")
    assert (away.code, away.line.split()[0], away.stdout) == (3, "HY-301", "")


def test_mode_live_without_its_conditions_is_refused(traded: TradingDay) -> None:
    """From the environment, with the scaled clock of a simulation and without it."""
    scaled = traded.start(*RUN, "--targets", "HE=1", env={"HYDRA_TRADING_MODE": "live"}).end()
    assert (scaled.code, scaled.line.split()[0]) == (2, "HY-104")
    clock = [name for name in traded.environment() if name.startswith("HYDRA_CLOCK_")]
    real = traded.start(*RUN, "--targets", "HE=1", env={"HYDRA_TRADING_MODE": "live"}, without=clock).end()
    assert (real.code, real.line.split()[0]) == (2, "HY-110")


def test_clocks_apart_by_more_than_two_seconds_of_wall_time_are_refused(traded: TradingDay) -> None:
    anchor = json.loads((traded.gateway.state_dir / "clock.json").read_text())["HYDRA_CLOCK_ANCHOR"]
    apart = traded.start(*RUN, "--targets", "HE=1", env={"HYDRA_CLOCK_ANCHOR": str(anchor - 3.0)}).end()
    assert (apart.code, apart.line.split()[0]) == (3, "HY-508")
    near = traded.start(*RUN, "--targets", "HE=1", env={"HYDRA_CLOCK_ANCHOR": str(anchor - 1.0)}).end()
    assert near.code == 0, near.stderr


def test_the_wrong_account_is_named(traded: TradingDay) -> None:
    wrong = traded.hydra(*RUN, "--targets", "HE=1", gateway__account="DU999999")
    assert (wrong.code, wrong.line.split()[0]) == (2, "HY-308")
    assert "DUSIM001" in wrong.line


def test_an_interrupted_session_says_so_and_the_next_run_ends_it(day: TradingDay) -> None:
    """Ctrl-C while a child rests."""
    day.settings = dict(RESTING)
    running = day.begin(f"ZO={OATS}")
    day.until(day.sent, "an order is sent")
    os.kill(running.pid, signal.SIGINT)
    began_s = time.monotonic()
    stopped = running.end()
    if stopped.code == 0:
        raise NotProvoked("the session was over before its interrupt")
    assert stopped.code == 130, stopped.stderr
    assert time.monotonic() - began_s < 5
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    day.assert_reached(done, "ZO", OATS)
    day.judge()
