"""In a maintenance window, with nothing open, the log file is folded into the ledger, once."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hydra.usecases import supervise
from tests.contract.ledger_facts import Desk, Hands, opened_ledger


class Clock(Hands):
    """Each sleep is a turn of the loop; the last one ends it."""

    turns = 0

    async def sleep_wall(self, seconds: float) -> None:
        self.turns += 1
        if self.turns > 3:
            raise asyncio.CancelledError
        self.pass_s(seconds)


def _maintained(ledger: Any, begins: timedelta, live: int = 0) -> list[bool]:
    """What the supervision of a desk does in three looks; a window of an hour begins so long from now."""
    clock, told = Clock(), list[bool]()
    window = clock.now() + begins

    def following(now: datetime) -> datetime | None:
        return window if now < window + timedelta(hours=1) else None

    desk: Any = SimpleNamespace(
        ledger=ledger,
        clock=clock,
        next_maintenance=following,
        live_children=lambda: [None] * live,
        log=lambda event, **fields: told.append(fields["done"]),
    )
    try:
        asyncio.run(supervise._maintain(desk))
    except asyncio.CancelledError:
        pass
    return told


def _log_bytes(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def test_it_is_done_once_in_the_window_and_only_there(tmp_path: Path) -> None:
    path, hands = tmp_path / "ledger.sqlite3", Hands()
    ledger = opened_ledger(path, hands, folder=tmp_path)
    Desk(ledger, hands).opened()
    assert _log_bytes(path) > 0
    assert _maintained(ledger, timedelta(minutes=10)) == []
    assert _maintained(ledger, timedelta(minutes=-10), live=1) == []
    assert _log_bytes(path) > 0
    assert _maintained(ledger, timedelta(minutes=-10)) == [True]
    assert _log_bytes(path) == 0
    ledger.close()


def test_beside_another_process_it_waits_for_its_own_moment(tmp_path: Path) -> None:
    path, hands = tmp_path / "ledger.sqlite3", Hands()
    ledger = opened_ledger(path, hands, folder=tmp_path)
    Desk(ledger, hands).opened()
    other = opened_ledger(path, hands, folder=tmp_path)
    assert _maintained(ledger, timedelta(minutes=-10)) == [False] * 3
    other.close()
    assert _maintained(ledger, timedelta(minutes=-10)) == [True]
    ledger.close()
