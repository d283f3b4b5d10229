"""Runs a candidate where it can read only what it was given and reach nothing."""
