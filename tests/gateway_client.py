"""The real ib_async client over TCP, and the few things every scenario with it needs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from ib_async import IB, Contract, Future, LimitOrder, Ticker, Trade

from tests.gateway_process import GatewayProcess, running_gateway

WAIT_S = 40.0


@contextlib.asynccontextmanager
async def client(gateway: GatewayProcess, client_id: int = 1, **options: Any) -> AsyncIterator[IB]:
    ib = IB()
    ib.RaiseRequestErrors = True
    codes: list[tuple[int, int]] = []
    ib.errorEvent += lambda req_id, code, text, contract: codes.append((req_id, code))
    ib.codes = codes
    await ib.connectAsync(gateway.host, gateway.port, client_id, raiseSyncErrors=True, **options)
    try:
        yield ib
    finally:
        ib.disconnect()


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait for a condition, by looking again after every tenth of it; fails when it does not come true."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what or condition}"
        await asyncio.sleep(0.01)


async def front(ib: IB, symbol: str = "ZO", exchange: str = "CBOT") -> Contract:
    details = await ib.reqContractDetailsAsync(Future(symbol, exchange=exchange))
    contract = details[1].contract
    assert contract is not None
    return contract


async def quoted(ib: IB, contract: Contract) -> Ticker:
    ticker = ib.reqMktData(contract)
    await until(lambda: ticker.close == ticker.close and ticker.bid == ticker.bid, "a quote")
    return ticker


async def limits(ib: IB, contract: Contract) -> tuple[float, float]:
    """A price far below and one far above the market, on the grid and inside any daily limit."""
    ticker = await quoted(ib, contract)
    ib.cancelMktData(contract)
    return ticker.close - 15, ticker.close + 15


def play(state_dir: Path, scenario: Callable[[GatewayProcess], Awaitable[None]], **options: Any) -> None:
    """Run a scenario against a gateway of its own."""
    with running_gateway(state_dir, **options) as gateway:
        asyncio.run(_awaited(scenario(gateway)))


async def _awaited(scenario: Awaitable[None]) -> None:
    await scenario


async def resting(ib: IB, ref: str = "H-1") -> Trade:
    """A working order that nobody fills."""
    contract = await front(ib)
    low, _ = await limits(ib, contract)
    trade = ib.placeOrder(contract, LimitOrder("BUY", 1, low, tif="GTC", orderRef=ref))
    await until(lambda: trade.orderStatus.status == "Submitted")
    return trade


async def filling(ib: IB, ref: str = "H-1", qty: int = 1, side: str = "BUY") -> Trade:
    """An order that trades with whatever is there."""
    contract = await front(ib)
    low, high = await limits(ib, contract)
    return ib.placeOrder(
        contract, LimitOrder(side, qty, high if side == "BUY" else low, tif="GTC", orderRef=ref)
    )
