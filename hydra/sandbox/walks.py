"""Candidates' walk-forwards, each in a locked process of its own, as many at once as there are cores."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import LifoQueue

import numpy as np

from hydra.research.candidate import ENTRY, PRELOAD, learns
from hydra.research.experiment import Spec
from hydra.research.filters import Floats
from hydra.research.models import spec_of
from hydra.sandbox.nursery import Nursery
from hydra.sandbox.run import End, Limits, Outcome
from hydra.usecases.improve.workshop import Tried

CORES = os.cpu_count() or 1


class IsolatedWalks:
    """`Sandbox` over a nursery a core: an entry and its folders may be given for candidates of another make.

    `families`: modules that register them, imported already. The nurseries live until `close`.
    """

    def __init__(
        self,
        limits: Limits,
        entry: str = ENTRY,
        code: Sequence[Path] = (),
        preload: Sequence[str] = PRELOAD,
        families: Sequence[str] = (),
    ) -> None:
        self._limits = limits
        self._entry = entry
        wanted, imports = (*preload, *families), folders_of(families)
        self._nurseries = [Nursery(code, wanted, imports) for _ in range(CORES)]
        self._free: LifoQueue[Nursery] = LifoQueue()  # the warm one first
        for one in self._nurseries:
            self._free.put(one)

    def close(self) -> None:
        """No process of it is left."""
        for one in self._nurseries:
            one.close()

    def walk(self, specs: Sequence[Spec], inputs: Mapping[str, Floats]) -> Sequence[Tried]:
        """How each ended, in order; `Panel.inputs` reach them as one file they may read and nothing else."""
        if not specs:
            return []
        folder = Path(tempfile.mkdtemp(prefix="hydra-walk-"))
        try:
            np.savez(folder / "bars.npz", **dict(inputs))  # type: ignore[arg-type]  # its one option is no array
            with ThreadPoolExecutor(min(CORES, len(specs))) as pool:
                runs = pool.map(lambda spec: self._one(spec, folder), specs)
                return [_tried(run, inputs["close"].shape) for run in runs]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _one(self, spec: Spec, folder: Path) -> Outcome:
        order = {"spec": spec, "arrays": str(folder / "bars.npz"), "learns": learns(spec_of(spec))}
        nursery = self._free.get()
        try:
            return nursery.run(self._entry, order, readable=[folder], limits=self._limits)
        finally:
            self._free.put(nursery)


def folders_of(modules: Sequence[str]) -> Sequence[Path]:
    """Where those imported modules were found: a nursery has none of this process's search path."""
    found = []
    for name in modules:
        top = sys.modules[name.partition(".")[0]]
        places = [Path(one) for one in getattr(top, "__path__", ())] or [Path(top.__file__ or "")]
        found += [place.parent for place in places]
    return found


def _tried(run: Outcome, shape: tuple[int, ...]) -> Tried:
    """What came back is a claim: of another shape, or not numbers, it is an end like any other."""
    if run.end is not End.FINISHED:
        return Tried(run.end.value, run.detail)
    try:
        # null becomes NaN
        said = np.ascontiguousarray(np.array(run.result["forecasts"], dtype=np.float64).T)
        learnt = tuple(tuple(map(str, parts)) for parts in run.result["learnt"])
        "".join(text for parts in learnt for text in parts).encode()  # half a character is no text
    except (TypeError, ValueError, KeyError) as error:
        return Tried(End.RAISED.value, f"its result is no walk-forward: {error}")
    if learnt and len(learnt) != shape[1]:
        return Tried(End.RAISED.value, f"it learnt {len(learnt)} markets of {shape[1]}")
    if said.shape != shape or bool((np.abs(said[np.isfinite(said)]) > 2.0 + 1e-9).any()):
        return Tried(End.RAISED.value, f"its result has the shape {said.shape}, or leaves ±2")
    return Tried(run.end.value, "", said, learnt)
