"""The risk gate: the only place where permission to send comes from."""
