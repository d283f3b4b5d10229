"""Draws a cycle's plot: `python -m hydra.reports.cycle_plot` reads JSON on stdin, writes PNG on stdout."""

import json
import sys
from datetime import date
from typing import Any

DPI = 90
NAMED_MAX = 8


def draw(data: dict[str, Any]) -> bytes:
    """PNG: equity of every arm in the shadow, the champion's heavy; below, the book's weights by session."""
    import io

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(10.4, 6.4), dpi=DPI, height_ratios=(3, 2), layout="constrained"
    )
    _equity(above, data)
    _weights(below, data)
    figure.suptitle(data["title"], fontsize=11)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    pyplot.close(figure)
    return out.getvalue()


def _equity(axes: Any, data: dict[str, Any]) -> None:
    days = [date.fromisoformat(day) for day in data["days"]]
    ranked = sorted(data["equity"].items(), key=lambda one: -one[1][-1] if one[1] else 0.0)
    for at, (name, path) in enumerate(ranked):
        is_champion = name == data["champion"]
        label = f"{name} (champion)" if is_champion else name
        axes.plot(
            days,
            path,
            linewidth=2.2 if is_champion else 1.0,
            color="black" if is_champion else f"C{at % 10}",
            label=label if is_champion or at < NAMED_MAX else None,
            zorder=3 if is_champion else 2,
        )
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.set_title("Every arm alone in the shadow, net of costs", fontsize=9, loc="left")
    axes.set_ylabel("yearly volatility targets", fontsize=8)
    axes.legend(fontsize=7, loc="upper left", ncols=2)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)


def _weights(axes: Any, data: dict[str, Any]) -> None:
    sessions = [date.fromisoformat(on) for on in data["sessions"]]
    names = [name for name in data["weights"] if name != "cash"]
    names = sorted(names, key=lambda name: name != data["champion"])
    if len(sessions) < 2:
        bars = [*names, "cash"] if sessions else []
        axes.barh(bars, [data["weights"][name][0] for name in bars], color="C0")
        axes.set_xlim(0, 1)
        axes.invert_yaxis()
    else:
        stacked = [data["weights"][name] for name in [*names, "cash"] if name in data["weights"]]
        colours = ["black", *(f"C{at % 10}" for at in range(len(stacked) - 2)), "0.85"][: len(stacked)]
        axes.stackplot(sessions, stacked, labels=[*names, "cash"], colors=colours, alpha=0.85)
        axes.set_ylim(0, 1)
        axes.legend(fontsize=7, loc="lower left", ncols=3)
    axes.set_title("What is traded: the book's weights by session", fontsize=9, loc="left")
    axes.tick_params(labelsize=8)


def main() -> None:
    sys.stdout.buffer.write(draw(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
