"""Configuration: TOML file < environment (HYDRA_*) < command line; nothing misspelt passes silently."""

from hydra.config.compose import SIMULATED_ACCOUNT, execution_policy, risk_limits
from hydra.config.layers import Source
from hydra.config.load import Loaded, data_dir, load, load_settings
from hydra.config.mode import require_mode_conditions
from hydra.config.place import config_hash, ensure_data_dir
from hydra.config.schema import Settings

__all__ = [
    "SIMULATED_ACCOUNT",
    "Loaded",
    "Settings",
    "Source",
    "config_hash",
    "data_dir",
    "ensure_data_dir",
    "execution_policy",
    "load",
    "load_settings",
    "require_mode_conditions",
    "risk_limits",
]
