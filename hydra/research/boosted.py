"""Boosted trees (LightGBM) as a family: its artefact is the model's own text."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hydra.research import features
from hydra.research.family import Bars, register
from hydra.research.filters import Floats, deviation_before, ewma
from hydra.research.walk_forward import Ints

FEATURES = (
    "trend_2",
    "trend_4",
    "trend_8",
    "trend_16",
    "trend_32",
    "breakout_20",
    "breakout_80",
    "reversion_5",
    "volatility",
)
_SPANS = ((2, 8), (4, 16), (8, 32), (16, 64), (32, 128))


@register
@dataclass(frozen=True, slots=True)
class Boosted:
    """The chance that the next `label_bars` days rise, as a forecast; few trees, one thread, one seed.

    A bar trains only if its whole label lies before the end of the bars given. ValueError for an artefact
    that is not such a model.
    """

    name: ClassVar[str] = "boosted"
    learns: ClassVar[bool] = True
    label_bars: int = 5
    trees: int = 60
    leaves: int = 7
    rate: float = 0.03
    leaf_min: int = 60
    seed: int = 1

    def fit(self, bars: Bars, train: Ints) -> str:
        price = features.normalised_price(bars.close)
        span = int(self.label_bars)
        usable = train[train + span < price.size]
        labels = (price[usable + span] > price[usable]).astype(np.float64)
        if usable.size < 2 * self.leaf_min or np.ptp(labels) == 0:
            raise ValueError(f"{usable.size} labelled bars are too few, or all alike, to learn from")
        import lightgbm

        data = lightgbm.Dataset(table(bars)[usable], labels, feature_name=list(FEATURES))
        return str(lightgbm.train(self._params(), data, num_boost_round=int(self.trees)).model_to_string())

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        chance = np.asarray(_model(artefact).predict(table(bars), num_threads=1), dtype=np.float64)
        # a chance of .5 ± .1 is an ordinary conviction on daily bars
        return features.clipped((chance - 0.5) * 10.0)

    def contributions(self, bars: Bars, artefact: str) -> Floats:
        """SHAP values in log odds, [T, features + 1]; the last column is the base value."""
        values = _model(artefact).predict(table(bars), pred_contrib=True, num_threads=1)
        return np.asarray(values, dtype=np.float64)

    def because(self, bars: Bars, artefact: str) -> list[tuple[str, float]]:
        """The last bar's SHAP values in log odds, `base` among them; their sum is the model's raw score."""
        last = _model(artefact).predict(table(bars)[-1:], pred_contrib=True, num_threads=1)
        return list(zip((*FEATURES, "base"), map(float, np.asarray(last)[0]), strict=True))

    def _params(self) -> dict[str, Any]:
        return {
            "objective": "binary",
            "num_leaves": int(self.leaves),
            "learning_rate": float(self.rate),
            "min_data_in_leaf": int(self.leaf_min),
            "seed": int(self.seed),
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


def table(bars: Bars) -> Floats:
    """The features of every bar, [T, 9]."""
    price = features.normalised_price(bars.close)
    changes = np.diff(bars.close, prepend=bars.close[:1])
    short, long = deviation_before(changes, 10), deviation_before(changes, 100)
    ratio = np.divide(short, long, out=np.ones_like(short), where=long > 0)
    columns = [features.trend(price, fast, slow) for fast, slow in _SPANS]
    columns += [features.breakout(price, 20), features.breakout(price, 80)]
    columns += [features.mean_reversion(price, 5), ewma(ratio, 5)]
    return np.column_stack(columns)


def _model(artefact: str) -> Any:
    import lightgbm

    try:
        return lightgbm.Booster(model_str=artefact)
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(f"this is no model of boosted trees: {error}") from error
