"""Tables and plots from what the ledger holds."""
