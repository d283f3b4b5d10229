"""Fault kind by child state: each cell has a world that leads to it, or a reason why none can."""

from hydra.domain.order import ChildState
from hydra.simulation.cells import (
    BEFORE,
    NEVER,
    STATES,
    UNREACHABLE,
    empty_cells,
    impossible_hits,
    is_reachable,
    led_faults,
    surprising,
    walks,
)
from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.scenario import faults_of

KINDS = tuple(sorted(FAULTS))


def test_every_state_of_a_child_is_a_column_or_has_a_reason_to_be_none() -> None:
    assert {*STATES, *NEVER} == {BEFORE, *(state.value for state in ChildState)}
    assert all(NEVER.values())


def test_every_cell_is_walked_to_or_has_a_reason() -> None:
    walked = {(kind, state) for kind, walk in walks(KINDS) for state in walk}
    assert walked == {(kind, state) for kind in KINDS for state in STATES if is_reachable(kind, state)}
    assert set(UNREACHABLE) <= set(FAULTS)
    assert all(set(cells) <= set(STATES) and all(cells.values()) for cells in UNREACHABLE.values())


def test_a_thousand_seeds_walk_through_the_whole_matrix() -> None:
    assert len(walks(KINDS)) <= 1000 * 2 / 5
    kinds = {fault.kind for seed in range(1000) if seed % 5 in (1, 3) for fault in faults_of(seed, KINDS)}
    assert kinds == set(KINDS)


def test_a_request_is_lost_only_after_the_rejection_that_the_same_world_waits_for() -> None:
    """Otherwise the second order meets both, and what the ledger does not book is never REJECTED."""
    both = [number for number, (_, walk) in enumerate(walks(KINDS)) if {"REJECTED", "LAPSED"} <= set(walk)]
    lost = [one for number in both for one in led_faults(number, KINDS, 600.0) if one.kind == "lose_request"]
    assert len(lost) == len(both) > 50
    assert {one.aim for one in lost} == {"REJECTED"}


def test_a_walk_draws_from_the_kinds_it_was_given_alone() -> None:
    drawn = [led_faults(number, ("bust", "fin"), 600.0) for number in range(40)]
    assert {fault.kind for faults in drawn for fault in faults} == {"bust", "fin"}


def test_empty_cells_and_impossible_hits_are_named() -> None:
    hits = {("lose_ack", "PENDING_NEW"): 2, ("lose_ack", "FILLED"): 1}
    assert empty_cells(hits, ["lose_ack"]) == ["lose_ack × PENDING_CANCEL"]
    assert impossible_hits(surprising(hits)) == ["lose_ack × FILLED"]
    assert surprising([("kill", "RESOLVED")]) == [("kill", "RESOLVED")]


def test_a_correction_before_any_order_is_a_surprise_unless_a_person_has_traded() -> None:
    early = ("correction", BEFORE)
    assert surprising([early]) == [early]
    assert surprising([("manual_trade", BEFORE), early, ("bust", BEFORE)]) == [("bust", BEFORE)]
