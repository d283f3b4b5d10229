"""What a running process takes from its settings: its directory and its fingerprint."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Final

from hydra.config.schema import Settings
from hydra.domain.errors import UserError

_TRADING_PARTS: Final = frozenset(
    {"trading", "gateway", "execution", "simulated", "maintenance", "instruments", "limits", "broker_errors"}
)


def ensure_data_dir(settings: Settings) -> Path:
    """The data directory, made if missing (only its owner may enter); HY-106 if it cannot be written."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            "HY-106", where="data_dir", path=folder, problem=error.strerror or "not writable"
        ) from error
    return folder


def config_hash(settings: Settings) -> str:
    """Sixteen hex digits that change when anything that steers trading changes; every child carries it."""
    tree = settings.model_dump(mode="json", include=set(_TRADING_PARTS))
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
