"""The journal: records come back as they were, a torn end is cut, a damaged line named, one holder."""

import dataclasses
import typing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.errors import HydraError, Unavailable
from hydra.simgateway.records import BookOpened, FrameTaken, Record, from_line, to_line
from hydra.simgateway.store import JOURNAL_NAME, FileJournal, read_records

AT = datetime(2026, 11, 23, 14, 30, 0, 5, tzinfo=UTC)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    datetime: st.datetimes(timezones=st.just(UTC)),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    int: st.integers(),
    bool: st.booleans(),
    str: st.text(),
}


def of_kind(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields = {item.name: value_of(hints[item.name]) for item in dataclasses.fields(kind)}
    return st.builds(kind, **fields)


def value_of(hint: Any) -> st.SearchStrategy[Any]:
    if hint in VALUES:
        return VALUES[hint]
    optional = [each for each in typing.get_args(hint) if each in VALUES]
    if typing.get_origin(hint) is dict:
        return st.dictionaries(st.text(), st.text(), max_size=3)
    return st.none() | VALUES[optional[0]]


@given(st.one_of([of_kind(kind) for kind in typing.get_args(Record)]))
def test_every_record_comes_back_from_its_line_as_it_was(record: Record) -> None:
    line = to_line(record)
    assert line.count(b"\n") == 1
    assert from_line(line) == record


def frame_record(n: int) -> FrameTaken:
    return FrameTaken(AT, n, "placeOrder", 1, n, f"H-{n}", "refused:110")


def filled(state_dir: Path, n: int) -> Path:
    journal = FileJournal(state_dir)
    for each in range(1, n + 1):
        journal.append(frame_record(each))
    journal.close()
    return state_dir / JOURNAL_NAME


@pytest.mark.parametrize("torn", range(1, 40, 7))
def test_a_line_torn_by_a_kill_is_cut_and_the_next_record_is_whole(tmp_path: Path, torn: int) -> None:
    path = filled(tmp_path, 3)
    with path.open("ab") as file:
        file.write(to_line(frame_record(4))[:torn])
    journal = FileJournal(tmp_path)
    journal.append(frame_record(5))
    assert [record.frame for record in journal.records() if isinstance(record, FrameTaken)] == [1, 2, 3, 5]
    journal.close()


def test_a_torn_end_longer_than_a_block_is_cut_too(tmp_path: Path) -> None:
    path = filled(tmp_path, 2)
    with path.open("ab") as file:
        file.write(b"x" * 10_000)
    journal = FileJournal(tmp_path)
    assert len(list(journal.records())) == 2
    journal.close()


def test_a_journal_of_one_torn_line_is_empty(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_bytes(b'{"k":"Frame')
    journal = FileJournal(tmp_path)
    assert list(journal.records()) == []
    journal.close()


def test_reading_beside_a_writer_stops_before_the_unfinished_line(tmp_path: Path) -> None:
    path = filled(tmp_path, 2)
    with path.open("ab") as file:
        file.write(b'{"k":"Fra')
    assert len(list(read_records(path))) == 2


@pytest.mark.parametrize(
    "line", ['{"k":"Nonsense"}', '{"at":1}', "[]", "not json", '{"k":"FrameTaken","at":"x"}']
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = filled(tmp_path, 2)
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(HydraError, match=rf"HY-212 .*{JOURNAL_NAME}:3: damaged"):
        list(read_records(path))


def test_two_gateways_cannot_hold_one_directory(tmp_path: Path) -> None:
    first = FileJournal(tmp_path)
    with pytest.raises(Unavailable, match="HY-205"):
        FileJournal(tmp_path)
    first.close()
    FileJournal(tmp_path).close()


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(Unavailable, match="HY-204"):
        FileJournal(tmp_path / "state")


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    assert path.stat().st_mode & 0o077 == 0


def test_times_and_prices_keep_every_digit() -> None:
    record = BookOpened(AT, 1, 7, Decimal("1000000.10"), "DUSIM001")
    assert str(from_line(to_line(record)).cash_usd) == "1000000.10"  # type: ignore[union-attr]
