"""The bar store: nothing is overwritten, every moment can be read again, damage is named."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hydra.domain.errors import Unavailable, UserError
from hydra.domain.market import DailyBar
from hydra.persistence.bar_files import read_csv_bars, read_csv_contracts, read_csv_cot, read_parquet_bars
from hydra.persistence.bars import ParquetBarStore
from hydra.research.strategy import bars_hash

MONDAY = datetime(2026, 8, 17, 21, tzinfo=UTC)


def bar(day: int, close: str, volume: int = 100) -> DailyBar:
    px = Decimal(close)
    return DailyBar(date(2026, 8, day), px, px + 1, px - 1, px, volume)


@pytest.fixture
def store(tmp_path: Path) -> ParquetBarStore:
    return ParquetBarStore(tmp_path / "bars")


def test_bars_come_back_exactly_negative_and_zero_ones_too(store: ParquetBarStore) -> None:
    given = (bar(3, "386.25"), bar(4, "-37.63"), bar(5, "0"), bar(6, "0.00025"))
    assert store.put("CL-202005", given, MONDAY, "test") == 4
    assert store.bars("CL-202005") == given
    assert bars_hash(store.bars("CL-202005")) == bars_hash(given)
    assert ParquetBarStore(store.path("CL-202005").parent).bars("CL-202005") == given


def test_each_moment_is_read_as_it_was_known(store: ParquetBarStore) -> None:
    store.put("ZO", [bar(3, "400"), bar(4, "401")], MONDAY, "ib")
    later = MONDAY + timedelta(days=1)
    assert store.put("ZO", [bar(4, "399.5"), bar(5, "402")], later, "ib") == 2
    assert [row.close_px for row in store.bars("ZO", MONDAY)] == [400, 401]
    assert [row.close_px for row in store.bars("ZO")] == [400, Decimal("399.5"), 402]
    assert [str(row.close_px) for _, row in store.revisions("ZO", date(2026, 8, 4))] == ["401", "399.5"]
    with pytest.raises(UserError, match="HY-858"):
        store.bars("ZO", MONDAY - timedelta(seconds=1))


def test_a_repetition_adds_nothing(store: ParquetBarStore) -> None:
    store.put("ZO", [bar(3, "400.50")], MONDAY, "ib")
    before = store.path("ZO")
    assert store.put("ZO", [bar(3, "400.5")], MONDAY + timedelta(days=1), "csv") == 0
    assert store.path("ZO") == before


def test_one_moment_has_one_value(store: ParquetBarStore) -> None:
    store.put("ZO", [bar(3, "400")], MONDAY, "ib")
    with pytest.raises(UserError, match=r"HY-853 .*another value already"):
        store.put("ZO", [bar(3, "401")], MONDAY, "csv")
    with pytest.raises(UserError, match=r"HY-853 .*another value"):
        store.put("ZO", [bar(4, "401"), bar(4, "402")], MONDAY, "csv")
    assert [row.on.day for row in store.bars("ZO")] == [3]


def test_a_history_imported_late_does_not_hide_what_was_known(store: ParquetBarStore) -> None:
    store.put("ZO", [bar(4, "401")], MONDAY, "ib")
    store.put("ZO", [bar(3, "400")], MONDAY + timedelta(days=9), "csv")
    assert [row.on.day for row in store.bars("ZO")] == [3, 4]
    assert [row.on.day for row in store.bars("ZO", MONDAY)] == [4]


def test_damage_is_named_and_not_read(store: ParquetBarStore) -> None:
    store.put("ZO", [bar(3, "400")], MONDAY, "ib")
    path = store.path("ZO")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Unavailable, match=r"HY-853 .*not the file that was written"):
        store.bars("ZO")
    with pytest.raises(Unavailable, match="HY-853"):
        store.put("ZO", [bar(4, "400")], MONDAY, "ib")


def test_an_unknown_series_and_a_bad_name_are_told(store: ParquetBarStore) -> None:
    store.put("ZO-front", [bar(3, "400")], MONDAY, "ib")
    with pytest.raises(UserError, match=r"HY-858 .*did you mean ZO-front\?"):
        store.bars("ZO-fornt")
    with pytest.raises(UserError, match=r"HY-853 .*no name of a series"):
        store.put("../ZO", [bar(3, "400")], MONDAY, "ib")
    with pytest.raises(UserError, match=r"HY-853 .*ZO"):
        store.put("ZO", [bar(3, "1." + "1" * 20)], MONDAY, "ib")  # more digits than any market quotes


def test_a_place_that_cannot_be_written_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="HY-853"):
        ParquetBarStore(tmp_path / "file" / "bars")


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    def put_every_second_day(first: int) -> None:
        store = ParquetBarStore(tmp_path)
        for n in range(8):
            store.put("ZO", [bar(1 + first + 2 * n, "400")], MONDAY + timedelta(days=n), f"writer {first}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(put_every_second_day, (0, 1)))
    assert [row.on.day for row in ParquetBarStore(tmp_path).bars("ZO")] == list(range(1, 17))
    assert len(list(tmp_path.glob("*.parquet"))) <= 2


# --- files of others ------------------------------------------------------------------------------------


def csv_file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "ZO.csv"
    path.write_text("\n".join(("date,open,high,low,close,volume", *lines)) + "\n")
    return path


def test_a_csv_file_becomes_bars(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "2026-08-03,400,401,-399,400.25,12.0", "2026-08-04,0,0,0,0,")
    first, second = read_csv_bars(path)
    assert (first.low_px, first.volume, second.close_px, second.volume) == (-399, 12, 0, 0)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["2026-08-03,1,1,1,1,1", "2026-08-03,1,1,1,1,1"], "line 3: 2026-08-03 comes twice"),
        (["2026-08-04,1,1,1,1,1", "2026-08-03,1,1,1,1,1"], "line 3: 2026-08-03 comes after 2026-08-04"),
        (["2026-08-03,1,1,1,nan,1"], "line 2: close is NaN"),
        (["2026-08-03,1,inf,1,1,1"], "line 2: high is Infinity"),
        (["2026-08-03,1,1,1,,1"], "line 2: close is empty"),
        (["2026-08-03,1,1,1,1,1", "2026-08-04,1,1,1"], "line 3: more or fewer fields"),
        (["03.08.2026,1,1,1,1,1"], "line 2: '03.08.2026' is no date"),
        (["2026-08-03,1,1,1,1,-5"], "line 2: volume is -5"),
        (["2026-08-03,1,1,1,1,2.5"], "line 2: volume is 2.5"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_cause(
    tmp_path: Path, lines: list[str], says: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_csv_bars(csv_file(tmp_path, *lines))
    assert refused.value.code == "HY-850"
    assert says in str(refused.value)


def test_unreadable_rows_are_left_out_where_they_are_collected(tmp_path: Path) -> None:
    rejected: list[UserError] = []
    path = csv_file(tmp_path, "2026-08-03,1,1,1,1,1", "2026-08-04,1,1,1,,1", "2026-08-05,1,1,1,1,1")
    assert [row.on.day for row in read_csv_bars(path, rejected)] == [3, 5]
    assert ["line 3" in str(one) for one in rejected] == [True]


def test_a_file_without_rows_columns_or_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"HY-852 .*no row"):
        read_csv_bars(csv_file(tmp_path))
    bad = tmp_path / "bad.csv"
    bad.write_text("date,open,high,low\n2026-08-03,1,1,1\n")
    with pytest.raises(UserError, match=r"HY-850 .*line 1: no column close"):
        read_csv_bars(bad)
    bad.write_bytes(b"date,open\n\xff\xfe,1\n")
    with pytest.raises(UserError, match=r"HY-876 .*not UTF-8 text"):
        read_csv_bars(bad)
    with pytest.raises(UserError, match=r"HY-876 .*absent.csv cannot be read: No such file"):
        read_csv_bars(tmp_path / "absent.csv")
    with pytest.raises(UserError, match=r"HY-850 .*no column market"):
        read_csv_cot(bad.with_name("ZO.csv"))
    with pytest.raises(UserError, match=r"HY-850 .*no column contract"):
        read_csv_contracts(bad.with_name("ZO.csv"))


def test_parquet_bars_read_like_csv_and_name_their_row(tmp_path: Path) -> None:
    path = tmp_path / "ZO.parquet"
    days = [date(2026, 8, 3), date(2026, 8, 4)]
    prices = {name: [400.5, 401.0] for name in ("open", "high", "low", "settle")}
    pq.write_table(pa.table({"Date": days, **prices, "volume": [10, 20]}), path)
    assert [(row.on, row.close_px, row.volume) for row in read_parquet_bars(path)] == [
        (days[0], Decimal("400.5"), 10),
        (days[1], Decimal("401.0"), 20),
    ]
    pq.write_table(pa.table({"date": days, **prices, "volume": [10, None], "low": [1.0, None]}), path)
    with pytest.raises(UserError, match=r"HY-850 .*line 2: low is None"):
        read_parquet_bars(path)
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(UserError, match=r"HY-876 .*not Parquet"):
        read_parquet_bars(path)
