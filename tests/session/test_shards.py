"""Execution in two shards: two real processes, two client ids, one account, one ledger.

ZO belongs to shard 1 (client id 11), HE to shard 2 (client id 12). The ledger is a file, or on PostgreSQL
where that is installed: then nothing but the database is shared.
"""

import json
import os
import signal

import pytest

from tests.contract.ledger_stores import PostgresServer
from tests.contract.ledger_stores import postgres_server as postgres_server
from tests.session.conftest import OpenDay
from tests.session.trading_day import OATS, RESTING, Running, TradingDay

pytestmark = pytest.mark.process

TARGETS = f"HE=-5,ZO={OATS}"
OWN = {1: ("ZO", OATS), 2: ("HE", -5)}


def _begin(day: TradingDay, shard: int, targets: str = TARGETS, **settings: object) -> Running:
    given = {**RESTING, **settings, "worker.shards": 2, "worker.shard": shard}
    return day.begin(targets, **{key.replace(".", "__"): one for key, one in given.items()})


@pytest.mark.parametrize(
    ("visibility", "store"),
    [
        ("all", "sqlite"),
        ("own", "sqlite"),
        pytest.param("zero_only", "postgresql", marks=pytest.mark.postgres),
    ],
)
def test_two_shards_reach_their_targets_though_one_is_killed_and_the_other_cut_off(
    open_day: OpenDay, request: pytest.FixtureRequest, visibility: str, store: str
) -> None:
    """Whichever executions of the other's client id a shard sees, each trades its own and nothing else."""
    day = open_day(speed=120.0)
    if store == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        day.settings["ledger.url"] = server.new_database()
    day.gateway.fault("visibility", value=visibility)
    first, second = _begin(day, 1), _begin(day, 2)
    day.gateway.fault("kill", pid=first.pid, on="accept", symbol="ZO")
    day.gateway.fault("drop", on="ack", symbol="HE", client_id=12)
    first.killed()
    again = _begin(day, 1).end()
    other = second.end()
    assert (again.code, other.code) == (0, 0), again.stderr + other.stderr
    day.assert_reached(again, "ZO", OATS)
    day.assert_reached(other, "HE", -5)
    assert again.denied["HE"] == ["OTHER_SHARD: shard 2 works it, this is 1"]
    clients = {(order["symbol"], order["client_id"]) for order in day.gateway.books()["orders"]}
    assert clients == {("ZO", 11), ("HE", 12)}
    assert day.of("TradingStateChanged") == []
    day.judge()


def test_a_limit_of_the_account_holds_over_both_shards(open_day: OpenDay) -> None:
    """Room for one of the two wishes: whoever reserves first has it, and both ends of the doubt count."""
    day = open_day()
    tight = {"limits.account.gross_fraction": "0.3"}
    done = [one.end() for one in (_begin(day, 1, **tight), _begin(day, 2, **tight))]
    assert [one.code for one in done] == [0, 0], done
    moved = {symbol: abs(day.position(symbol)) for symbol, _ in OWN.values()}
    value = moved["ZO"] * 5_000 * 4.6 + moved["HE"] * 40_000 * 1.0
    assert 0 < value <= 0.3 * 1_000_000 * 1.15
    refused = [reason for one in done for reasons in one.denied.values() for reason in reasons]
    assert any("GROSS" in reason for reason in refused) or min(moved.values()) < 5
    day.judge()


def test_a_kill_of_everything_reaches_every_shard(open_day: OpenDay) -> None:
    day = open_day(speed=60.0)
    for symbol in ("ZO", "HE"):
        day.gateway.fault("halt", symbol=symbol, on="accept", order_ref=f"H-20261123-{symbol}-1-C01")
    running = [_begin(day, 1), _begin(day, 2)]
    day.until(lambda: {frame["client_id"] for frame in day.frames()} == {11, 12}, "both have sent")
    because = ("--by", "anna", "--reason", "a test", "--json")
    done = day.hydra("kill", "--all", *because, worker__shards=2)
    assert done.code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["is_proven"]
    assert not found["is_global"]
    assert len(found["orders"]) == 2
    for one in running:
        one.killed()
    assert {order["status"] for order in day.gateway.books()["orders"]} == {"Cancelled"}


def test_a_flatten_closes_what_every_shard_holds(open_day: OpenDay) -> None:
    """One shard holds a position, the other works towards one: both are flat, and the halt stays."""
    day = open_day()
    begun = _begin(day, 2).end()
    assert begun.code == 0, begun.stderr
    assert day.position("HE") < 0
    running = _begin(day, 1)
    day.until(lambda: any("-ZO-" in ref for ref in day.sent()), "the first shard has sent")
    because = ("--by", "anna", "--reason", "a test", "--json")
    done = day.hydra("kill", "--all", "--flatten", *because, worker__shards=2)
    assert done.code == 0, done.stderr
    running.killed()
    assert json.loads(done.stdout)["left"] == []
    assert {symbol: day.position(symbol) for symbol in ("ZO", "HE")} == {"ZO": 0, "HE": 0}
    last = [one for one in day.of("TradingStateChanged") if one["scope"] == "ALL"][-1]
    assert (last["state"], last["by"]) == ("HALTED", "anna")
    exits = {one["symbol"] for one in day.gateway.books()["orders"] if one["side"] == "BUY"}
    assert "HE" in exits
    day.judge()


def test_a_halt_by_one_shard_takes_back_what_rests_with_the_other(open_day: OpenDay) -> None:
    """Nothing tells the second shard but the ledger."""
    day = open_day(speed=60.0)
    day.gateway.fault("halt", symbol="HE", on="accept", order_ref="H-20261123-HE-1-C01")
    running = _begin(day, 2, execution__ladder_s="[6000.0, 60.0, 600.0]", execution__horizon_s="7200.0")
    day.until(lambda: day.sent() and day.of("ChildAcknowledged"), "a child of the second shard works")
    halt = ("trading", "set", "HALTED", "--by", "anna", "--reason", "a test", "--scope", "ALL")
    assert day.hydra(*halt, worker__shards=2, worker__shard=1).code == 0
    done = running.end()
    assert done.code == 0, done.stderr
    assert "a test" in done.parents["HE"]["reason"]
    assert {one["status"] for one in day.gateway.books()["orders"]} == {"Cancelled"}
    assert [one["order_ref"] for one in day.of("ChildCancelled")] == ["H-20261123-HE-1-C01"]
    day.judge()


def test_a_process_that_shares_execution_out_otherwise_is_refused(open_day: OpenDay) -> None:
    """It would take a symbol for its own that a shard works."""
    day = open_day(speed=60.0)
    day.gateway.fault("halt", symbol="HE", on="accept", order_ref="H-20261123-HE-1-C01")
    running = _begin(day, 2)
    day.until(day.sent, "the second shard has sent")
    whole = day.session(TARGETS)
    assert (whole.code, whole.line[:6]) == (3, "HY-610")
    assert "2 shards" in whole.line
    os.kill(running.pid, signal.SIGKILL)
    running.killed()
