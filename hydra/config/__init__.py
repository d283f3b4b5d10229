"""Configuration: TOML file < environment (HYDRA_*) < command line; nothing misspelt passes silently."""

from hydra.config.load import Loaded, Source, data_dir, load, load_settings
from hydra.config.mode import require_mode_conditions
from hydra.config.place import config_hash, ensure_data_dir
from hydra.config.schema import SIMULATED_ACCOUNT, Settings

__all__ = [
    "SIMULATED_ACCOUNT",
    "Loaded",
    "Settings",
    "Source",
    "config_hash",
    "data_dir",
    "ensure_data_dir",
    "load",
    "load_settings",
    "require_mode_conditions",
]
