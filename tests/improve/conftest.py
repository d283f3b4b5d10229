"""The world most evenings are spent in."""

from pathlib import Path

import pytest

from tests.improve.worlds import DAYS, SYMBOLS, TURNED, World, edge_bars


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two markets whose trend earns a lot until day 600, and as much the other way round after it."""
    made = World(tmp_path)
    for seed, symbol in enumerate(SYMBOLS, start=1):
        made.bars(symbol, edge_bars(seed, DAYS, sharpe=3.0, flip_at=TURNED))
    return made
