"""A process that holds the execution client id, as a worker does: seated, connected, orders working.

`python -m tests.session.killed PORT DATA_DIR COUNT`: prints one line when all its orders work, then waits.
"""

import asyncio
import sys
from pathlib import Path

from ib_async import IB, LimitOrder

from hydra.persistence.seat import take_seat
from tests.gateway_client import front, limits, until

SYMBOLS = (("ZO", "CBOT"), ("HE", "CME"))


async def hold(port: int, data_dir: Path, count: int) -> None:
    seat = take_seat(data_dir / "locks", 1)
    assert not isinstance(seat, str), seat
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, 1)
    trades = []
    for at, (symbol, exchange) in enumerate(SYMBOLS):
        contract = await front(ib, symbol, exchange)
        low, _ = await limits(ib, contract)
        for number in range(at, count, len(SYMBOLS)):
            ref = f"H-20261123-{symbol}-1-C{number + 1:02d}"
            order = LimitOrder("BUY", 1, low, tif="GTC", orderRef=ref)
            trades.append(ib.placeOrder(contract, order))
            await asyncio.sleep(0.03)
    await until(lambda: all(trade.orderStatus.status == "Submitted" for trade in trades), "all work")
    print("working", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
