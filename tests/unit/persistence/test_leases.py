"""Leases between real processes: who is dead, who is stuck, who must be left alone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hydra.persistence.seat import Holder, holder_of, signed, take_seat, this_holder, this_host
from hydra.ports import Conflict, Lease
from tests.contract.ledger_facts import Hands, opened_ledger

HOLD = """
import sys
from pathlib import Path
from hydra.persistence.seat import this_holder
from tests.contract.ledger_facts import Hands, opened_ledger
ledger = opened_ledger(Path(sys.argv[1]), Hands())
lease = ledger.acquire(1, sys.argv[2] if len(sys.argv) > 2 else this_holder(), "build")
print(lease.holder, flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(place: Path, *holder: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lease of client 1 and renews it never."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place), *holder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": "."},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def acquired(place: Path, hands: Hands) -> Lease | Conflict:
    ledger = opened_ledger(place, hands)
    try:
        return ledger.acquire(1, this_holder(), "build")
    finally:
        ledger.close()


@pytest.mark.process
def test_a_living_holder_that_renewed_is_left_alone(tmp_path: Path) -> None:
    with holding(tmp_path / "ledger.db") as other:
        hands = Hands()
        hands.wall += 9.9
        refused = acquired(tmp_path / "ledger.db", hands)
        assert isinstance(refused, Conflict)
        assert f"/{other.pid}/" in refused.reason
        assert "\n" not in refused.reason
        assert other.poll() is None


@pytest.mark.process
def test_a_holder_that_stopped_renewing_is_ended_and_replaced(tmp_path: Path) -> None:
    """It is stopped, not dead: it could wake up and send; so it is ended before the epoch rises."""
    with holding(tmp_path / "ledger.db") as other:
        other.send_signal(signal.SIGSTOP)
        hands = Hands()
        hands.wall += 10
        lease = acquired(tmp_path / "ledger.db", hands)
        assert isinstance(lease, Lease)
        assert lease.epoch == 2
        assert other.wait(timeout=5) == -signal.SIGKILL


@pytest.mark.process
def test_a_dead_holder_is_replaced_at_once(tmp_path: Path) -> None:
    with holding(tmp_path / "ledger.db") as other:
        other.kill()
        other.wait()
        lease = acquired(tmp_path / "ledger.db", Hands())
    assert isinstance(lease, Lease)
    assert lease.epoch == 2


@pytest.mark.process
@pytest.mark.parametrize("named", ["otherhost/{pid}/{started}", "{host}/{bystander}/1", "unreadable"])
def test_a_process_that_the_lease_does_not_name_is_never_ended(tmp_path: Path, named: str) -> None:
    """The lock is held, silently, by somebody; the row names another host, or a pid that is used again."""
    me = holder_of(this_holder())
    assert me is not None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as bystander:
        text = named.format(host=me.host, pid=me.pid, started=me.started, bystander=bystander.pid)
        with holding(tmp_path / "ledger.db", text) as other:
            hands = Hands()
            hands.wall += 3600
            assert isinstance(acquired(tmp_path / "ledger.db", hands), Conflict)
            assert other.poll() is None
        assert bystander.poll() is None
        bystander.kill()


def test_a_process_never_ends_itself(tmp_path: Path) -> None:
    hands = Hands()
    first = opened_ledger(tmp_path / "ledger.db", hands)
    assert isinstance(first.acquire(1, this_holder(), "build"), Lease)
    hands.wall += 3600
    refused = acquired(tmp_path / "ledger.db", hands)
    assert isinstance(refused, Conflict)
    assert "this very process" in refused.reason
    first.close()


def test_a_closed_ledger_leaves_its_lease_to_the_next_as_death_would(tmp_path: Path) -> None:
    hands = Hands()
    first = opened_ledger(tmp_path / "ledger.db", hands)
    assert isinstance(first.acquire(1, this_holder(), "build"), Lease)
    first.close()
    assert isinstance(acquired(tmp_path / "ledger.db", hands), Lease)


def test_a_holder_names_a_process_beyond_doubt() -> None:
    me = holder_of(this_holder())
    assert me is not None
    assert (me.host, me.pid) == (socket.gethostname(), os.getpid())
    assert this_host().runs(me)
    assert not this_host().runs(Holder(me.host, me.pid, "1")), "a pid used again by a later process"
    assert not this_host().runs(Holder("otherhost", me.pid, me.started))
    assert holder_of("no holder at all") is None


def test_a_zombie_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        assert stat[0] == "Z"
        assert not this_host().runs(Holder(socket.gethostname(), child.pid, stat[19]))


# --- the seat: what a kill takes without a ledger ----------------------------------------------------------


def test_a_kill_ends_the_process_that_the_lock_names_and_has_its_seat(tmp_path: Path) -> None:
    holder = _process_with_seat(tmp_path)
    seat = take_seat(tmp_path, 1)
    assert not isinstance(seat, str)
    holder.communicate(timeout=5)
    assert holder.returncode == -signal.SIGKILL
    assert str(signed(tmp_path, 1)) == this_holder()
    seat.close()


@pytest.mark.parametrize("lie", ["", "elsewhere/1/1", "{host}/{pid}/1"])
def test_a_process_that_the_lock_does_not_prove_is_never_ended(tmp_path: Path, lie: str) -> None:
    """No name, another host's, or this process under another start time: a reused pid."""
    holder = _process_with_seat(tmp_path)
    text = lie.format(host=this_host().name, pid=holder.pid)
    (tmp_path / "client-1.lock").write_text(text)
    try:
        assert isinstance(take_seat(tmp_path, 1), str)
        assert holder.poll() is None
    finally:
        holder.kill()
        holder.communicate()


def _process_with_seat(folder: Path) -> "subprocess.Popen[str]":
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from hydra.persistence.seat import take_seat\n"
        "seat = take_seat(Path(sys.argv[1]), 1)\n"
        "print('seated', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "seated\n"
    return holder
