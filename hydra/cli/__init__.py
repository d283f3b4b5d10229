"""The command line; this file stays empty of imports so that `hydra --help` and completion answer at once."""

import sys


def main() -> None:
    """The console script `hydra`."""
    from hydra.cli.app import run

    sys.exit(run())
