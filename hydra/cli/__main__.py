"""`python -m hydra.cli`, for where the console script is not on the path."""

from hydra.cli import main

main()
