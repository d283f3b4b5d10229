"""The conditions under which an account may be traded at all."""

from typing import Final

from hydra.config.load import Loaded
from hydra.domain.errors import UserError

PAPER_PREFIX: Final = "DU"


def require_mode_conditions(
    loaded: Loaded, *, live: bool, confirmed_account: str | None, is_gate_passed: bool
) -> None:
    """Raises UserError HY-110 … HY-113 unless this mode may trade this account.

    Mode live needs, together: `--live`, a configured account that is not a paper account, that account typed
    back, and a passed paper gate on record. The adapter compares the account with what the gateway names.
    """
    mode, account = loaded.settings.trading.mode, loaded.settings.gateway.account
    where = loaded.source("trading", "mode").place
    if mode == "live" and not live:
        raise UserError("HY-110", where=where)
    if account is not None and account.startswith(PAPER_PREFIX) != (mode == "paper"):
        place = loaded.source("gateway", "account").place
        raise UserError("HY-113", mode=mode, account=account, where=place)
    if mode == "paper":
        return
    if account is None or confirmed_account != account:
        raise UserError("HY-111", given=confirmed_account or "nothing", account=account or "none")
    if not is_gate_passed:
        raise UserError("HY-112", account=account)
