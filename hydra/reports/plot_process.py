"""A plot drawn by a process of its own, as Markdown; a plot that fails never fails a session."""

import base64
import json
import subprocess
import sys
from typing import Any

DRAW_WALL_S_MAX = 60.0
PNG_BYTES_MAX = 1_500_000


SESSION_PLOT = "hydra.reports.session_plot"
CYCLE_PLOT = "hydra.reports.cycle_plot"


def session_plot_markdown(data: dict[str, Any], module: str = SESSION_PLOT) -> str:
    """The plot as a `data:` URI (the UI shows it without a file server), or why there is none."""
    if not data["panels"]:
        return "No order was opened, so there is nothing to draw."
    try:
        png = drawn(data, module)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        return f"The plot could not be drawn: {type(error).__name__}: {str(error)[:300]}"
    return f"![{data['title']}](data:image/png;base64,{base64.b64encode(png).decode()})"


def drawn(data: dict[str, Any], module: str) -> bytes:
    """PNG of the data, by that module as a process; ValueError says why there is none."""
    process = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(data).encode(),
        capture_output=True,
        timeout=DRAW_WALL_S_MAX,
        check=False,
    )
    if process.returncode != 0:
        raise ValueError(process.stderr.decode(errors="replace")[-300:])
    if len(process.stdout) > PNG_BYTES_MAX:
        raise ValueError(f"the picture has {len(process.stdout)} bytes")
    return process.stdout
