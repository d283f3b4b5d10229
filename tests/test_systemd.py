"""The systemd unit in docs/: started again whatever ended it, one SIGTERM with time enough, locked in."""

from configparser import RawConfigParser
from pathlib import Path

from hydra.worker.ib_gateway import FLOW_END_WALL_S_MAX, STOP_PROOF_WALL_S

UNIT = Path(__file__).parents[1] / "docs" / "systemd" / "hydra-worker@.service"


def _unit() -> RawConfigParser:
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def test_a_worker_is_started_again_without_end_and_told_to_stop_once_with_time_for_it() -> None:
    unit = _unit()
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")
    assert int(service["TimeoutStopSec"]) > STOP_PROOF_WALL_S + FLOW_END_WALL_S_MAX
    assert service["ExecStart"].split("/")[-1] == "hydra worker start --role %i"


def test_it_runs_as_nobody_in_particular_with_no_rights_and_no_secret_in_it() -> None:
    service = _unit()["Service"]
    assert service["User"] == "hydra"
    assert service["CapabilityBoundingSet"] == ""
    strict = {"NoNewPrivileges": "true", "ProtectSystem": "strict", "ProtectHome": "true", "UMask": "0077"}
    assert {name: service[name] for name in strict} == strict
    assert not any(word in UNIT.read_text() for word in ("AUTH_STRING=", "PASSWORD="))
