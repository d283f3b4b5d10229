"""The risk gate: pure; no order without a verdict."""
