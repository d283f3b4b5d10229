"""The story: what happens in which order. A flow is a table of contents; every rerun is harmless."""
