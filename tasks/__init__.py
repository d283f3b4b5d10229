"""One use case each, as Prefect tasks."""
