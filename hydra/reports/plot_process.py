"""A plot drawn by a process of its own, as Markdown; a plot that fails never fails a session."""

import base64
import json
import subprocess
import sys
from typing import Any

DRAW_WALL_S_MAX = 60.0
PNG_BYTES_MAX = 1_500_000


def session_plot_markdown(data: dict[str, Any]) -> str:
    """The plot as a `data:` URI (the UI shows it without a file server), or why there is none."""
    if not data["panels"]:
        return "No order was opened, so there is nothing to draw."
    try:
        png = _drawn(data)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        return f"The plot could not be drawn: {type(error).__name__}: {str(error)[:300]}"
    return f"![{data['title']}](data:image/png;base64,{base64.b64encode(png).decode()})"


def _drawn(data: dict[str, Any]) -> bytes:
    process = subprocess.run(
        [sys.executable, "-m", "hydra.reports.session_plot"],
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
