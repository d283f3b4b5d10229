"""How every flow of ours is run: no persisted result, no retry by itself; a rerun asks the ledger."""

from typing import Any, Final

FLOW: Final[dict[str, Any]] = {
    "persist_result": False,
    "result_serializer": "json",
    "retries": 0,
    "validate_parameters": True,
}
