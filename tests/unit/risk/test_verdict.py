"""Permission to send comes from the gate and from nowhere else, and holds for one child only."""

import copy
import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hydra.domain.events import TradingState
from hydra.domain.exposure import Exposure
from hydra.domain.quantity import Side
from hydra.risk import gate
from hydra.risk.gate import Verdict, recheck
from hydra.risk.limits import MessageLimit
from hydra.risk.reasons import Reason
from hydra.risk.view import BreakerStatus, MessageCounts
from tests.unit.risk.builders import (
    HE,
    NOW,
    ROOMY,
    D,
    codes,
    control,
    limits,
    sending,
    verdict,
    view,
)


def _values() -> dict[str, Any]:
    return {one.name: getattr(verdict(), one.name) for one in fields(Verdict)}


def test_a_verdict_cannot_be_constructed_outside_the_gate() -> None:
    with pytest.raises(TypeError):
        Verdict(**_values())
    for guess in (object(), None, True, verdict()):
        with pytest.raises(TypeError):
            Verdict(**_values(), mint=guess)


def test_a_verdict_cannot_be_changed_copied_or_stored() -> None:
    given = verdict()
    with pytest.raises((TypeError, ValueError)):
        replace(given, qty=200)
    with pytest.raises(TypeError):
        replace(given, qty=200, mint=object())
    with pytest.raises(FrozenInstanceError):
        given.qty = 200  # type: ignore[misc]
    for take in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            take(given)


def test_nothing_else_mentions_what_mints_a_verdict() -> None:
    """Python keeps no secrets from a determined caller; the sources do."""
    root = Path(gate.__file__).parents[2]
    forged = re.compile(r"\b_MINT\b|__new__\(\s*Verdict\b|\bVerdict\.__new__|\bVerdict\(")
    sources = [path for part in ("hydra", "flows", "tasks") for path in (root / part).rglob("*.py")]
    found = {path.name for path in sources if forged.search(path.read_text(encoding="utf-8"))}
    assert found == {"gate.py"}


def test_a_verdict_has_no_subclasses() -> None:
    with pytest.raises(TypeError):
        type("Forged", (Verdict,), {})


def test_the_same_child_at_the_same_instant_has_the_same_verdict_id() -> None:
    assert verdict() == verdict()
    later = view(now=NOW + timedelta(seconds=1))
    assert verdict(seen=later).verdict_id != verdict().verdict_id


def test_a_verdict_covers_exactly_the_sending_it_was_given_for() -> None:
    assert verdict().covers(sending()) == ()
    for name, other in {
        "verdict": "H-20260821-ZO-1-C01@2026-08-21T14:59:00+00:00",
        "order_ref": "H-20260821-ZO-1-C02",
        "con_id": HE,
        "side": Side.SELL,
        "qty": 3,
        "limit_px": D("380.25"),
        "good_till": NOW + timedelta(minutes=2),
    }.items():
        differences = verdict().covers(replace(sending(), **{name: other}))
        assert len(differences) == 1
        assert differences[0].startswith(f"{name}: ")
    everything = replace(sending(), qty=3, con_id=HE, side=Side.SELL)
    assert len(verdict().covers(everything)) == 3


TIGHT = MessageLimit(reject=4, halt=8, cancel_reserve=2)


@pytest.mark.parametrize(
    ("changed", "held", "code"),
    [
        ({"trading_state": TradingState.HALTED}, ROOMY, Reason.TRADING_HALTED),
        ({"trading_state": TradingState.REDUCING}, ROOMY, Reason.REDUCE_ONLY),
        ({"exposure": Exposure(0, 9)}, limits(position_lots=10), Reason.POSITION_LOTS),
        ({"exposure": Exposure(-11, 0)}, limits(position_lots=10), Reason.POSITION_LOTS),
        ({"exposure": Exposure(0, 1)}, limits(position_fraction=D("0.05")), Reason.POSITION_FRACTION),
        ({"exposure": Exposure(0, 1)}, limits(account={"gross_fraction": D("0.05")}), Reason.GROSS_EXPOSURE),
        ({"exposure": Exposure(0, 1)}, limits(account={"net_fraction": D("0.05")}), Reason.NET_EXPOSURE),
        ({"exposures": {HE: Exposure(0, 1)}}, ROOMY, Reason.EXPOSURE_UNPRICED),
        (
            {"sent_usd_session": D(70_000)},
            limits(account={"gross_sent_fraction": D("0.1")}),
            Reason.GROSS_SENT,
        ),
        ({"has_doubt": True}, ROOMY, Reason.IN_DOUBT),
        (
            {"breakers": {"trade_loss": BreakerStatus("TRIGGERED", 0, "2026-08-21")}},
            ROOMY,
            Reason.BREAKER_OPEN,
        ),
        ({"equity_open_usd": D(3_000_000)}, ROOMY, Reason.BREAKER_BREACHED),
        ({"entries_session": 101}, ROOMY, Reason.ENTRIES),
        (
            {"messages": MessageCounts(last_second=2)},
            limits(account={"messages_second": TIGHT}),
            Reason.MESSAGE_RATE,
        ),
        (
            {"messages": MessageCounts(session=8)},
            limits(account={"messages_session": TIGHT}),
            Reason.MESSAGE_HALT,
        ),
    ],
)
def test_what_changed_since_the_verdict_is_seen_in_the_transaction(
    changed: dict[str, Any], held: Any, code: Reason
) -> None:
    given = verdict(held=held)
    assert recheck(given, control(), view(), held) is None
    assert code in codes(recheck(given, control(**changed), view(), held))


def test_limits_withdrawn_since_the_verdict_deny_it() -> None:
    assert codes(recheck(verdict(), control(), view(), replace(ROOMY, instruments={}))) == {Reason.NO_LIMIT}


def test_a_verdict_is_not_rechecked_against_another_contract() -> None:
    seen = view()
    other = replace(seen, contract=replace(seen.contract, con_id=HE), quote=None, marks={HE: D(380)})
    assert codes(recheck(verdict(), control(), other, ROOMY)) == {Reason.CONTRACT_MISMATCH}
