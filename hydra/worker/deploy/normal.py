"""Automations in one form: the server adds ids and defaults, and keeps sets as lists in any order."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter

AUTOMATION_FACTS: Final = ("name", "description", "tags", "trigger", "actions")
_DURATION: Final = TypeAdapter(timedelta)
_DURATIONS: Final = frozenset({"within", "schedule_after"})
_SETS: Final = frozenset({"after", "expect", "for_each", "tags"})


def normal(value: Any, name: str = "") -> Any:
    """The same without ids of triggers and without nothing, sets sorted, durations in seconds."""
    if name in _DURATIONS and value is not None:
        return _DURATION.validate_python(value).total_seconds()
    if isinstance(value, dict):
        told = {key: normal(inner, key) for key, inner in value.items() if key != "id"}
        return {key: inner for key, inner in told.items() if inner not in (None, [], {}, "")}
    if isinstance(value, list | tuple | set):
        told_list = [normal(inner) for inner in value]
        return sorted(told_list) if name in _SETS else told_list
    return value


def normal_trigger(automation: Mapping[str, Any]) -> dict[str, Any]:
    """An owned automation as its facts: what it waits for, and with what it starts the deployment."""
    action = {key: value for key, value in automation["actions"][0].items() if key != "deployment_id"}
    told = {"trigger": automation["trigger"], "action": action, "description": automation["description"]}
    return {key: normal(value, key) for key, value in told.items()}
