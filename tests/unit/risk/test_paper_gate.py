"""The paper gate's rule at its bounds, and what mode live asks of the ledger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from hydra.bootstrap import LEDGER_FILE
from hydra.cli.invocation import Invocation
from hydra.clock import SystemClock
from hydra.domain.errors import UserError
from hydra.domain.events import PaperGateJudged, PaperSessionCounted
from hydra.persistence.open import open_ledger
from hydra.risk.paper_gate import EXECUTIONS_MIN, SESSIONS_MIN, why_not_live

CLEAN = PaperSessionCounted(date(2026, 10, 1), "build", 2, 4, 2, 1, 0, 0, 0)


def _sessions(count: int) -> list[PaperSessionCounted]:
    counted = [replace(CLEAN, session_on=CLEAN.session_on + timedelta(days=day)) for day in range(count)]
    return [*counted[:-1], replace(counted[-1], connections=2)]


def _codes(evidence: Sequence[PaperSessionCounted]) -> list[str]:
    return [reason.partition(":")[0] for reason in why_not_live(evidence)]


def test_twenty_clean_sessions_with_a_reconnect_pass_and_one_less_does_not() -> None:
    assert _codes(_sessions(SESSIONS_MIN)) == []
    assert _codes(_sessions(SESSIONS_MIN - 1)) == ["TOO_FEW_SESSIONS"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"in_doubt": 1}, "IN_DOUBT"),
        ({"findings": 1}, "UNEXPLAINED"),
        ({"unequal_positions": 1}, "UNEQUAL_POSITIONS"),
    ],
)
def test_one_fault_in_the_last_twenty_refuses_and_an_older_one_does_not(
    fault: dict[str, int], code: str
) -> None:
    evidence = _sessions(SESSIONS_MIN + 1)
    assert _codes([evidence[0], replace(evidence[1], **fault), *evidence[2:]]) == [code]
    assert _codes([replace(evidence[0], **fault), *evidence[1:]]) == []


def test_sessions_that_traded_too_little_or_never_lost_the_connection_refuse() -> None:
    few = [replace(one, executions=0) for one in _sessions(SESSIONS_MIN)]
    few[0] = replace(few[0], executions=EXECUTIONS_MIN - 1)
    assert _codes(few) == ["TOO_FEW_EXECUTIONS"]
    few[0] = replace(few[0], executions=EXECUTIONS_MIN)
    assert _codes(few) == []
    assert _codes([replace(one, connections=1) for one in few]) == ["NO_RECONNECT"]


@pytest.mark.parametrize(
    ("account", "reasons", "is_refused"),
    [
        ("DU1234567", (), False),
        ("DU1234567", ("IN_DOUBT: 1",), True),
        ("DUSIM001", (), True),
        (None, (), True),
    ],
)
def test_mode_live_asks_for_the_latest_verdict_over_a_real_paper_account(
    account: str | None,
    reasons: tuple[str, ...],
    is_refused: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SystemClock()
    ledger = open_ledger(tmp_path / LEDGER_FILE, now=clock.now, wall_s=clock.wall_s)
    if account is not None:
        passed = PaperGateJudged(account, SESSIONS_MIN, (), "build", "anna")
        ledger.record([passed, replace(passed, reasons=reasons)])
    ledger.close()
    monkeypatch.setenv("HYDRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HYDRA_TRADING_MODE", "live")
    monkeypatch.setenv("HYDRA_GATEWAY_ACCOUNT", "U1234567")
    asked = Invocation(live=True, confirmed_account="U1234567")
    if not is_refused:
        assert asked.trading_settings().trading.mode == "live"
        return
    with pytest.raises(UserError, match="HY-112"):
        asked.trading_settings()
