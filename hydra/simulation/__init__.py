"""The deterministic world: virtual time, in-memory network, faults by seed."""
