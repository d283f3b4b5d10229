"""The session's plot: what is drawn, and that it is drawn in a process of its own."""

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest

from hydra.domain.quantity import Side
from hydra.reports import plot_process
from hydra.reports.plot_data import plot_data
from hydra.reports.plot_process import session_plot_markdown
from tests.unit.reports.parents import OPEN, denied, worked

ON = date(2026, 11, 23)


def test_the_plot_has_the_prices_seen_our_orders_until_their_end_and_our_fills() -> None:
    whole = worked("ZO", Side.BUY, 3, [(1, "400"), (2, "401")])
    part = worked("HE", Side.SELL, 3, [(1, "-400.5")])
    seen = {7: [(OPEN + timedelta(minutes=2), Decimal("400.5"))]}
    first, second = plot_data([whole, part, denied("LE", "no")], seen, ON)["panels"]
    start = OPEN.timestamp()
    assert first["mid"] == [[start, 400.0], [start + 120, 400.5]]
    assert first["orders"] == [[start, start + 120, 400.0]]  # ended by its last fill
    assert first["fills"] == [[start + 60, 400.0, 1], [start + 120, 401.0, 2]]
    assert second["orders"] == [[start, start + 300, 400.0]]  # ended by its good_till
    assert (second["side"], second["filled"], second["ordered"]) == ("SELL", 1, 3)


@pytest.mark.process
def test_it_is_drawn_as_a_png_inside_markdown_without_loading_matplotlib_here() -> None:
    code = (
        "import sys; from hydra.reports.plot_process import session_plot_markdown as draw\n"
        "panel = dict(symbol='ZO', side='BUY', ordered=1, filled=1, mid=[[0, 1.0], [60, -2.0]],\n"
        "             orders=[[0, 60, 1.0]], fills=[[30, 1.0, 1]])\n"
        "print(draw({'title': 'Session', 'panels': [panel]})[:60], 'matplotlib' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )
    picture, was_loaded = done.stdout.rsplit(maxsplit=1)
    assert picture.startswith("![Session](data:image/png;base64,iVBORw0KGgo")
    assert was_loaded == "False"


def test_nothing_opened_is_said_in_words() -> None:
    assert "nothing to draw" in session_plot_markdown({"title": "", "panels": []})


def test_a_plot_that_cannot_be_drawn_is_said_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_process.sys, "executable", "/nowhere/python")
    text = session_plot_markdown({"title": "", "panels": [{}]})
    assert "could not be drawn: FileNotFoundError" in text
