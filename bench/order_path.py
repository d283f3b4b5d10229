"""The order path on a ledger of 100,000 events, against its floor, all measured in one run and interleaved.

    python bench/order_path.py [--events 100000] [--samples 2000] [--dir DIR]

Floor: a preallocated pwrite of one page and fdatasync in the same folder. Transaction: `commit_sending` with
lease, halt and limits checked, reservation and promise written. Path: the same, then 400 bytes on a loopback
socket. Goals: transaction p50 ≤ 3 × floor p50; path p50 ≤ 3 × floor p50 + 0.3 ms.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hydra.domain.events import (
    Algo,
    ChildAcknowledged,
    ChildCommissioned,
    ChildFilled,
    ChildPriced,
    ChildSending,
    ParentClosed,
    ParentOpened,
    SessionPlanned,
)
from hydra.domain.ids import order_ref, parent_id
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import WAL_RESERVE_BYTES, open_ledger
from hydra.ports import Lease, RecordedSending
from hydra.risk.view import ControlState, Denied

SYMBOLS = ("ZO", "HE", "LE", "GF", "ZR", "OJ")
CHILDREN = 6
FRAME = bytes(400)
PAGE = bytes(4096)


class Market:
    """Market time that only this script moves, and the ids it gave out."""

    def __init__(self) -> None:
        self.at = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
        self.parents = 0
        self.orders = 0
        self.fills = 0

    def now(self) -> datetime:
        return self.at

    def next_parent(self, ledger: SqlLedger) -> ParentOrder:
        """A newly opened parent; a session per six symbols, at most three parents each."""
        day, of_day = divmod(self.parents, len(SYMBOLS) * 3)
        n, symbol_no = divmod(of_day, len(SYMBOLS))
        self.parents += 1
        self.at = max(self.at, datetime(2024, 1, 2, 14, 30, tzinfo=UTC) + timedelta(days=day))
        name = parent_id(date(2024, 1, 2) + timedelta(days=day), SYMBOLS[symbol_no], n + 1)
        opened = ledger.append(
            name, 0, _opening(name, date(2024, 1, 2) + timedelta(days=day), 100 + symbol_no)
        )
        assert isinstance(opened, ParentOrder), opened
        return opened

    def promise(self, parent: ParentOrder, lease: Lease) -> list[ChildPriced | ChildSending]:
        assert parent.opened is not None
        self.orders += 1
        self.at += timedelta(seconds=7)
        ref = order_ref(parent.parent_id, len(parent.children) + 1)
        px = Decimal("350.25")
        priced = ChildPriced(ref, 1, "MID", px - 1, px + 1, px, Decimal("4.2"))
        sending = ChildSending(
            order_ref=ref,
            parent=parent.parent_id,
            con_id=parent.opened.con_id,
            side=parent.opened.side,
            qty=2,
            limit_px=px,
            good_till=self.at + timedelta(seconds=65),
            client_id=lease.client_id,
            ib_order_id=self.orders,
            lease_epoch=lease.epoch,
            verdict=f"{hash((ref, 'verdict')) & (2**64 - 1):016x}",
            champion_id="ewma-1",
            config_hash="0123456789abcdef",
            build_id=lease.build_id,
            approver="gate",
        )
        return [priced, sending]

    def end_of_child(self, ledger: SqlLedger, parent: ParentOrder) -> ParentOrder:
        """The child acknowledged, filled and charged, and the parent closed after its last one."""
        child = parent.children[-1].sending
        self.fills += 1
        root = f"0000e0d5.{self.fills:08x}.01"
        closing = [ParentClosed(parent.parent_id, "FILLED", "")] if len(parent.children) == CHILDREN else []
        moved = ledger.append(
            parent.parent_id,
            parent.seq,
            [
                ChildAcknowledged(child.order_ref, 900_000_000 + self.fills),
                ChildFilled(
                    *(child.order_ref, f"{root}.01", root, 1, child.con_id, child.side, child.qty),
                    *(child.limit_px, self.at),
                ),
                ChildCommissioned(child.order_ref, f"{root}.01", root, Decimal("2.84")),
                *closing,
            ],
        )
        assert isinstance(moved, ParentOrder), moved
        return moved


def _opening(name: str, on: date, con_id: int) -> list[SessionPlanned | ParentOpened]:
    qty = 2 * CHILDREN
    plan = SessionPlanned(
        *(name, on, name.split("-")[1], con_id, qty, 0, Decimal("1000000"), "ab" * 32, "ewma-1"),
        *("0123456789abcdef", "session"),
    )
    start = datetime(on.year, on.month, on.day, 14, 30, tzinfo=UTC)
    opened = ParentOpened(
        *(name, con_id, Side.BUY, qty, Algo.LADDER, start, start + timedelta(minutes=40), ()),
        *(Decimal("350.25"), Decimal("1.5"), 400, Decimal("0.018"), Decimal("0.25"), Decimal("50")),
    )
    return [plan, opened]


def _allow(control: ControlState) -> Denied | None:
    return None if control.exposure.hi < 10**9 else Denied(("POSITION",))


def _commit(ledger: SqlLedger, lease: Lease, parent: ParentOrder, promise: list[object]) -> None:
    recorded = ledger.commit_sending(lease, parent.seq, promise, _allow)  # type: ignore[arg-type]
    assert isinstance(recorded, RecordedSending), recorded


def _grow(ledger: SqlLedger, market: Market, lease: Lease, events: int) -> None:
    """Fills the ledger through its own methods, without waiting for the disk."""
    ledger.database.execute("PRAGMA synchronous=OFF")
    written = 0
    while written < events:
        parent = market.next_parent(ledger)
        for _ in range(CHILDREN):
            _commit(ledger, lease, parent, market.promise(parent, lease))
            parent = ledger.load(parent.parent_id) or parent
            parent = market.end_of_child(ledger, parent)
        written += parent.seq
    ledger.database.execute("PRAGMA synchronous=FULL")


class Floor:
    """The cheapest durable write there is: one page of an allocated file."""

    def __init__(self, path: Path) -> None:
        self.pages = 1024
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        os.write(self.descriptor, PAGE * self.pages)
        os.fsync(self.descriptor)
        self.written = 0

    def write(self) -> None:
        self.written += 1
        os.pwrite(self.descriptor, PAGE, (self.written % self.pages) * len(PAGE))
        os.fdatasync(self.descriptor)


def _loopback() -> socket.socket:
    """A connected TCP socket whose other end reads and forgets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def drain() -> None:
        with far:
            while far.recv(65536):
                pass

    threading.Thread(target=drain, daemon=True).start()
    return near


