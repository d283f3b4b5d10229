"""A trading day per test: a gateway of its own at high speed, and sessions as processes against it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_process import running_gateway
from tests.session.trading_day import TradingDay

OpenDay = Callable[..., TradingDay]
SPEED = 240.0


@pytest.fixture
def open_day(tmp_path: Path) -> Iterator[OpenDay]:
    """Opens a trading day; options go to the gateway (seed, speed, extra)."""
    with ExitStack() as stack:

        def opened(**options: Any) -> TradingDay:
            options.setdefault("speed", SPEED)
            gateway = stack.enter_context(running_gateway(tmp_path / "gateway", **options))
            day = TradingDay(gateway, tmp_path, options["speed"])
            stack.callback(day.close)
            return day

        yield opened


@pytest.fixture
def day(open_day: OpenDay) -> TradingDay:
    return open_day()


@pytest.fixture(scope="session")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradingDay]:
    """One day for all that is refused: a lot of HE is bought, and nothing is in doubt."""
    here = tmp_path_factory.mktemp("traded")
    with running_gateway(here / "gateway", speed=SPEED) as gateway:
        day = TradingDay(gateway, here, SPEED)
        assert day.session("HE=1").code == 0
        yield day
        day.close()
