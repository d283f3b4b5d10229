import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.champion import Envelope
from hydra.domain.errors import UserError
from hydra.domain.events import ChildFilled, ChildPriced, ParentOpened, SessionPlanned
from hydra.domain.quantity import Side
from hydra.persistence.chain import EMPTY, hash_of, rows_after
from hydra.persistence.codec import EVENT_TYPES, decode, encode, instant_of, instant_text, instant_us

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
INSTANTS = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=9))])
)
st.register_type_strategy(Decimal, DECIMALS)
st.register_type_strategy(datetime, INSTANTS)
st.register_type_strategy(
    Envelope,
    st.builds(
        Envelope,
        st.lists(st.text(max_size=8), min_size=1, max_size=3, unique=True).map(tuple),
        st.decimals(min_value=1, max_value=10**9, places=2),
        st.integers(1, 99),
        st.integers(1, 999),
    ),
)

ON = date(2026, 8, 21)
PLAN = SessionPlanned("20260821-ZO-1", ON, "ZO", 101, 5, 0, Decimal("1E+6"), "b", "ewma", "c", "anna")
FILL = ChildFilled(
    "H-20260821-ZO-1-C01",
    "1.01",
    "1",
    1,
    101,
    Side.BUY,
    2,
    Decimal("-0.50"),
    datetime(2026, 8, 21, tzinfo=UTC),
)


@given(st.sampled_from(EVENT_TYPES).flatmap(lambda cls: st.builds(cls)))
def test_every_event_reads_back_equal_and_its_json_is_canonical(event: Any) -> None:
    kind, version, payload = encode(event)
    back = decode(kind, version, payload, "here")
    assert back == event
    assert type(back) is type(event)
    assert encode(back) == (kind, version, payload)
    canonical = json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":"))
    assert payload == canonical
    assert payload.isascii()


@given(INSTANTS, INSTANTS)
def test_texts_and_microseconds_order_as_the_instants_do(one: datetime, other: datetime) -> None:
    assert (instant_text(one) < instant_text(other)) == (one < other)
    assert (instant_us(one) < instant_us(other)) == (one < other)
    assert instant_of(instant_text(one)) == one


def test_a_trailing_zero_and_a_negative_price_survive() -> None:
    payload = encode(FILL)[2]
    assert json.loads(payload)["last_px"] == "-0.50"
    assert str(decode("ChildFilled", 1, payload, "here").last_px) == "-0.50"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("last_px", 0.5),
        ("last_px", Decimal("NaN")),
        ("last_px", Decimal("Infinity")),
        ("last_qty", Decimal(2)),
        ("last_qty", True),
        ("last_qty", 2.0),
        ("side", "BUY"),
        ("executed_at", datetime(2026, 8, 21)),
        ("order_ref", None),
    ],
)
def test_a_value_of_another_type_is_refused_before_it_is_written(field: str, value: object) -> None:
    with pytest.raises(TypeError, match="ChildFilled"):
        encode(replace(FILL, **{field: value}))


def test_what_is_no_fact_of_the_ledger_is_refused() -> None:
    with pytest.raises(TypeError, match="not a fact"):
        encode("a text")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "version"), [("ChildTeleported", 1), ("ChildFilled", 2)])
def test_an_unknown_kind_or_version_is_one_line_with_its_place(kind: str, version: int) -> None:
    with pytest.raises(UserError, match=r"HY-403 .*ledger.db, 20260821-ZO-1 4") as caught:
        decode(kind, version, "{}", "ledger.db, 20260821-ZO-1 4")
    assert kind in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        "not json",
        "{}",
        "[]",
        encode(FILL)[2].replace('"last_qty":2', '"last_qty":"2"'),
        encode(FILL)[2].replace('"BUY"', '"HOLD"'),
        encode(FILL)[2].replace("-0.50", "cheap"),
        encode(FILL)[2].replace("+00:00", "+02:00"),
        encode(FILL)[2].replace('"last_qty":2', '"last_qty":2,"more":1'),
    ],
)
def test_a_payload_that_cannot_be_read_is_one_line_with_its_place(payload: str) -> None:
    with pytest.raises(UserError, match="HY-404"):
        decode("ChildFilled", 1, payload, "ledger.db, 20260821-ZO-1 5")


def test_every_event_about_a_child_carries_its_order_ref() -> None:
    children = [cls for cls in EVENT_TYPES if cls.__name__.startswith("Child")]
    assert ChildPriced in children
    assert all("order_ref" in {field.name for field in fields(cls)} for cls in children)


def test_the_hash_covers_every_column_and_the_place() -> None:
    (row,) = rows_after(EMPTY, "20260821-ZO-1", [PLAN], "2026-08-21T00:00:00.000000+00:00")
    assert hash_of(row) == row.hash
    for name in ("stream", "seq", "kind", "version", "payload", "recorded_at", "prev_hash"):
        value = getattr(row, name)
        changed = row._replace(**{name: value + 1 if isinstance(value, int) else value + "x"})
        assert hash_of(changed) != row.hash, name


def test_hashes_do_not_depend_on_the_run() -> None:
    """The same fact in the same place has this hash for ever: a ledger outlives every build."""
    (row,) = rows_after(EMPTY, "20260821-ZO-1", [PLAN], "2026-08-21T00:00:00.000000+00:00")
    assert row.payload == (
        '{"bars_hash":"b","by":"anna","champion_id":"ewma","con_id":101,"config_hash":"c","equity_usd":"1E+6",'
        '"parent_id":"20260821-ZO-1","position":0,"session_on":"2026-08-21","symbol":"ZO","target":5}'
    )
    assert row.hash == "3290185357fabb11b622f2f6fcdb033653b8545daf16784e444d0308b09e2bc8"


def test_nested_slices_read_back_as_tuples() -> None:
    assert ParentOpened in EVENT_TYPES
    reasons = decode(
        "IntentDenied",
        1,
        '{"order_qty":1,"parent_id":"20260821-ZO-1","reasons":["A","B"],"side":"SELL"}',
        "here",
    )
    assert reasons.reasons == ("A", "B")
