"""What befalls the ledger's files while no process holds them: a flipped bit, a lost tail, an older copy."""

from pathlib import Path
from random import Random

from hydra.domain.errors import HydraError
from hydra.persistence.open import open_ledger
from hydra.simulation.disk import Row
from hydra.simulation.facts import LedgerFacts
from hydra.simulation.faults import Fault
from hydra.simulation.world import World

_FRAME_BYTES = 4096 + 24
_WAL_HEADER_BYTES = 32
Files = dict[str, bytes]


def damage(world: World, fault: Fault) -> bool:
    """Kill every process, put other bytes where the ledger was, and tell the oracle what is lost."""
    kept = read_files(world.ledger_path)
    rng = Random(f"damage/{world.scenario.seed}/{fault.at_s}")
    if fault.kind == "db_bit_flip":
        files = _flipped(kept, rng)
    elif fault.kind == "db_wal_cut":
        files = _cut(kept, rng)
    else:
        files = world.backups.get(fault.at_s) or _cut(kept, rng)
    for process in list(world.processes):
        world.kill(process)
    write_files(world.ledger_path, files)
    _notice_loss(world)
    write_files(world.ledger_path, files)
    return True


def read_files(path: Path) -> Files:
    """The ledger's file and its log, as they are on the disk."""
    return {
        name: Path(f"{path}{name}").read_bytes() for name in ("", "-wal") if Path(f"{path}{name}").exists()
    }


def write_files(path: Path, files: Files) -> None:
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    for name, content in files.items():
        Path(f"{path}{name}").write_bytes(content)


def _flipped(files: Files, rng: Random) -> Files:
    name = "-wal" if files.get("-wal") and rng.random() < 0.7 else ""
    content = bytearray(files[name])
    at = rng.randrange(len(content))
    content[at] ^= 1 << rng.randrange(8)
    return {**files, name: bytes(content)}


def _cut(files: Files, rng: Random) -> Files:
    wal = files.get("-wal", b"")
    frames = max((len(wal) - _WAL_HEADER_BYTES) // _FRAME_BYTES, 0)
    keep = rng.randrange(frames + 1)
    inside = rng.choice((0, 0, rng.randrange(_FRAME_BYTES)))
    return {**files, "-wal": wal[: _WAL_HEADER_BYTES + keep * _FRAME_BYTES + inside]}


def keep_backup(world: World, fault: Fault) -> None:
    """What yesterday's backup would hold."""
    world.backups[fault.at_s] = read_files(world.ledger_path)


def _notice_loss(world: World) -> None:
    """Tell the oracle which committed rows are no longer there; with a file nobody can read, all of them."""
    oracle, now_s = world.oracle, world.loop.time()
    there = _readable(world)
    oracle.lost_rows = [row for row in world.committed_rows if _key(row) not in there]
    left = (row for row in world.committed_rows if _key(row) in there)
    oracle.ledger = LedgerFacts.after_loss(oracle.ledger, left, now_s)


def _readable(world: World) -> set[tuple[object, ...]]:
    try:
        ledger = open_ledger(
            world.ledger_path, now=world.clock.now, wall_s=world.clock.wall_s, read_only=True
        )
    except (HydraError, ValueError):
        return set()
    try:
        return {(row["stream"], row["seq"], row["recorded_at"]) for row in ledger.export()}
    except (HydraError, ValueError):
        return set()
    finally:
        ledger.close()


def _key(row: Row) -> tuple[object, ...]:
    return (row.stream, row.seq, row.recorded_at)
