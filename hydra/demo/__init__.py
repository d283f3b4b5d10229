"""The demo: the whole system as real processes, one session, one dropped connection, books compared."""
