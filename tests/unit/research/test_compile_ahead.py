"""What set-up compiles is all there is to compile, with the types that are asked for later."""

from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import numpy as np

import hydra.research
from hydra.research.bootstrap import resampled_sharpes
from hydra.research.compile_ahead import compile_all


def cached_functions() -> dict[str, Any]:
    """Every function of the research package that Numba keeps on disk."""
    found = {}
    for module in walk_packages(hydra.research.__path__, "hydra.research."):
        for one in vars(import_module(module.name)).values():
            if type(one).__name__ == "CPUDispatcher" and one.stats.cache_path:
                found[f"{one.py_func.__module__}.{one.py_func.__name__}"] = one
    return found


def test_every_function_that_is_kept_is_compiled_once() -> None:
    compile_all()
    functions = cached_functions()
    assert len(functions) >= 7
    assert [name for name, one in functions.items() if not one.signatures] == []


def test_the_layout_of_a_series_asks_for_nothing_new() -> None:
    compile_all()
    name = "hydra.research.bootstrap._resampled_sums"
    known = set(cached_functions()[name].signatures)
    paired = np.random.default_rng(1).standard_normal((2, 60))
    for series in (paired.T, np.ascontiguousarray(paired.T), paired.T[::2]):
        resampled_sharpes(series, draws=5, block=4.0, seed=1)
    assert set(cached_functions()[name].signatures) == known
