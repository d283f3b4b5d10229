"""Two builds never both send: leases name the code, and a later one waits for the earlier to be gone."""

from hydra.persistence.seat import Holder, Host
from hydra.ports import Conflict, Lease, OtherBuild
from tests.contract.ledger_facts import Desk, Hands
from tests.contract.ledger_stores import Store

HERE = "here"
ALIVE = {7: "70", 8: "80"}


def _host(alive: dict[int, str]) -> Host:
    """A machine on which these processes run, by pid and start time; nothing on it can be ended."""
    return Host(HERE, 1, alive.get, lambda holder: False)


def _holder(pid: int) -> str:
    return str(Holder(HERE, pid, ALIVE.get(pid, "0")))


def test_another_id_with_another_build_is_refused_while_its_holder_lives(store: Store) -> None:
    hands = Hands()
    old = store.open(hands, host=_host(ALIVE))
    assert isinstance(old.acquire(11, _holder(7), "old"), Lease)
    new = store.open(hands, host=_host(ALIVE))
    refused = new.acquire(12, _holder(8), "new")
    assert isinstance(refused, OtherBuild)
    assert refused.reason == f"client id 11 is held by {_holder(7)} with build old, this is new"
    assert isinstance(new.acquire(12, _holder(8), "old"), Lease)


def test_a_dead_holder_of_another_build_is_buried_and_could_not_send_if_it_woke(store: Store) -> None:
    hands = Hands()
    old = Desk(store.open(hands, host=_host(ALIVE)), hands, holder=_holder(7))
    parent = old.opened()
    new = store.open(hands, host=_host({}))
    taken = new.acquire(12, _holder(8), "new")
    assert isinstance(taken, Lease)
    refused = old.send(parent, 1)
    assert isinstance(refused, Conflict)
    assert "released" in refused.reason


def test_a_released_lease_of_another_build_is_in_nobodys_way_and_a_death_is_told(store: Store) -> None:
    hands = Hands()
    first = store.open(hands, host=_host(ALIVE))
    lease = first.acquire(11, _holder(7), "old")
    assert isinstance(lease, Lease)
    first.release(lease)
    second = store.open(hands, host=_host(ALIVE)).acquire(11, _holder(8), "new")
    assert isinstance(second, Lease)
    assert second.died == ""
    first.close()
    third = store.open(hands, host=_host({}))
    again = third.acquire(12, "here/9/90", "newer")
    assert isinstance(again, Lease)
    assert again.died == ""


def test_the_next_holder_of_an_id_is_told_of_the_one_that_ended_without_a_word(store: Store) -> None:
    hands = Hands()
    first = store.open(hands, host=_host({}))
    assert isinstance(first.acquire(1, _holder(7), "b"), Lease)
    first.close()
    second = store.open(hands, host=_host({})).acquire(1, _holder(8), "b")
    assert isinstance(second, Lease)
    assert second.died == _holder(7)
