"""HY-6xx: worker, flows, server."""

from typing import Final

from hydra.domain.catalogue.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {}
