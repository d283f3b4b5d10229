"""The link breaks while a child works: the session goes on by itself and ends with equal books."""

from collections.abc import Mapping

import pytest

from tests.session.conftest import OpenDay
from tests.session.trading_day import OATS, RESTING, TradingDay

pytestmark = pytest.mark.process

WORKING = {
    **RESTING,
    "execution.ladder_s": "[180.0, 1.0, 1800.0]",
    "execution.horizon_s": "1981",
    "gateway.heartbeat_interval_s": 1,
    "gateway.heartbeat_deadline_s": 0.5,
    "gateway.heartbeat_misses_max": 2,
}
# Two breaks in one session: the first hits the first child, the second the next one.
BREAKS: tuple[tuple[tuple[str, Mapping[str, object]], ...], ...] = (
    (("drop", {}), ("reset", {})),
    (("half_open", {}),),
    (("restart", {}), ("error_100", {})),
    (("freeze", {"for_s": 1.0}), ("zombie_326", {"seconds": 1.0})),
    (("1100", {"for_s": 0.7}), ("1101", {})),
)


@pytest.mark.parametrize("breaks", BREAKS, ids=lambda pair: "-".join(fault for fault, _ in pair))
def test_the_session_outlives_breaks_of_the_link(
    day: TradingDay, breaks: tuple[tuple[str, Mapping[str, object]], ...]
) -> None:
    day.settings = dict(WORKING)
    for nth, (fault, options) in enumerate(breaks, start=1):
        day.gateway.fault(fault, on="ack", nth=nth, **options)
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    for fault, _ in breaks:
        day.until_fired(fault)
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_the_gateway_dies_while_a_child_works_and_comes_back(open_day: OpenDay) -> None:
    """SIGKILL of the gateway's process; the session waits for it on its own."""
    day = open_day()
    day.settings = dict(WORKING)
    running = day.begin(f"ZO={OATS}")
    day.gateway.fault("kill", pid=day.gateway.pid, on="ack")
    day.restart_gateway()
    done = running.end()
    assert done.code == 0, done.stderr
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_a_gateway_that_stays_away_leaves_a_doubt_that_the_next_run_ends(open_day: OpenDay) -> None:
    """It dies with one child on its books and one unread, and comes back only after the session gave up.

    Exit 4; a named person settles the unread one; the next run proves the other. Then it may trade again.
    """
    day = open_day()
    day.settings = dict(RESTING)
    targets = f"ZO={OATS},OJ=1"
    running = day.begin(targets)
    day.gateway.fault("kill", pid=day.gateway.pid, on="place_order", nth=2)
    first = running.end(40)
    assert first.code == 4, first.stderr
    assert {one["status"] for one in first.parents.values()} == {"IN_DOUBT"}
    away = day.session(targets)
    assert (away.code, away.line[:6]) == (3, "HY-301")
    on_books = {str(order["order_ref"]) for order in day.gateway.books()["orders"]}
    (never_live,) = {child["order_ref"] for child in day.of("ChildSending")} - on_books
    because = ("--by", "anna", "--reason", "the gateway's books do not list it")
    settled = day.hydra("resolve", never_live, "--never-live", *because)
    assert settled.code == 0, settled.stderr
    assert "RESOLVED, 0 of" in settled.stdout
    day.restart_gateway()
    done = day.session(targets)
    assert done.code == 0, done.stderr
    day.judge()
    held = {symbol: day.position(symbol) for symbol in ("ZO", "OJ")}
    again = day.session("ZO=3,OJ=2", on="2026-11-24")
    assert again.code == 0, again.stderr
    assert not again.denied
    for symbol, target in (("ZO", 3), ("OJ", 2)):
        day.assert_reached(again, symbol, target, start=held[symbol])
    day.judge()
