"""One strategy in another engine, under the peer's own Python: kernel_peers.py ENGINE DATA.npz OUT.npy.

EWMA crossover, volatility-targeted whole lots on fixed capital, an order of one close filled at the next open
(which is that close), a fixed cost per lot. Runs once per line on standard input: says the core seconds
it took, and writes final P&L per candidate.
"""

import sys
import time

import numpy as np


def _ewma(values: np.ndarray, span: float) -> np.ndarray:
    import pandas as pd

    return pd.Series(values).ewm(span=span, adjust=False).mean().to_numpy()


def vectorbt(data: dict) -> np.ndarray:
    import pandas as pd
    import vectorbt as vbt

    close = data["close"]
    spans = {span: _ewma(close, span) for span in np.unique(np.concatenate((data["fast"], data["slow"])))}
    gap = np.column_stack([spans[f] - spans[s] for f, s in zip(data["fast"], data["slow"], strict=True)])
    forecast = np.clip(gap / data["sigma"][:, None] / data["scale"], -2, 2)
    lots = np.trunc(forecast * (data["unit_usd"] / (data["sigma"] * data["point"]))[:, None])
    lots = np.vstack((np.zeros((1, lots.shape[1])), lots[:-1]))
    price = pd.Series(data["open"] * data["point"])
    book = vbt.Portfolio.from_orders(
        pd.Series(close * data["point"]),
        size=lots,
        size_type="targetamount",
        price=price,
        fees=(data["cost_usd"] / price.to_numpy())[:, None],
        init_cash=1e9,
        freq="1D",
    )
    return book.value().iloc[-1].to_numpy() - 1e9


def backtrader(data: dict) -> np.ndarray:
    import backtrader as bt
    import pandas as pd

    class Cross(bt.Strategy):
        params = (("fast", 8.0), ("slow", 32.0), ("scale", 1.0))

        def __init__(self) -> None:
            self.a, self.b = 2 / (self.p.fast + 1), 2 / (self.p.slow + 1)
            self.averages = None

        def next(self) -> None:
            close, at = self.data.close[0], len(self) - 1
            fast, slow = self.averages or (close, close)
            fast, slow = (1 - self.a) * fast + self.a * close, (1 - self.b) * slow + self.b * close
            self.averages = (fast, slow)
            sigma = SIGMA[at]
            forecast = max(-2.0, min(2.0, (fast - slow) / sigma / self.p.scale))
            self.order_target_size(target=int(forecast * (UNIT / (sigma * POINT))))

    SIGMA, UNIT, POINT = data["sigma"], float(data["unit_usd"]), float(data["point"])
    index = pd.date_range("2010-01-01", periods=data["close"].size, freq="D")
    frame = pd.DataFrame({"open": data["open"], "close": data["close"], "volume": 1e9}, index=index)
    frame["high"], frame["low"] = frame[["open", "close"]].max(axis=1), frame[["open", "close"]].min(axis=1)
    finals = []
    for fast, slow, scale in zip(data["fast"], data["slow"], data["scale"], strict=True):
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.broker.setcash(1e9)
        cerebro.broker.setcommission(
            commission=float(data["cost_usd"]),
            margin=1.0,
            mult=POINT,
            commtype=bt.CommInfoBase.COMM_FIXED,
            stocklike=False,
        )
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
        cerebro.addstrategy(Cross, fast=fast, slow=slow, scale=scale)
        cerebro.run()
        finals.append(cerebro.broker.getvalue() - 1e9)
    return np.array(finals)


def nautilus_trader(data: dict) -> np.ndarray:
    from kernel_nautilus import final_pnl

    return np.array(
        [final_pnl(data, one) for one in zip(data["fast"], data["slow"], data["scale"], strict=True)]
    )


ENGINES = {"vectorbt": vectorbt, "backtrader": backtrader, "nautilus_trader": nautilus_trader}


def main() -> None:
    engine, source, target = sys.argv[1:4]
    with np.load(source) as loaded:
        data = {key: loaded[key] for key in loaded.files}
    few = data | {key: data[key][:1] for key in ("fast", "slow", "scale")}
    ENGINES[engine](few)  # imports and compilation are not the engine's speed
    print("READY", flush=True)
    for _ in sys.stdin:
        began = time.process_time()
        final = ENGINES[engine](data)
        print(f"TOOK {time.process_time() - began}", flush=True)
        np.save(target, final)


if __name__ == "__main__":
    main()
