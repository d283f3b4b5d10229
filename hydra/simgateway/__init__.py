"""A simulated IB Gateway on the TWS wire protocol."""
