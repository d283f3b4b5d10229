"""`hydra deploy`: afterwards the server equals prefect.yaml, and what a person paused stays paused."""
