"""The link is good only when every part of it is, and `good since` restarts at every break."""

import math

import pytest

from hydra.broker.connectivity import LinkWatch
from hydra.broker.error_codes import LinkNotice


def a_good_link(at_s: float = 100.0) -> LinkWatch:
    watch = LinkWatch(heartbeat_age_s_max=4.0, skew_s_max=2.0, relevant_farms=frozenset({"usfuture"}))
    watch.connecting(at_s)
    watch.connected(at_s)
    watch.synced(at_s)
    watch.heart_beat(at_s, 0.1)
    return watch


def test_a_connected_synced_beating_link_is_good_from_the_last_of_these() -> None:
    watch = a_good_link(100.0)
    assert watch.reason(101.0) == ""
    assert watch.good_since_wall_s(101.0) == 100.0


def test_nothing_is_good_before_the_first_connection() -> None:
    watch = LinkWatch(heartbeat_age_s_max=4.0, skew_s_max=2.0, relevant_farms=frozenset())
    assert watch.reason(0.0)
    assert watch.good_since_wall_s(0.0) == math.inf


def test_without_a_read_of_the_books_the_link_is_not_good() -> None:
    watch = LinkWatch(heartbeat_age_s_max=4.0, skew_s_max=2.0, relevant_farms=frozenset())
    watch.connecting(1.0)
    watch.connected(1.0)
    watch.heart_beat(1.0, 0.0)
    assert "books" in watch.reason(1.0)


@pytest.mark.parametrize("notice", [LinkNotice.RESTORED, LinkNotice.RESTORED_DATA_LOST])
def test_after_an_outage_the_books_must_be_read_before_a_child_is_sent(notice: LinkNotice) -> None:
    watch = a_good_link()
    watch.noticed(LinkNotice.LOST, "", 101.0)
    assert "1100" in watch.reason(101.0)
    assert not watch.wants_sync
    watch.noticed(notice, "", 102.0)
    assert "books" in watch.reason(102.0)
    assert watch.wants_sync
    watch.synced(103.0)
    assert watch.reason(103.0) == ""
    assert watch.good_since_wall_s(103.5) == 103.0


@pytest.mark.parametrize("notice", [LinkNotice.LOST, LinkNotice.RESTORED, LinkNotice.RESTORED_DATA_LOST])
def test_every_1100_1101_1102_2110_restarts_the_good_time(notice: LinkNotice) -> None:
    """Also a 1102 that comes without its 1100: something happened that we did not see."""
    watch = a_good_link(100.0)
    watch.noticed(notice, "", 101.0)
    assert watch.good_since_wall_s(101.0) == math.inf


def test_a_broken_farm_that_matters_blocks_until_it_is_back() -> None:
    watch = a_good_link()
    watch.noticed(LinkNotice.FARM_BROKEN, "usfuture", 101.0)
    assert "usfuture" in watch.reason(101.0)
    watch.noticed(LinkNotice.FARM_OK, "usfuture", 102.0)
    assert watch.reason(102.0) == ""
    assert watch.good_since_wall_s(102.5) == 102.0


def test_a_broken_farm_elsewhere_does_not_block() -> None:
    watch = a_good_link()
    watch.noticed(LinkNotice.FARM_BROKEN, "eufarm", 101.0)
    assert watch.reason(101.0) == ""


def test_a_broken_farm_without_a_name_blocks() -> None:
    """A localised text may name no farm: it could be ours."""
    watch = a_good_link()
    watch.noticed(LinkNotice.FARM_BROKEN, "", 101.0)
    assert watch.reason(101.0)
    watch.noticed(LinkNotice.FARM_OK, "usfuture", 102.0)
    assert watch.reason(102.0) == ""


def test_an_old_heartbeat_is_none() -> None:
    watch = a_good_link(100.0)
    assert watch.reason(104.0) == ""
    assert "heartbeat" in watch.reason(104.1)


def test_a_gap_that_nobody_looked_into_still_restarts_the_good_time() -> None:
    """A stalled loop: the next heartbeat comes late, and nobody asked in between."""
    watch = a_good_link(100.0)
    watch.heart_beat(110.0, 0.0)
    assert watch.good_since_wall_s(110.0) == 110.0


@pytest.mark.parametrize("skew_s", [2.1, -2.1])
def test_clocks_apart_block_either_way(skew_s: float) -> None:
    watch = a_good_link()
    watch.heart_beat(101.0, skew_s)
    assert "skew" in watch.reason(101.0)


def test_clocks_two_seconds_apart_are_still_allowed() -> None:
    watch = a_good_link()
    watch.heart_beat(101.0, 2.0)
    assert watch.reason(101.0) == ""


def test_an_alarm_blocks_until_the_books_are_read_whole() -> None:
    watch = a_good_link()
    watch.raise_alarm("an execDetails message could not be read", 101.0)
    assert "execDetails" in watch.reason(101.0)
    assert watch.wants_sync
    watch.synced(102.0)
    assert watch.reason(102.0) == ""


def test_a_new_connection_knows_nothing_of_the_old_one() -> None:
    watch = a_good_link()
    watch.disconnected(101.0, "not connected: dropped")
    assert watch.reason(101.0) == "not connected: dropped"
    watch.connecting(102.0)
    watch.connected(102.0)
    assert watch.connection_no == 2
    assert watch.reason(102.0)
    watch.synced(102.0)
    assert "heartbeat" in watch.reason(102.0)
