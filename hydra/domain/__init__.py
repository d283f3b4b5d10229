"""Nouns and laws: frozen facts, state machines as tables, and nothing outside the standard library."""
