"""From settings to the frozen values the parts below take: the risk gate's limits, the execution policy."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from hydra.config.schema import Section, Settings
from hydra.domain.errors import UserError
from hydra.execution.policy import ExecutionPolicy
from hydra.risk.limits import AccountLimits, BreakerLimits, InstrumentLimits, Limits, MessageLimit

SIMULATED_ACCOUNT: Final = "DUSIM001"
Placed = Callable[[tuple[str, ...]], str]


def risk_limits(settings: Settings, placed: Placed = ".".join) -> Limits:
    """The gate's limits; HY-701 for one out of range, its key told by `placed` (path → text)."""
    given = settings.limits
    account = {
        name: _made(MessageLimit, value, ("limits", "account", name), placed)
        if isinstance(value, Section)
        else value
        for name, value in given.account
    }
    return Limits(
        account=_made(AccountLimits, account, ("limits", "account"), placed),
        breakers=_made(BreakerLimits, given.breakers, ("limits", "breakers"), placed),
        instruments={
            symbol: _made(InstrumentLimits, table, ("limits", "instruments", symbol), placed)
            for symbol, table in given.instruments.items()
        },
    )


def execution_policy(settings: Settings, account: str) -> ExecutionPolicy:
    """How parents are worked for this account; the simulated gateway's has its own settle times."""
    policy = ExecutionPolicy(**dict(settings.execution))
    return replace(policy, **dict(settings.simulated)) if account == SIMULATED_ACCOUNT else policy


def _made(kind: Any, values: Section | Mapping[str, Any], path: tuple[str, ...], placed: Placed) -> Any:
    try:
        return kind(**dict(values))
    except UserError as error:
        key = placed((*path, *str(error.values["key"]).split(", ")[:1]))
        raise UserError(error.code, **{**error.values, "key": key}) from error
