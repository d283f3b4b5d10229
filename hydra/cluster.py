"""Candidates on the machines of a Dask cluster: each worker isolates what it runs as this machine does.

What comes back is a claim as always: hygiene measures it here. A worker of another build is refused, because
experiments are on record under the build that made them. The cluster itself is trusted: Dask sends pickles.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hydra.domain.errors import HydraError, Unavailable
from hydra.research.experiment import Spec
from hydra.research.filters import Floats
from hydra.sandbox.run import Limits
from hydra.sandbox.walks import IsolatedWalks
from hydra.usecases.improve.workshop import Tried
from hydra.wiring import build_id

if TYPE_CHECKING:
    from distributed import Client

CONNECT_WALL_S_MAX = 5


@dataclass(frozen=True, slots=True)
class Errand:
    """What a worker needs beside a spec: `Panel.inputs`, limits, modules of families, and our build."""

    inputs: Mapping[str, Floats]
    limits: Limits
    families: tuple[str, ...]
    build: str


def walked_there(spec: Spec, errand: Errand) -> Tried:
    """On a worker: the candidate's isolated walk-forward; RuntimeError where the worker has another build."""
    if build_id() != errand.build:
        raise RuntimeError(f"a worker runs build {build_id()}, this is {errand.build}")
    for name in errand.families:
        import_module(name)
    (tried,) = _walks_of(errand).walk([spec], errand.inputs)
    return tried


class ClusterWalks:
    """`Sandbox` on a cluster, for `hydra run`; the flow goes through Prefect's own task runner instead."""

    def __init__(self, address: str, limits: Limits, families: Sequence[str]) -> None:
        self.address = address
        self._limits = limits
        self._families = tuple(families)

    def walk(self, specs: Sequence[Spec], inputs: Mapping[str, Floats]) -> Sequence[Tried]:
        """How each ended, in order; HY-871 where the cluster cannot say."""
        if not specs:
            return []
        with cluster_faults(self.address), _client(self.address) as client:
            require_workers(self.address, client)
            errand = client.scatter(self.errand(inputs), broadcast=True)
            return list(client.gather(client.map(walked_there, specs, errand=errand, pure=False)))

    def errand(self, inputs: Mapping[str, Floats]) -> Errand:
        """What every candidate on these inputs takes along."""
        return Errand(dict(inputs), self._limits, self._families, build_id())

    def close(self) -> None:
        """The workers' nurseries end with the workers."""


def require_workers(address: str, client: Client) -> None:
    """HY-871 for a scheduler without a worker: nothing would ever come back."""
    if not client.scheduler_info()["workers"]:
        raise Unavailable("HY-871", address=address, problem="its scheduler has no worker")


@contextmanager
def cluster_faults(address: str) -> Iterator[None]:
    """Whatever breaks in the cluster or on the way to it is HY-871; a candidate's own end is an outcome."""
    try:
        yield
    except HydraError:
        raise
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise Unavailable("HY-871", address=address, problem=problem) from error


def _client(address: str) -> Any:
    from distributed import Client

    return Client(address, timeout=CONNECT_WALL_S_MAX, set_as_default=False)


# --- in the worker's process ----------------------------------------------------------------------------

_lock = threading.Lock()
_walks: dict[tuple[Limits, tuple[str, ...]], IsolatedWalks] = {}


def _walks_of(errand: Errand) -> IsolatedWalks:
    """The worker's nurseries, started once and kept: they hold compiled code."""
    key = (errand.limits, errand.families)
    with _lock:
        if key not in _walks:
            _walks[key] = IsolatedWalks(errand.limits, families=errand.families)
        return _walks[key]
