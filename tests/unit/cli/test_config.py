"""`hydra config`."""

import json

import pytest

from tests.conftest import Hydra

pytestmark = pytest.mark.process


def test_show_prints_every_key_with_its_source_as_json(hydra: Hydra) -> None:
    done = hydra(
        "--set",
        "gateway.host=localhost",
        "config",
        "show",
        "--sources",
        "--json",
        env={"HYDRA_GATEWAY_PORT": "4004"},
    )
    found = json.loads(done.stdout)
    assert found["gateway.port"] == {"value": 4004, "layer": "environment", "source": "HYDRA_GATEWAY_PORT"}
    assert found["gateway.host"]["layer"] == "command line"
    assert found["limits.instruments.ZO.order_lots"]["source"] == "paper limits"


def test_show_masks_a_secret_in_both_forms(hydra: Hydra) -> None:
    for form in ((), ("--json",), ("--sources",)):
        done = hydra("config", "show", *form, env={"HYDRA_LEDGER_URL": "postgresql://u:hunter2@db/x"})
        assert done.returncode == 0
        assert "hunter2" not in done.stdout + done.stderr
        assert "ledger.url" in done.stdout


def test_show_without_json_does_not_cut_a_value_off(hydra: Hydra, tmp_path: object) -> None:
    assert f"{tmp_path}/data" in hydra("config", "show").stdout


def test_check_says_what_would_be_denied(hydra: Hydra) -> None:
    done = hydra("config", "check", "--json", env={"HYDRA_TRADING_SYMBOLS": "ZO,XX"})
    facts = json.loads(done.stdout)
    assert facts["denied_for_want_of_a_limit"] == ["XX"]
    assert (facts["mode"], len(facts["config_hash"])) == ("paper", 16)


def test_the_schema_knows_the_sections_and_forbids_other_keys(hydra: Hydra) -> None:
    schema = json.loads(hydra("config", "schema").stdout)
    assert schema["additionalProperties"] is False
    assert {"gateway", "limits", "execution"} <= schema["properties"].keys()
