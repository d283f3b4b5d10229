"""The story: Prefect flows, each a table of contents."""
