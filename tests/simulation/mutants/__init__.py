"""Wrong engines: each mutant is one thought done wrongly, patched into the product inside a world's process.

The product has no hook for any of this. A mutant names the layers it takes away where one defence stands
behind another: what is shown then is that the oracle sees what would happen if that defence were missing.
`caught.json` holds the first seed that caught each; `python -m tests.simulation.mutants` finds them anew.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.simulation.oracle import Violation

CAUGHT = Path(__file__).with_name("caught.json")
SEEDS_MAX = 300


@dataclass(frozen=True)
class Mutant:
    """One wrong engine: `patched()` is in force for as long as its context lasts."""

    name: str
    does: str
    patched: Callable[[], AbstractContextManager[None]]
    is_caught: bool = True


MUTANTS: dict[str, Mutant] = {}


def mutant(
    name: str, does: str, *, is_caught: bool = True
) -> Callable[[Callable[[], Iterator[None]]], Callable[[], Iterator[None]]]:
    """Registers a generator that patches the product and yields once."""

    def register(patches: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
        MUTANTS[name] = Mutant(name, does, contextmanager(patches), is_caught)
        return patches

    return register


@contextmanager
def everywhere(function: Any, by: Any) -> Iterator[None]:
    """Another function wherever a module of the product holds this one, under whatever name."""
    held = [
        (module, name)
        for key, module in list(sys.modules.items())
        if key.partition(".")[0] == "hydra"
        for name, value in list(vars(module).items())
        if value is function
    ]
    assert held, f"nobody holds {function}"
    for module, name in held:
        setattr(module, name, by)
    try:
        yield
    finally:
        for module, name in held:
            setattr(module, name, function)


@contextmanager
def method(owner: type, name: str, by: Any) -> Iterator[None]:
    """Another method or property of a class."""
    own = vars(owner)[name]
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, own)


def caught_by(violations: "Iterable[Violation]") -> "list[Violation]":
    """What a world found wrong with an engine; a patch that no longer fits the product is no finding."""
    found = list(violations)
    for one in found:
        misfit = one.law == "crash" and any(name in one.detail for name in ("TypeError", "AttributeError"))
        assert not misfit, f"this mutant does not fit the product any more: {one}"
    return [one for one in found if one.law != "crash"]


def load() -> None:
    """Registers every mutant; they import the product, which must not happen with this package."""
    for name in ("sending", "proving", "counting", "restarting"):
        import_module(f"{__name__}.{name}")
