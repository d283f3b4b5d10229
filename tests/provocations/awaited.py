"""Codes whose command does not exist yet; a code leaves this list with its first provocation."""

AWAITED: frozenset[str] = frozenset({"HY-702"})
