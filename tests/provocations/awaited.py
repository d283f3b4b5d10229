"""Codes whose command does not exist yet; a code leaves this list with its first provocation."""

AWAITED: frozenset[str] = frozenset(
    {
        "HY-006",
        "HY-302",
        "HY-304",
        "HY-305",
        "HY-306",
        "HY-307",
        "HY-309",
        "HY-310",
        "HY-311",
        "HY-501",
        "HY-502",
        "HY-504",
        "HY-505",
        "HY-506",
        "HY-509",
        "HY-702",
        "HY-900",
    }
)
