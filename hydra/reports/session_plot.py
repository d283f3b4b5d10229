"""Draws a session's plot: `python -m hydra.reports.session_plot` reads JSON on stdin, writes PNG on stdout.

A process of its own, because the worker that trades must not load matplotlib.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

COLUMNS = 2
PANEL_INCHES = (5.2, 2.5)
DPI = 80
SECONDS_SHOWN_BELOW = timedelta(minutes=10)


def draw(data: dict[str, Any]) -> bytes:
    """PNG of one panel a symbol: the mid as a line, our orders as steps, our fills as marks."""
    import io

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = data["panels"]
    rows = max(1, -(-len(panels) // COLUMNS))
    size = (PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * rows)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=size, dpi=DPI, squeeze=False)
    span = _span(panels)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel, with_seconds=span[1] - span[0] < SECONDS_SHOWN_BELOW)
        axes.set_xlim(*span)  # one session, one time axis
    for axes in list(grid.flat)[len(panels) :]:
        axes.axis("off")
    figure.suptitle(f"{data['title']}: mid, our orders, our fills (UTC)", fontsize=10)
    figure.tight_layout()
    out = io.BytesIO()
    figure.savefig(out, format="png")
    pyplot.close(figure)
    return out.getvalue()


def _draw_panel(axes: Any, panel: dict[str, Any], with_seconds: bool) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter

    axes.step(*_xy(panel["mid"]), where="post", color="0.55", linewidth=0.9, label="mid")
    for start, end, price in panel["orders"]:
        axes.plot([_at(start), _at(end)], [price, price], color="tab:blue", linewidth=1.6)
    if panel["fills"]:
        marker = "^" if panel["side"] == "BUY" else "v"
        times, prices = _xy([fill[:2] for fill in panel["fills"]])
        sizes = [24 + 12 * fill[2] for fill in panel["fills"]]
        axes.scatter(times, prices, s=sizes, marker=marker, color="tab:orange", zorder=3, edgecolors="black")
    axes.set_title(
        f"{panel['symbol']} {panel['side']} {panel['filled']}/{panel['ordered']}", fontsize=9, loc="left"
    )
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=7))  # type: ignore[no-untyped-call]
    clock = "%H:%M:%S" if with_seconds else "%H:%M"
    axes.xaxis.set_major_formatter(DateFormatter(clock, tz=UTC))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)


def _span(panels: list[dict[str, Any]]) -> tuple[datetime, datetime]:
    """From the first to the last thing drawn in any panel, with a little air."""
    times = [point[0] for panel in panels for point in [*panel["mid"], *panel["orders"], *panel["fills"]]]
    times += [order[1] for panel in panels for order in panel["orders"]]
    first, last = (min(times), max(times)) if times else (0.0, 1.0)
    air = max((last - first) * 0.02, 1.0)
    return _at(first - air), _at(last + air)


def _xy(points: list[list[float]]) -> tuple[list[datetime], list[float]]:
    return [_at(point[0]) for point in points], [point[1] for point in points]


def _at(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)


def main() -> None:
    sys.stdout.buffer.write(draw(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