def _measure(
    ledger: SqlLedger, market: Market, lease: Lease, folder: Path, samples: int
) -> dict[str, list[float]]:
    floor, wire = Floor(folder / "floor"), _loopback()
    times: dict[str, list[float]] = {"floor": [], "transaction": [], "path": []}
    parent = market.next_parent(ledger)
    for no in range(samples * 2):
        if len(parent.children) == CHILDREN:
            parent = market.next_parent(ledger)
            ledger.renew(lease)
        promise = market.promise(parent, lease)
        begun = time.perf_counter()
        floor.write()
        floored = time.perf_counter()
        _commit(ledger, lease, parent, promise)  # type: ignore[arg-type]
        if no % 2:
            wire.sendall(FRAME)
        done = time.perf_counter()
        times["floor"].append(floored - begun)
        times["path" if no % 2 else "transaction"].append(done - floored)
        parent = market.end_of_child(ledger, ledger.load(parent.parent_id) or parent)
    return times


def _quantile_us(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument(
        "--dir", type=Path, default=None, help="where to measure; default the temporary folder"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder, market = Path(name), Market()
        ledger = open_ledger(
            folder / "ledger.db", now=market.now, wall_s=time.monotonic, wal_reserve_bytes=WAL_RESERVE_BYTES
        )
        lease = ledger.acquire(1, "bench/0/0", "bench")
        assert isinstance(lease, Lease)
        _grow(ledger, market, lease, args.events)
        ledger.close()  # the last connection's end moves the WAL into the file, as between two sessions
        ledger = open_ledger(
            folder / "ledger.db", now=market.now, wall_s=time.monotonic, wal_reserve_bytes=WAL_RESERVE_BYTES
        )
        again = ledger.acquire(1, "bench/0/0", "bench")
        assert isinstance(again, Lease)
        times = _measure(ledger, market, replace(again), folder, args.samples)
        ledger.close()
    return _report(times, args.events, as_json=args.json)


def _report(times: dict[str, list[float]], events: int, *, as_json: bool) -> int:
    figures = {
        name: {"p50_us": round(_quantile_us(values, 0.5), 1), "p99_us": round(_quantile_us(values, 0.99), 1)}
        for name, values in times.items()
    }
    floor = figures["floor"]["p50_us"]
    ratio = figures["transaction"]["p50_us"] / floor
    over_us = figures["path"]["p50_us"] - 3 * floor
    if as_json:
        print(
            json.dumps(
                {"events": events, **figures, "ratio_p50": round(ratio, 2), "path_over_3x_us": over_us}
            )
        )
    else:
        for name, figure in figures.items():
            p50, p99 = figure["p50_us"], figure["p99_us"]
            print(f"{name:12} p50 {p50:8.1f} µs  p99 {p99:8.1f} µs  {p50 / floor:5.2f} × floor")
        print(f"on a ledger of {events:,} events: transaction {ratio:.2f} × fdatasync (goal ≤ 3);")
        print(f"with bytes on the socket: 3 × fdatasync {over_us:+.0f} µs (goal ≤ +300 µs)")
    return 0 if ratio <= 3 and over_us <= 300 else 1


if __name__ == "__main__":
    sys.exit(main())
