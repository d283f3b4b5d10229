"""A session on one Markdown page: verdict, orders, slippage, costs, what was denied."""

from collections.abc import Mapping
from typing import Any

from hydra.reports.costs import COSTS
from hydra.reports.orders import markdown_table


def session_markdown(title: str, rows: Mapping[str, Any], problem: str) -> str:
    """`rows` as the journal gives them; `problem` is why a person must look, empty if nothing is."""
    verdict = f"**Look into it:** {problem}" if problem else "**Done; both books agree.**"
    parts = [f"# {title}", verdict, "## Orders", markdown_table(rows["orders"])]
    parts += ["## Slippage (bps, + is a cost)", markdown_table(rows["slippage"])]
    parts += [f"## Costs\n\n{COSTS}.", markdown_table(rows["costs"])]
    if rows["denied"]:
        parts += ["## Not traded", markdown_table(rows["denied"])]
    return "\n\n".join(parts) + "\n"
