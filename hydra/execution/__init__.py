"""How a parent order is worked: pure decisions from facts."""
