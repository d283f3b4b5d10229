"""The ledger's stores, as in the contract suite."""

from tests.contract.ledger_stores import postgres_server, store

__all__ = ["postgres_server", "store"]
