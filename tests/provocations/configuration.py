"""HY-1xx."""

from subprocess import CompletedProcess

from tests.provocations import Scene, provokes


@provokes("HY-101")
def a_missing_file(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("--config", "nowhere.toml", "config", "show")


@provokes("HY-101")
def a_missing_secret_file(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "show", env={"HYDRA_LEDGER_URL_FILE": "nowhere.txt"})


@provokes("HY-101")
def a_file_that_is_not_text(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "hydra.toml").write_bytes(b"\xff\xfe\x00")
    return scene.hydra("config", "show")


@provokes("HY-102")
def a_file_that_is_not_toml(scene: Scene) -> CompletedProcess[str]:
    scene.file("hydra.toml", "[gateway]\nport = = 4002\n")
    return scene.hydra("config", "show")


@provokes("HY-103")
def a_misspelt_key(scene: Scene) -> CompletedProcess[str]:
    scene.file("hydra.toml", "[gateway]\nprot = 4002\n")
    return scene.hydra("config", "show")


@provokes("HY-103")
def a_misspelt_key_on_the_command_line(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("--set", "gateway.prot=1", "config", "show")


@provokes("HY-104")
def a_value_out_of_range(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "show", env={"HYDRA_GATEWAY_PORT": "70000"})


@provokes("HY-105")
def a_misspelt_variable(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "show", env={"HYDRA_MOED": "live"})


@provokes("HY-106")
def a_data_directory_that_is_a_file(scene: Scene) -> CompletedProcess[str]:
    path = scene.file("occupied", "")
    return scene.hydra("config", "check", env={"HYDRA_DATA_DIR": str(path)})


@provokes("HY-110")
def live_without_the_flag(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "check", env={"HYDRA_TRADING_MODE": "live"})


_LIVE = {"HYDRA_TRADING_MODE": "live", "HYDRA_GATEWAY_ACCOUNT": "U1234567"}


@provokes("HY-111")
def live_without_the_account_typed_back(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("--live", "--confirm-account", "U7654321", "config", "check", env=_LIVE)


@provokes("HY-112")
def live_without_a_passed_gate(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("--live", "--confirm-account", "U1234567", "config", "check", env=_LIVE)


@provokes("HY-113")
def paper_with_a_live_account(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "check", env={"HYDRA_GATEWAY_ACCOUNT": "U1234567"})
