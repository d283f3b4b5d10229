"""How every task of ours is run: nothing cached, nothing persisted, plain JSON; a rerun asks the ledger.

A persisted result would let a retried run skip a task whose world has moved on since.
"""

from typing import Any, Final

from prefect.cache_policies import NO_CACHE

ONCE: Final[dict[str, Any]] = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "result_serializer": "json",
    "retries": 0,
}

# Only for what changes nothing at the broker: qualification and data.
READING: Final[dict[str, Any]] = {**ONCE, "retries": 2, "retry_delay_seconds": [1, 3]}
