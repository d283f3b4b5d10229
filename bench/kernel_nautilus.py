"""The bench's strategy in nautilus_trader, which fills a market order at the close it was sent on."""

from decimal import Decimal

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import PerContractFeeModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import FuturesContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
DAY_NS = 86_400 * 10**9


class CrossConfig(StrategyConfig, frozen=True):
    fast: float
    slow: float
    scale: float


class Cross(Strategy):
    """The same rule, a bar at a time."""

    def __init__(self, config: CrossConfig, data: dict, contract: FuturesContract, bar_type: BarType) -> None:
        super().__init__(config)
        self.sigma, self.unit = data["sigma"], float(data["unit_usd"]) / float(data["point"])
        self.contract, self.bar_type = contract, bar_type
        self.averages, self.at, self.held = None, 0, 0

    def on_start(self) -> None:
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Bar) -> None:
        close = float(bar.close)
        a, b = 2 / (self.config.fast + 1), 2 / (self.config.slow + 1)
        fast, slow = self.averages or (close, close)
        fast, slow = (1 - a) * fast + a * close, (1 - b) * slow + b * close
        self.averages = (fast, slow)
        sigma = self.sigma[self.at]
        self.at += 1
        forecast = max(-2.0, min(2.0, (fast - slow) / sigma / self.config.scale))
        target = int(forecast * (self.unit / sigma))
        # what the last close says would be filled after the last bar: the other engines never fill it
        if target != self.held and self.at < self.sigma.size:
            side = OrderSide.BUY if target > self.held else OrderSide.SELL
            order = self.order_factory.market(
                self.contract.id, side, Quantity.from_int(abs(target - self.held))
            )
            self.held = target
            self.submit_order(order)


def final_pnl(data: dict, params: tuple[float, float, float]) -> float:
    """Final dollars of one candidate; marked at the last close."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(1_000_000_000, USD)],
        fee_model=PerContractFeeModel(Money(float(data["cost_usd"]), USD)),
        bar_execution=True,
    )
    contract = _contract(float(data["point"]))
    engine.add_instrument(contract)
    bar_type = BarType.from_str(f"{contract.id}-1-DAY-LAST-EXTERNAL")
    engine.add_data(_bars(data, bar_type))
    fast, slow, scale = (float(one) for one in params)
    engine.add_strategy(Cross(CrossConfig(fast=fast, slow=slow, scale=scale), data, contract, bar_type))
    engine.run()
    total = float(engine.portfolio.account(VENUE).balance_total(USD)) - 1e9
    last = Price(float(data["close"][-1]), 2)
    for position in engine.cache.positions_open():
        total += float(position.unrealized_pnl(last))
    engine.dispose()
    return total


def _contract(point: float) -> FuturesContract:
    return FuturesContract(
        instrument_id=InstrumentId(Symbol("ZO"), VENUE),
        raw_symbol=Symbol("ZO"),
        asset_class=AssetClass.COMMODITY,
        currency=USD,
        price_precision=2,
        price_increment=Price(0.25, 2),
        multiplier=Quantity.from_str(str(Decimal(str(point)).normalize().to_integral_value())),
        lot_size=Quantity.from_int(1),
        underlying="ZO",
        activation_ns=0,
        expiration_ns=pd.Timestamp("2100-01-01").value,
        ts_event=0,
        ts_init=0,
    )


def _bars(data: dict, bar_type: BarType) -> list[Bar]:
    start = pd.Timestamp("2010-01-01").value
    bars = []
    for at, (opened, close) in enumerate(zip(data["open"], data["close"], strict=True)):
        stamp = int(start + at * DAY_NS)
        prices = [opened, np.maximum(opened, close), np.minimum(opened, close), close]
        bars.append(
            Bar(bar_type, *(Price(float(px), 2) for px in prices), Quantity.from_int(1_000_000), stamp, stamp)
        )
    return bars
