"""What every flow and task of ours declares: nothing cached or persisted, no retry around an order."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.utilities.callables import parameter_schema

import flows
import tasks

# They only read: asking twice changes nothing at the broker.
MAY_BE_RETRIED = {"qualify-contract", "snapshot-account", "update-bars"}
TASK_LINES_MAX = 15


def _declared(package: Any, kind: type) -> dict[str, Any]:
    found = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, kind):
                found[one.name] = one
    return found


FLOWS, TASKS = _declared(flows, Flow), _declared(tasks, Task)


def test_the_story_is_there() -> None:
    assert {"execution-session", "reconciliation"} <= FLOWS.keys()
    assert {"work-slice", "reconcile-books", "check-risk"} <= TASKS.keys()


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_persists_nothing_and_never_retries_itself(name: str) -> None:
    declared = FLOWS[name]
    assert declared.persist_result is False
    assert declared.result_serializer == "json"
    assert declared.retries == 0
    assert declared.should_validate_parameters
    assert declared.flow_run_name


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_neither_cached_nor_persisted(name: str) -> None:
    declared = TASKS[name]
    assert declared.persist_result is False
    assert declared.cache_policy is NO_CACHE
    assert declared.result_serializer == "json"
    assert declared.task_run_name


@pytest.mark.parametrize("name", TASKS)
def test_only_what_reads_is_retried(name: str) -> None:
    assert (TASKS[name].retries > 0) == (name in MAY_BE_RETRIED)


@pytest.mark.parametrize("name", FLOWS)
def test_every_parameter_has_help_and_a_limit_or_a_type_that_is_one(name: str) -> None:
    schema = parameter_schema(FLOWS[name].fn).model_dump()
    for key, field in schema["properties"].items():
        assert field.get("description"), f"{name}.{key} has no help text"
        assert is_limited(field, schema["definitions"]), f"{name}.{key} takes anything"


def is_limited(field: dict[str, Any], definitions: dict[str, Any]) -> bool:
    limits = {"minimum", "maximum", "maxLength", "maxItems", "pattern", "enum", "format", "const"}
    options = field.get("anyOf", [field])
    return all(
        option.get("type") in ("null", "boolean")
        or limits & option.keys()
        or "patternProperties" in option
        or limits & option.get("propertyNames", {}).keys()
        for option in options
    )


def _task_functions() -> Iterator[ast.AsyncFunctionDef | ast.FunctionDef]:
    for path in Path(tasks.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and _is_task(node):
                yield node


def _is_task(node: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Call) and ast.unparse(one.func) == "task" for one in node.decorator_list)


def test_a_task_is_one_sentence() -> None:
    lengths = {
        one.name: sum(part.end_lineno - part.lineno + 1 for part in one.body if part.end_lineno)
        for one in _task_functions()
    }
    assert len(lengths) == len(TASKS)
    assert {name: lines for name, lines in lengths.items() if lines > TASK_LINES_MAX} == {}
