"""What runs inside the sandbox: a candidate's walk-forward forecasts, and what it has learnt at the end.

It reads one file of arrays and returns plain JSON. Nothing of it is believed: the forecasts are measured
outside, by the kernel.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from hydra.research.family import FAMILIES, Bars, bars_at
from hydra.research.models import ModelSpec, spec_of, walked_forward
from hydra.research.walk_forward import forward_folds

ENTRY: Final = "hydra.research.candidate:walk"
PRELOAD: Final = ("hydra.research.candidate:warm",)
TRAIN_DAYS_MIN: Final = 252
TEST_DAYS: Final = 63
LABEL_BARS: Final = 5
"""The purge: as many bars as the longest label of a family spans lie between training and test."""
EMBARGO_BARS: Final = 5
"""A week more, which nobody trains on either: what moves slowly reaches over the end of a label."""


def walk(order: Mapping[str, Any]) -> dict[str, Any]:
    """{"spec", "arrays": path, "learns"} → forecasts by instrument (null where untested) and artefacts.

    The arrays are those of `Panel.inputs`.
    """
    spec = spec_of(order["spec"])
    with np.load(order["arrays"], allow_pickle=False) as arrays:
        inputs = dict(arrays)
    said, learnt = [], []
    days, markets = inputs["close"].shape
    for at in range(markets):
        bars = bars_at(inputs, at)
        out = walked_forward(spec, bars, TRAIN_DAYS_MIN, TEST_DAYS, LABEL_BARS, EMBARGO_BARS)
        said.append([None if math.isnan(one) else one for one in out.tolist()])
        if order["learns"]:
            learnt.append(list(spec.fit(bars, np.arange(days))))
    return {"forecasts": said, "learnt": learnt}


def folds(days: int) -> Sequence[tuple[int, int]]:
    """The tested ranges of that many days, half open."""
    every = forward_folds(days, TRAIN_DAYS_MIN, TEST_DAYS, LABEL_BARS, EMBARGO_BARS)
    return [(one.test_start, one.test_end) for one in every]


def learns(spec: ModelSpec) -> bool:
    """Whether any part has to be trained."""
    return any(getattr(FAMILIES[part.family], "learns", False) for part in spec.parts)


def warm() -> None:
    """Before the lock: compile, and load what a candidate of any family needs."""
    import lightgbm  # noqa: F401  # loaded for its own sake

    rising = np.linspace(100.0, 130.0, 300) + np.sin(np.arange(300.0))
    wavy = np.sin(np.arange(300.0))
    bars = Bars(rising, np.full(300, 10.0), rising - wavy, other=rising[::-1].copy(), speculators=wavy)
    for name, family in FAMILIES.items():
        if not getattr(family, "learns", False):
            spec_of({"parts": [{"family": name}]}).forecast(bars, ("",))
