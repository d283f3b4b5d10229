"""From settings to the values of the parts below, without a name or default of its own drifting away."""

from dataclasses import fields

import pytest

from hydra.broker.options import BrokerOptions
from hydra.config import config_hash, ensure_data_dir, execution_policy, load, load_settings
from hydra.config.mode import require_mode_conditions
from hydra.config.schema import Execution, Gateway
from hydra.domain.errors import UserError
from hydra.execution.policy import ExecutionPolicy


def test_execution_keys_are_the_policy_with_its_defaults() -> None:
    settings = load_settings(environ={})
    assert list(Execution.model_fields) == [field.name for field in fields(ExecutionPolicy)]
    assert execution_policy(settings, "DU1234567") == ExecutionPolicy()


def test_the_simulated_gateway_has_its_own_settle_times() -> None:
    policy = execution_policy(load_settings(environ={}), "DUSIM001")
    assert (policy.settle_wall_s, policy.cancel_settle_wall_s) == (0.5, 0.1)


def test_gateway_keys_are_options_of_the_connection_with_their_defaults() -> None:
    options = BrokerOptions(host="127.0.0.1", port=4002, client_id=1)
    given = load_settings(environ={}).gateway
    assert {name: getattr(given, name) for name in Gateway.model_fields} == {
        name: getattr(options, name) for name in Gateway.model_fields
    }


def test_the_configuration_hash_changes_with_what_steers_trading_and_with_nothing_else() -> None:
    def hashed(**environ: str) -> str:
        return config_hash(load_settings(environ=environ))

    same = {"HYDRA_LOGGING_FORMAT": "json", "HYDRA_DATA_DIR": "elsewhere", "HYDRA_CLOCK_SPEED": "60"}
    assert hashed(**same) == hashed()
    assert hashed(HYDRA_LIMITS_INSTRUMENTS_ZO_ORDER_LOTS="7") != hashed()
    assert hashed(HYDRA_BROKER_ERRORS_399="doubt") != hashed()


def test_a_data_directory_admits_its_owner_only(tmp_path: object) -> None:
    folder = ensure_data_dir(load_settings(environ={"HYDRA_DATA_DIR": f"{tmp_path}/a/b"}))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


LIVE = {"HYDRA_TRADING_MODE": "live", "HYDRA_GATEWAY_ACCOUNT": "U1234567"}


@pytest.mark.parametrize(
    ("environ", "live", "typed", "is_gate_passed", "code"),
    [
        ({"HYDRA_TRADING_MODE": "live"}, True, None, True, "HY-111"),
        (LIVE, False, "U1234567", True, "HY-110"),
        (LIVE, True, None, True, "HY-111"),
        (LIVE, True, "U7654321", True, "HY-111"),
        (LIVE, True, "U1234567", False, "HY-112"),
        (LIVE | {"HYDRA_GATEWAY_ACCOUNT": "DU1234567"}, True, "DU1234567", True, "HY-113"),
        (LIVE | {"HYDRA_TRADING_MODE": "paper"}, True, "U1234567", True, "HY-113"),
    ],
)
def test_one_missing_condition_refuses_the_mode(
    environ: dict[str, str], live: bool, typed: str | None, is_gate_passed: bool, code: str
) -> None:
    with pytest.raises(UserError) as caught:
        require_mode_conditions(
            load(environ=environ), live=live, confirmed_account=typed, is_gate_passed=is_gate_passed
        )
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("environ", "live"),
    [(LIVE, True), ({}, False), ({"HYDRA_GATEWAY_ACCOUNT": "DUSIM001"}, False)],
)
def test_a_mode_with_all_its_conditions_may_trade(environ: dict[str, str], live: bool) -> None:
    require_mode_conditions(
        load(environ=environ), live=live, confirmed_account="U1234567", is_gate_passed=True
    )
