"""The ledger's schema, step by step; run by `hydra.persistence.migrate`, never by hand."""
