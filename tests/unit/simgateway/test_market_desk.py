"""Quotes: the first picture at once, then only what changed; and what an account may see."""

from datetime import timedelta
from itertools import pairwise

import pytest

from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.records import to_line
from hydra.simgateway.wire import number_text, parse_time
from tests.unit.simgateway.gateway_harness import Bench, Told


def ask_quotes(
    bench: Bench, link: Told, req_id: int = 900, snapshot: int = 0, con_id: int | None = None
) -> None:
    contract = bench.contract.con_id if con_id is None else con_id
    bench.ask(link, 1, 11, req_id, contract, *[""] * 11, 0, "", snapshot, 0, "")


def ticks(link: Told) -> dict[int, str]:
    return {int(fields[3]): fields[4] for fields in link.of("tickPrice", "tickSize")}


def test_the_first_picture_is_the_quote_of_the_exchange() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link)
    quote = bench.gateway.core.exchange.quote(bench.contract.con_id)
    shown = ticks(link)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.last is not None
    assert (shown[1], shown[2], shown[4]) == tuple(map(number_text, (quote.bid, quote.ask, quote.last)))
    assert (shown[0], shown[3], shown[8]) == tuple(map(str, (quote.bid_size, quote.ask_size, quote.volume)))
    assert shown[9] == number_text(quote.close)
    kinds = [kind for kind, _ in link.messages if kind in ("marketDataType", "tickPrice")]
    assert kinds[0] == "marketDataType"


def test_later_ticks_are_differences_that_add_up_to_the_quote() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link)
    seen = ticks(link)
    first = len(link.messages)
    for _ in range(200):
        bench.pass_time(seconds=10)
    seen.update(ticks(link))
    quote = bench.gateway.core.exchange.quote(bench.contract.con_id)
    assert seen[1] == ("-1" if quote.bid is None else number_text(quote.bid))
    assert seen[2] == ("-1" if quote.ask is None else number_text(quote.ask))
    assert seen[8] == str(quote.volume)
    assert len(link.messages) > first
    told = [tuple(fields) for fields in link.of("tickPrice") if fields[3] == "1"]
    assert all(one != two for one, two in pairwise(told))


def test_a_side_without_orders_is_minus_one_with_size_zero() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link)
    exchange = bench.gateway.core.exchange
    bench.gateway.core.dispatch(exchange.halt(bench.contract.con_id, bench.now))
    bench.gateway.publish()
    shown = ticks(link)
    assert (shown[1], shown[0]) == ("-1", "0")
    assert link.of("tickGeneric")[-1][3:] == ["49", "1"]


def test_after_cancel_nothing_comes_and_the_exchange_rests() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link)
    bench.ask(link, 2, 2, 900)
    link.forget()
    bench.pass_time(minutes=30)
    assert link.messages == []
    assert bench.gateway.next_event_at() is None
    bench.ask(link, 2, 2, 900)
    assert link.errors(900) == [300]


def test_a_snapshot_ends_and_is_no_subscription() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link, snapshot=1)
    assert link.messages[-1][0] == "tickSnapshotEnd"
    assert bench.gateway.next_event_at() is None


def test_a_leaving_client_takes_its_subscriptions_along() -> None:
    bench = Bench()
    link, other = bench.client(1), bench.client(2)
    ask_quotes(bench, link)
    ask_quotes(bench, other)
    bench.gateway.leave(link)
    assert bench.gateway.next_event_at() is not None
    bench.gateway.leave(other)
    assert bench.gateway.next_event_at() is None


def test_a_used_id_an_unknown_contract_and_too_many_lines_are_refused() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link)
    ask_quotes(bench, link)
    assert link.errors(900) == [102]
    ask_quotes(bench, link, 901, con_id=42)
    assert link.errors(901) == [200]
    for req_id in range(1000, 1100):
        ask_quotes(bench, link, req_id)
    assert link.errors(1099) == [101]


@pytest.mark.parametrize(
    ("permission", "asked", "codes", "tick"),
    [
        ("live", 1, [], 1),
        ("live", 3, [], 1),
        ("delayed", 1, [354], None),
        ("delayed", 3, [10167], 66),
        ("none", 3, [10168], None),
    ],
)
def test_what_is_shown_depends_on_permission_and_wish(
    permission: str, asked: int, codes: list[int], tick: int | None
) -> None:
    bench = Bench(settings=GatewaySettings(pacing_per_s=0, market_data=permission))
    link = bench.client()
    bench.ask(link, 59, 1, asked)
    ask_quotes(bench, link)
    assert link.errors(900) == codes
    assert (tick in ticks(link)) if tick is not None else (ticks(link) == {})


def test_tick_by_tick_repeats_every_trade_of_the_tape() -> None:
    bench = Bench()
    link = bench.client()
    bench.ask(link, 97, 900, bench.contract.con_id, *[""] * 11, "AllLast", 0, 0)
    bench.place(link, 5, totalQuantity="9", lmtPrice=number_text(bench.crossing("BUY")))
    mine = sum(int(fields[19]) for fields in link.of("execDetails"))
    assert sum(int(fields[5]) for fields in link.of("tickByTick")) >= mine > 0
    bench.ask(link, 97, 901, bench.contract.con_id, *[""] * 11, "Nonsense", 0, 0)
    assert link.errors(901) == [321]


def test_lost_data_ends_every_subscription() -> None:
    bench = Bench()
    link = bench.client()
    ask_quotes(bench, link)
    bench.gateway.lose_link()
    bench.pass_time(minutes=1)
    bench.gateway.restore_link(data_lost=True)
    link.forget()
    bench.pass_time(minutes=30)
    assert link.of("tickPrice", "tickSize") == []


@pytest.mark.parametrize("form", ["zone", "utc", "naive"])
def test_execution_times_come_in_the_form_that_was_set(form: str) -> None:
    bench = Bench(settings=GatewaySettings(pacing_per_s=0, exec_time=form))
    link = bench.client()
    bench.place(link, 5, lmtPrice=number_text(bench.crossing("BUY")))
    text = link.of("execDetails")[0][15]
    assert parse_time(text, bench.settings.iana_zone) == bench.now.replace(microsecond=0)
    assert (form == "zone") == text.endswith(bench.settings.zone)
    assert (form == "naive") == ("  " in text)


def a_day(seed: int) -> tuple[list[bytes], list[tuple[str, list[str]]]]:
    bench = Bench(settings=GatewaySettings(seed=seed, pacing_per_s=0))
    link = bench.client()
    ask_quotes(bench, link)
    for order_id in range(1, 12):
        side = "BUY" if order_id % 2 else "SELL"
        bench.place(
            link, order_id, action=side, totalQuantity="3", lmtPrice=number_text(bench.crossing(side))
        )
        bench.pass_time(minutes=7)
    return [to_line(record) for record in bench.journal.records()], link.messages


def test_the_same_seed_gives_the_same_journal_and_the_same_messages() -> None:
    assert a_day(3) == a_day(3)
    assert a_day(3)[1] != a_day(4)[1]


def test_time_never_goes_back_in_the_journal() -> None:
    from hydra.simgateway.records import from_line

    stamps = [from_line(line).at for line in a_day(5)[0]]
    assert stamps == sorted(stamps)
    assert stamps[-1] - stamps[0] > timedelta(minutes=60)
