"""Candidates that end badly, by the word in their spec's only family."""

from typing import Any


def walk(order: dict[str, Any]) -> Any:
    """Behaves by the span it is given."""
    span = order["spec"]["parts"][0]["params"]["span"]
    if span == 11:
        raise ValueError("the spread is negative")
    if span == 12:
        while True:
            pass
    if span == 13:
        return len(bytearray(1 << 40))
    if span == 14:
        return {"forecasts": [[9.0]], "learnt": []}
    return {"forecasts": "none", "learnt": []}
