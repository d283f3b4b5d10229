"""Artefacts as text files named by their sha256: kept whole, proven at every load, read-only on disk."""

import hashlib
import os
from pathlib import Path
from typing import Final

from hydra.domain.errors import BrokenLaw, Unavailable

MODELS_FOLDER: Final = "models"


def artefact_path(folder: Path, sha256: str) -> Path:
    """Where the artefact of that sha256 lies."""
    return folder / f"{sha256}.txt"


def prove_artefact(folder: Path, sha256: str, of: str) -> bytes:
    """The artefact's bytes, if they are those that were promoted; HY-855 for any other, or for none.

    `of` names in the error what the artefact is of.
    """
    path = artefact_path(folder, sha256)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BrokenLaw("HY-855", given=of, where=path, found=error.strerror, expected=sha256) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BrokenLaw("HY-855", given=of, where=path, found=found, expected=sha256)
    return data


def keep_artefact(folder: Path, data: bytes) -> str:
    """Keeps it whole before anything names it, and returns its sha256; one already there is proven."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = artefact_path(folder, sha256)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.read_bytes() == data:
            return sha256
        part = path.with_suffix(f".part{os.getpid()}")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o400)
        part.replace(path)
    except OSError as error:
        raise Unavailable("HY-406", where=folder, problem=error) from error
    return sha256
