"""What the flows beside the session ask of the engine: data, rolls, the paper gate, the emergency stop.

Each runs on the `ib` loop and hands back plain values only.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hydra.domain.contract import Contract
from hydra.domain.errors import HydraError
from hydra.domain.latch import EVERYTHING, Latched
from hydra.usecases.bars import HistoryPace
from hydra.usecases.evidence import count_paper_session, judge_paper_gate
from hydra.usecases.flatten import EXIT_PACE, flatten
from hydra.usecases.halt import halt
from hydra.usecases.latch import set_latch
from hydra.usecases.market_data import Updated, update_bars
from hydra.usecases.roll import Rolled, begun_rolls, due_rolls, roll_symbol
from hydra.usecases.session import reconcile_books, snapshot_account, today_of
from hydra.usecases.withdraw import await_rivals, withdraw_children
from hydra.worker.bench import Bench

_PACE = HistoryPace()
CANCEL_PATIENCE_WALL_S = 20.0


async def bars(bench: Bench, symbols: Sequence[str], days: int) -> list[dict[str, Any]]:
    """The missing bars of the traded expiries into the store, one row a series; any role can do it."""
    from hydra.persistence.bars import ParquetBarStore  # Parquet is no weight of an idle worker

    held = bench.held
    assert held.bars_dir is not None
    found, rows = [], []
    for symbol in symbols:
        answer = await held.broker.qualify(symbol)
        if isinstance(answer, Contract):
            found.append(answer)
        else:
            rows.append(
                {"series": symbol, "added": 0, "missing": "–", "findings": "–", "problem": str(answer)}
            )
    store = ParquetBarStore(held.bars_dir)
    updated = await update_bars(held.broker, store, held.clock, found, today_of(held), days, _PACE)
    return [*map(_bar_row, updated), *rows]


def _bar_row(one: Updated) -> dict[str, Any]:
    findings = [found for found in one.fetched.findings if found.on not in one.holidays]
    return {
        "series": one.fetched.series,
        "added": one.fetched.added,
        "missing": ", ".join(day.isoformat() for day in one.missing),
        "findings": "; ".join(f"{found.problem} {found.on}" for found in findings[:5]),
        "problem": one.fetched.problem or "",
    }


async def rolls_due(bench: Bench) -> dict[str, Any]:
    """Symbols to roll, each with why; first both books are compared, as before any order."""
    await reconcile_books(bench.desk)
    await snapshot_account(bench.desk, today_of(bench.desk))
    due, unknown = await due_rolls(bench.desk)
    told = {one.symbol: f"{one.lots:+d} lots, last trade on {one.last_trade_on}" for one in due}
    begun = dict.fromkeys(begun_rolls(bench.desk), "begun before, not at its end")
    return {"symbols": {**told, **begun}, "problems": [f"{one.symbol}: {one.problem}" for one in unknown]}


async def roll(bench: Bench, symbol: str, by: str) -> dict[str, Any]:
    """One symbol rolled, or as far as it came and why."""
    done: Rolled = await roll_symbol(bench.desk, symbol, by)
    return {"symbol": symbol, "closed": done.closed, "opened": done.opened, "problem": done.problem}


async def count_evidence(bench: Bench) -> None:
    """On a paper account: what this session showed, for the paper gate."""
    if bench.desk.broker.account.startswith("DU"):
        count_paper_session(bench.desk, bench.session.request.session_on)


async def paper_verdict(bench: Bench, by: str) -> dict[str, Any]:
    """The paper gate's verdict, on record."""
    judged = judge_paper_gate(bench.desk, by)
    return {
        "account": judged.account,
        "passed": judged.is_passed,
        "sessions": judged.sessions,
        "reasons": list(judged.reasons),
        "evidence": [
            {
                "session": one.session_on.isoformat(),
                "orders": one.orders,
                "executions": one.executions,
                "connections": one.connections,
                "in_doubt": one.in_doubt,
                "findings": one.findings,
                "unequal": one.unequal_positions,
                "build": one.build_id,
            }
            for one in bench.desk.ledger.paper_sessions()
        ],
    }


async def stop_everything(bench: Bench, by: str, reason: str) -> str:
    """HALTED for ALL in the ledger; where that cannot be written, the latch file. Empty, or what failed."""
    desk = bench.desk
    told = Latched(EVERYTHING, by, reason, desk.clock.now())
    try:
        halt(desk, EVERYTHING, told.told, by)
    except HydraError as problem:
        if desk.latch_path is None:
            raise
        set_latch(desk.latch_path, told)
        return f"latched on this machine only: {problem}"
    return ""


async def cancel_everything(bench: Bench, reason: str) -> dict[str, list[str]]:
    """Every working child cancelled, other shards' by their obeying; which are not proven gone yet."""
    desk = bench.desk
    asked, unproven = await withdraw_children(desk, list(desk.parents), reason, CANCEL_PATIENCE_WALL_S)
    gone, left = await await_rivals(desk, CANCEL_PATIENCE_WALL_S if desk.duty.shards else 0.0)
    return {"cancelled": [*asked, *gone], "unproven": [*unproven, *left]}


async def flatten_everything(bench: Bench, by: str, reason: str) -> list[str]:
    """Every position worked to zero in REDUCING at the exit's pace; what is left, each with its reason."""
    desk = bench.desk
    pace = desk.policy
    # nothing else is worked meanwhile: everything is halted or reducing
    desk.policy = replace(pace, **dict(EXIT_PACE))  # type: ignore[arg-type]
    try:
        left = await flatten(desk, EVERYTHING, by=by, reason=reason, for_all_shards=True)
        return [str(one) for one in left]
    finally:
        desk.policy = pace
