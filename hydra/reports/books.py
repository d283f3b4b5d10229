"""The result of a reconciliation for people: our positions beside the broker's, and what is in doubt."""

from collections.abc import Mapping
from typing import Any

from hydra.reports.orders import Row, markdown_table


def reconciliation_rows(statement: Mapping[str, Any]) -> list[Row]:
    """One row a contract; `differs` is broker − ledger in lots. Takes what `statement_of` gives."""
    return [{**row, "differs": row["broker"] - row["ledger"]} for row in statement["positions"]]


def reconciliation_problem(statement: Mapping[str, Any]) -> str:
    """Why a person must look, in one line; empty when both books agree and nothing is in doubt."""
    problems = [
        f"{row['symbol']}: ledger {row['ledger']}, broker {row['broker']}"
        for row in reconciliation_rows(statement)
        if row["differs"]
    ]
    problems += [f"{ref} is in doubt" for ref in statement["in_doubt"]]
    return "; ".join(problems)


def reconciliation_markdown(statement: Mapping[str, Any]) -> str:
    """The whole result as one Markdown page."""
    problem = reconciliation_problem(statement)
    verdict = f"**Differs:** {problem}" if problem else "**Both books agree.**"
    live = ", ".join(statement["live"]) or "none"
    table = markdown_table(reconciliation_rows(statement))
    return f"# Reconciliation\n\n{verdict}\n\n{table}\n\nWorking children: {live}.\n"
