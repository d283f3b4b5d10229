"""How every flow of ours is run: no persisted result, no retry by itself; a rerun asks the ledger."""

from typing import Annotated, Any, Final

from pydantic import Field

FLOW: Final[dict[str, Any]] = {
    "persist_result": False,
    "result_serializer": "json",
    "retries": 0,
    "validate_parameters": True,
}

Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,8}$")]
Symbols = Annotated[tuple[Symbol, ...], Field(min_length=1, max_length=40)]
Person = Annotated[str, Field(min_length=1, max_length=60, pattern=r"\S")]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
SYMBOLS: Final = ("ZO", "HE", "LE", "GF", "ZR", "OJ")
