"""SIGKILL at any moment loses nothing that was acknowledged, and its lease is free at once."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hydra.persistence.seat import this_holder
from hydra.persistence.verify import verify
from hydra.ports import Lease
from tests.contract.ledger_facts import Hands, opened_ledger

WRITER = """
import sys, itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from hydra.persistence.seat import this_holder
from hydra.ports import Lease, RecordedSending
from tests.contract.ledger_facts import ON, Desk, Hands, opened_ledger

hands = Hands()
ledger = opened_ledger(Path(sys.argv[1]), hands, wal_reserve_bytes=1 << 20)
desk = Desk(ledger, hands, holder=this_holder(), last_id=ledger.largest_ib_order_id(1))
print("epoch", desk.lease.epoch, flush=True)
for day in itertools.count(int(sys.argv[2])):
    parent = desk.opened(on=ON + timedelta(days=day))
    for child in range(10):
        recorded = desk.send(parent, 1)
        assert isinstance(recorded, RecordedSending), recorded
        print(recorded.sending.order_ref, flush=True)
        parent = desk.fill(desk.reload(parent), 1, f"{day}-{child}.01")
        print(f"{day}-{child}", flush=True)
"""

KILLS = 8


@pytest.mark.process
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    place, chance = tmp_path / "ledger.db", random.Random(7)
    told: list[str] = []
    for kill in range(KILLS):
        epoch, lines = killed_writer(place, kill * 40, chance.randint(1, 60))
        assert epoch == kill + 1, "the dead holder's lease was free at once"
        told += lines
    ledger = opened_ledger(place, Hands())
    refs = {line for line in told if line.startswith("H-")}
    assert {ref for ref in refs if not ledger.knows_order_ref(ref)} == set()
    fills = {line for line in told if not line.startswith("H-")}
    assert fills - ledger.known_executions(Hands().at).keys() == set()
    assert sum(ledger.positions().values()) >= len(fills)
    assert verify(ledger.database, ledger.heads).findings == ()
    assert isinstance(ledger.acquire(1, this_holder(), "build"), Lease)
    ledger.close()
    assert len(refs) > KILLS


def killed_writer(place: Path, day: int, lines: int) -> tuple[int, list[str]]:
    """Starts a writer, reads so many of its acknowledgements, kills it, and returns all it ever said."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(place), str(day)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    ) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(lines + 1)]
        writer.send_signal(signal.SIGKILL)
        told += [
            line.strip() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")
        ]
    assert writer.returncode == -signal.SIGKILL
    return int(told[0].split()[1]), told[1:]
