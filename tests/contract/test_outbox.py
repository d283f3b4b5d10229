"""The outbox: an alert is written with its fact or not at all, and leaves once for every sink, in order."""

import re
from collections.abc import Sequence

import pytest

from hydra.domain.alerts import NAMES, Alert, Weight, connection_alert
from hydra.domain.events import ParentClosed
from hydra.persistence.verify import verify
from hydra.ports import Conflict, Link, Told
from hydra.usecases.alerts import LINK_PATIENCE_WALL_S, FileSink, LinkReporter, deliver
from tests.contract.ledger_facts import Desk, Hands, halted
from tests.contract.ledger_stores import Store


@pytest.fixture
def desk(store: Store) -> Desk:
    hands = Hands()
    return Desk(store.open(hands), hands)


def names(desk: Desk, sink: str = "file") -> list[str]:
    return [one.alert.name for one in desk.ledger.outbox.untold(sink, 1000)]


def test_facts_are_told_with_their_contents_and_numbered_without_a_gap(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 3), 2)
    desk.ledger.record([halted("ZO")])
    told = desk.ledger.outbox.untold("file", 1000)
    assert [one.alert.name for one in told] == [
        "hydra.parent.opened",
        "hydra.child.filled",
        "hydra.trading.halted",
    ]
    assert [one.number for one in told] == [1, 2, 3]
    assert told[0].alert.resource == f"hydra.parent.{parent.parent_id}"
    assert told[1].alert.facts["last_qty"] == "2"
    assert (told[2].alert.weight, told[2].alert.facts["scope"]) == (Weight.ERROR, "ZO")


def test_a_writer_who_loses_tells_nothing(store: Store, desk: Desk) -> None:
    parent = desk.opened()
    before = names(desk)
    other = store.open(desk.hands)
    close = ParentClosed(parent.parent_id, "IN_DOUBT", "x")
    desk.ledger.append(parent.parent_id, parent.seq, [close])
    assert isinstance(other.append(parent.parent_id, parent.seq, [close]), Conflict)
    assert names(desk) == [*before, "hydra.parent.doubted"]


def test_each_sink_has_its_own_place_and_never_goes_back(store: Store, desk: Desk) -> None:
    desk.ledger.record([halted("ZO"), halted("HE")])
    outbox = desk.ledger.outbox
    outbox.took("file", 2)
    outbox.took("file", 1)
    assert names(desk, "file") == []
    assert len(names(desk, "log")) == 2
    again = store.open(desk.hands)
    again.record([halted("LE")])
    assert [one.number for one in again.outbox.untold("file", 10)] == [3]


def test_alerts_of_the_connection_stand_in_the_same_row(desk: Desk) -> None:
    desk.ledger.record([halted("ZO")])
    desk.ledger.outbox.add([connection_alert(False, 1, "no heartbeat")])
    assert names(desk) == ["hydra.trading.halted", "hydra.connection.lost"]


class Flaky:
    """A sink that is down until it is mended."""

    name = "flaky"

    def __init__(self) -> None:
        self.is_up = False
        self.took: list[int] = []

    def take(self, alerts: Sequence[Told]) -> None:
        if not self.is_up:
            raise ConnectionRefusedError("down")
        self.took += [one.number for one in alerts]


def test_a_sink_that_was_down_gets_everything_once_and_hinders_no_other(store: Store, desk: Desk) -> None:
    path = store.folder / "alerts.jsonl"
    flaky, said = Flaky(), []

    def log(event: str, **facts: object) -> None:
        said.append((event, facts["sink"]))

    for number in range(150):
        desk.ledger.outbox.add([connection_alert(False, number, "gone")])
        if number % 50 == 0:
            assert not deliver(desk.ledger.outbox, [flaky, FileSink(path)], log)
    flaky.is_up = True
    assert deliver(desk.ledger.outbox, [flaky, FileSink(path)], log)
    assert deliver(desk.ledger.outbox, [flaky, FileSink(path)], log)
    assert flaky.took == list(range(1, 151))
    assert len(path.read_text().splitlines()) == 150
    assert set(said) == {("hydra.sink.failed", "flaky")}


def test_the_outbox_is_no_part_of_the_fold(desk: Desk) -> None:
    """Alerts may be told, kept or thrown away: the ledger's proof does not depend on them."""
    desk.fill(desk.sent(desk.opened(), 3), 2)
    desk.ledger.outbox.took("file", 1)
    assert verify(desk.ledger.database, None).findings == ()
    desk.ledger.database.execute("DELETE FROM outbox")
    assert verify(desk.ledger.database, None).findings == ()


# --- breaks of the link ---------------------------------------------------------------------------------


class Heard:
    """An outbox that keeps what it is told, or is away."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_away = False

    def add(self, alerts: Sequence[Alert]) -> None:
        if self.is_away:
            raise ConnectionError("the ledger is away")
        self.names += [alert.name for alert in alerts]

    def untold(self, sink: str, limit: int) -> Sequence[Told]:
        return []

    def took(self, sink: str, number: int) -> None:
        """Nobody takes anything here."""


def link(is_good: bool) -> Link:
    return Link(is_good, "" if is_good else "no heartbeat", 0.0, 1, 0.0)


def test_a_break_of_the_link_is_told_once_when_it_lasts_and_its_end_too() -> None:
    hands, heard = Hands(), Heard()
    reporter = LinkReporter(1, hands)  # type: ignore[arg-type]
    reporter.look(link(True), heard)
    reporter.look(link(False), heard)
    reporter.look(link(True), heard)
    assert heard.names == []
    for _ in range(3):
        reporter.look(link(False), heard)
        hands.pass_s(LINK_PATIENCE_WALL_S)
    heard.is_away = True
    with pytest.raises(ConnectionError):
        reporter.look(link(True), heard)
    heard.is_away = False
    reporter.look(link(True), heard)
    reporter.look(link(True), heard)
    assert heard.names == ["hydra.connection.lost", "hydra.connection.restored"]


def test_a_link_that_stays_away_is_told_again_every_hour_and_not_in_a_maintenance_window() -> None:
    hands, heard = Hands(), Heard()
    reporter = LinkReporter(1, hands)  # type: ignore[arg-type]
    for _ in range(60):
        reporter.look(link(False), heard, is_expected=True)
        hands.pass_s(60.0)
    assert heard.names == []
    for _ in range(3 * 60):
        reporter.look(link(False), heard)
        hands.pass_s(60.0)
    assert heard.names == ["hydra.connection.lost"] * 3


def test_every_name_follows_the_grammar_of_events() -> None:
    every = [name for name, _ in NAMES.values()]
    every += [connection_alert(is_good, 1, "").name for is_good in (True, False)]
    assert all(re.fullmatch(r"hydra(\.[a-z]+){2}", name) for name in every)
    assert len(set(every)) == len(every)
