"""Configuration: what wins, what is refused, and that every value knows where it comes from."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from hydra.config import Loaded, Source, data_dir, load, load_settings, risk_limits
from hydra.config.keys import all_keys
from hydra.domain.errors import UserError
from hydra.risk.limits import default_limits


def loaded(
    text: str | None = None,
    environ: dict[str, str] | None = None,
    overrides: dict[str, object] | None = None,
    *,
    folder: Path = Path(),
) -> Loaded:
    file = None
    if text is not None:
        file = folder / "hydra.toml"
        file.write_text(text, encoding="utf-8")
    return load(file, overrides or {}, environ or {})


def refused(*args: object, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        loaded(*args, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_each_layer_beats_the_one_below_and_is_named_as_the_source(tmp_path: Path) -> None:
    text = "[gateway]\nport = 4003\n"
    environ, overrides = {"HYDRA_GATEWAY_PORT": "4004"}, {"gateway.port": "4005"}
    ladder = [
        (loaded(), 4002, Source("default", "built in")),
        (loaded(text, folder=tmp_path), 4003, Source("file", f"{tmp_path / 'hydra.toml'}:2")),
        (loaded(text, environ, folder=tmp_path), 4004, Source("environment", "HYDRA_GATEWAY_PORT")),
        (loaded(text, environ, overrides, folder=tmp_path), 4005, Source("command line", "gateway.port")),
    ]
    for found, port, source in ladder:
        assert (found.settings.gateway.port, found.source("gateway", "port")) == (port, source)


def test_a_misspelt_key_is_refused_with_file_line_value_and_the_near_name(tmp_path: Path) -> None:
    line = refused("[trading]\n\n[gateway]\nprot = 4002\n", folder=tmp_path)
    assert f"{tmp_path / 'hydra.toml'}:4: unknown key gateway.prot = 4002, did you mean gateway.port?" in line


def test_a_misspelt_table_is_refused(tmp_path: Path) -> None:
    assert "did you mean gateway?" in refused("[gatway]\nport = 1\n", folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HYDRA_MOED", "HYDRA_TRADING_MODE"),
        ("HYDRA_MODE", "HYDRA_TRADING_MODE"),
        ("HYDRA_GATEWAY_PROT", "HYDRA_GATEWAY_PORT"),
        ("HYDRA_DATADIR", "HYDRA_DATA_DIR"),
        ("HYDRA_DEBUG", "HYDRA_DEBUG_TRACE"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_near_name(name: str, meant: str) -> None:
    assert f"unknown variable {name} = x, did you mean {meant}?" in refused(None, {name: "x"})


def test_a_variable_of_somebody_else_and_an_empty_one_are_left_alone() -> None:
    assert loaded(None, {"PREFECT_API_URL": "x", "HYDRA_GATEWAY_PORT": ""}).settings.gateway.port == 4002


@pytest.mark.parametrize("name", ["HYDRA_DB_PASSWORD", "HYDRA_API_TOKEN", "HYDRA_LEDGER_URLL"])
def test_the_value_of_an_unknown_variable_that_sounds_secret_is_not_shown(name: str) -> None:
    line = refused(None, {name: "hunter2"})
    assert name in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"HYDRA_GATEWAY_PORT": "70000"}, "HYDRA_GATEWAY_PORT: gateway.port = 70000: "),
        ({"HYDRA_CLOCK_START": "2026-11-20T09:00:00"}, "should have timezone info"),
        ({"HYDRA_CLOCK_ANCHOR": "1"}, "clock.anchor = 1: clock.anchor without clock.start"),
        ({"HYDRA_CLOCK_SPEED": "nan"}, "finite number"),
        ({"HYDRA_CLOCK_SPEED": "0"}, "greater than 0"),
        ({"HYDRA_TRADING_MODE": "LIVE!"}, "'paper' or 'live'"),
        ({"HYDRA_TRADING_SYMBOLS": "ZO,HE,ZO"}, "a symbol is named twice"),
        ({"HYDRA_TRADING_SYMBOLS": "[]"}, "trading.symbols = []: List should have at least 1 item"),
        ({"HYDRA_EXECUTION_LADDER_S": "3,2"}, "execution.ladder_s.2 = (missing)"),
        ({"HYDRA_GATEWAY_BROKER_ZONE": "Mars/Base"}, "not a time zone"),
        ({"HYDRA_MAINTENANCE_WINDOWS": "[{"}, "not JSON"),
        ({"HYDRA_BROKER_ERRORS_399": "meh"}, "broker_errors.399 = meh"),
        ({"HYDRA_LIMITS_INSTRUMENTS_ZO_COLLAR_PCT": "inf"}, "finite"),
        (
            {"HYDRA_TRADING_MODE": "live", "HYDRA_CLOCK_SPEED": "60", "HYDRA_WORKER_SHARDS": "2"},
            "HYDRA_CLOCK_SPEED: clock.speed = 60: a scaled clock cannot trade live",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_key(environ: dict[str, str], told: str) -> None:
    assert told in refused(None, environ)


@pytest.mark.parametrize("text", ["[gateway]\nport = true\n", "gateway = 3\n", "[gateway]\nport = [1]\n"])
def test_a_value_of_the_wrong_kind_is_refused_at_its_line(text: str, tmp_path: Path) -> None:
    assert re.match(r"HY-104 \S+hydra\.toml:[12]: gateway", refused(text, folder=tmp_path))


def test_a_file_with_limits_of_one_symbol_denies_the_others(tmp_path: Path) -> None:
    found = loaded("[limits.instruments.ZO]\norder_lots = 3\n", folder=tmp_path)
    limits = risk_limits(found.settings).instruments
    assert list(limits) == ["ZO"]
    assert (limits["ZO"].order_lots, limits["ZO"].spread_ticks_max) == (3, 60)


def test_without_a_file_the_six_symbols_have_the_limits_of_their_mode() -> None:
    symbols = ("ZO", "HE", "LE", "GF", "ZR", "OJ")
    assert risk_limits(loaded().settings) == default_limits("paper", symbols)
    live = loaded(None, {"HYDRA_TRADING_MODE": "live"})
    assert risk_limits(live.settings) == default_limits("live", symbols)
    assert live.source("limits", "breakers", "drawdown") == Source("default", "live limits")


def test_a_limit_out_of_range_is_told_with_file_and_line(tmp_path: Path) -> None:
    line = refused("[limits.breakers]\n# a loss is negative\ndaily_loss = 0.02\n", folder=tmp_path)
    assert f"{tmp_path / 'hydra.toml'}:3: limits.breakers.daily_loss = 0.02: " in line


def test_a_fraction_is_exact(tmp_path: Path) -> None:
    found = loaded("[limits.instruments.ZO]\nadv_fraction = 0.1\n", folder=tmp_path)
    assert found.settings.limits.instruments["ZO"].adv_fraction == Decimal("0.1")


def test_settings_cannot_be_changed() -> None:
    settings = load_settings(environ={})
    with pytest.raises(ValidationError):
        settings.gateway.port = 1
    with pytest.raises(ValidationError):
        settings.trading = settings.trading


def test_a_secret_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://hydra:hunter2@db/ledger\n")
    settings = load_settings(environ={"HYDRA_LEDGER_URL_FILE": str(secret)})
    assert settings.ledger.url is not None
    assert settings.ledger.url.get_secret_value() == "postgresql://hydra:hunter2@db/ledger"
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_the_file_in_force_is_the_named_one_then_the_variable_then_the_local_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("hydra.toml", 1), ("by_variable.toml", 2), ("named.toml", 3)):
        (tmp_path / name).write_text(f"[gateway]\nport = {port}\n")
    monkeypatch.chdir(tmp_path)
    variable = {"HYDRA_CONFIG": "by_variable.toml"}
    assert load(None, {}, {}).settings.gateway.port == 1
    assert load(None, {}, variable).settings.gateway.port == 2
    assert load(Path("named.toml"), {}, variable).settings.gateway.port == 3


def test_a_data_directory_of_a_file_is_relative_to_that_file(tmp_path: Path) -> None:
    assert loaded("data_dir = 'books'\n", folder=tmp_path).settings.data_dir == tmp_path / "books"


def test_the_data_directory_is_absolute_wherever_a_command_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load_settings(environ={}).data_dir == tmp_path / "home" / ".local" / "share" / "hydra"
    assert load_settings(environ={"HYDRA_DATA_DIR": "books"}).data_dir == tmp_path / "books"
    assert data_dir({"HYDRA_DATA_DIR": "books"}) == tmp_path / "books"


def test_no_two_keys_share_a_variable_and_every_key_is_explained() -> None:
    names = [key.env_name for key in all_keys()]
    assert len(names) == len(set(names))
    assert [key.name for key in all_keys() if not key.field.description] == []


@pytest.mark.parametrize("key", [key.env_name for key in all_keys()])
def test_every_variable_reaches_the_key_it_is_named_after(key: str) -> None:
    found = [one for one in all_keys() if one.path_for(key.replace("<NAME>", "ZO")) is not None]
    assert [one.env_name for one in found] == [key]
