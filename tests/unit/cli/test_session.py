"""What `hydra session run` tells a person."""

import pytest

from hydra.cli.session import _print


@pytest.mark.parametrize(
    ("reason", "is_stopped"),
    [("TRADING_HALTED: HE: killed", True), ("BREAKER_OPEN: daily_loss", True), ("NO_BARS: 162 none", False)],
)
def test_what_a_person_has_stopped_is_told_with_the_way_on(
    reason: str, is_stopped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _print({"parents": [], "denied": [{"symbol": "HE", "reasons": ["VOLUME_CAP: 3 lots", reason]}]})
    told = capsys.readouterr().out
    assert told.startswith("HE denied: VOLUME_CAP: 3 lots; ")  # no table of nothing before it
    assert ("hydra trading show" in told) == is_stopped
