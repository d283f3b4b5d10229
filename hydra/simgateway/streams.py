"""One random stream a purpose: what one agent draws never moves what another one sees."""

from hashlib import sha256
from random import Random


def stream(seed: int, *purpose: object) -> Random:
    """The stream named by `purpose` under `seed`; the same in every process, whatever PYTHONHASHSEED is."""
    name = "|".join(str(part) for part in (seed, *purpose))
    return Random(int.from_bytes(sha256(name.encode()).digest()[:8]))
