"""Server to client messages as frames: one function per message, the version gates inside, no logic.

Orders (openOrder, completedOrder) are in order_messages.py, contract descriptions in contract_messages.py.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from hydra.simgateway.wire import frame, money_text, number_text

SERVER_VERSION_MAX: Final = 178
SERVER_VERSION_MIN: Final = 157
MISSING_PRICE: Final = "-1"

# Texts with a backslash would be unescaped by clients from server version 153 on; none may leave.
ContractBlock = Sequence[str]


def handshake(version: int, at_text: str) -> bytes:
    return frame((str(version), at_text))


def managed_accounts(accounts: str) -> bytes:
    return frame(("15", "1", accounts))


def next_valid_id(order_id: int) -> bytes:
    return frame(("9", "1", str(order_id)))


def error(req_id: int, code: int, text: str, version: int) -> bytes:
    fields = ["4", "2", str(req_id), str(code), text.replace("\\", "/").replace("\0", " ")]
    if version >= 166:
        fields.append("")
    return frame(fields)


def current_time(epoch: int) -> bytes:
    return frame(("49", "1", str(epoch)))


def order_status(
    order_id: int,
    status: str,
    filled: int,
    remaining: int,
    avg_px: Decimal,
    perm_id: int,
    last_px: Decimal,
    client_id: int,
    why_held: str = "",
) -> bytes:
    return frame(
        (
            "3",
            str(order_id),
            status,
            str(filled),
            str(remaining),
            number_text(avg_px),
            str(perm_id),
            "0",
            number_text(last_px),
            str(client_id),
            why_held,
            "0",
        )
    )


def open_order_end() -> bytes:
    return frame(("53", "1"))


def completed_orders_end() -> bytes:
    return frame(("102",))


def exec_details(
    req_id: int, order_id: int, contract: ContractBlock, execution: Sequence[str], version: int
) -> bytes:
    """One execution; `execution` holds the 18 fields from execId to lastLiquidity."""
    fields = ["11", str(req_id), str(order_id), *contract, *execution]
    if version >= 178:
        fields.append("0")
    return frame(fields)


def exec_details_end(req_id: int) -> bytes:
    return frame(("55", "1", str(req_id)))


def commission_report(exec_id: str, commission: Decimal, currency: str, realized: Decimal | None) -> bytes:
    """The fee of one execution; `realized` is None for an execution that only opens."""
    realized_text = "" if realized is None else money_text(realized)
    return frame(("59", "1", exec_id, money_text(commission), currency, realized_text, "", ""))


def account_value(key: str, value: str, currency: str, account: str) -> bytes:
    return frame(("6", "2", key, value, currency, account))


def portfolio(
    contract: ContractBlock,
    qty: int,
    mark: Decimal,
    value: Decimal,
    avg_cost: Decimal,
    unrealized: Decimal,
    realized: Decimal,
    account: str,
) -> bytes:
    amounts = (
        number_text(mark),
        money_text(value),
        number_text(avg_cost),
        money_text(unrealized),
        money_text(realized),
    )
    return frame(("7", "8", *contract, str(qty), *amounts, account))


def account_time(clock: str) -> bytes:
    return frame(("8", "1", clock))


def account_download_end(account: str) -> bytes:
    return frame(("54", "1", account))


def position(account: str, contract: ContractBlock, qty: int, avg_cost: Decimal) -> bytes:
    return frame(("61", "3", account, *contract, str(qty), number_text(avg_cost)))


def position_end() -> bytes:
    return frame(("62", "1"))


def position_multi(req_id: int, account: str, contract: ContractBlock, qty: int, avg_cost: Decimal) -> bytes:
    return frame(("71", "1", str(req_id), account, *contract, str(qty), number_text(avg_cost), ""))


def position_multi_end(req_id: int) -> bytes:
    return frame(("72", "1", str(req_id)))


def account_update_multi(req_id: int, account: str, key: str, value: str, currency: str) -> bytes:
    return frame(("73", "1", str(req_id), account, "", key, value, currency))


def account_update_multi_end(req_id: int) -> bytes:
    return frame(("74", "1", str(req_id)))


def account_summary(req_id: int, account: str, tag: str, value: str, currency: str) -> bytes:
    return frame(("63", "1", str(req_id), account, tag, value, currency))


def account_summary_end(req_id: int) -> bytes:
    return frame(("64", "1", str(req_id)))


def pnl(req_id: int, daily: Decimal, unrealized: Decimal, realized: Decimal) -> bytes:
    return frame(("94", str(req_id), money_text(daily), money_text(unrealized), money_text(realized)))


def pnl_single(
    req_id: int, qty: int, daily: Decimal, unrealized: Decimal, realized: Decimal, value: Decimal
) -> bytes:
    amounts = (money_text(daily), money_text(unrealized), money_text(realized), money_text(value))
    return frame(("95", str(req_id), str(qty), *amounts))


def tick_price(req_id: int, tick_type: int, price: Decimal | None, size: int) -> bytes:
    """One price with its size; a missing price goes out as -1 with size 0, IB's way to say *nothing*."""
    if price is None:
        return frame(("1", "6", str(req_id), str(tick_type), MISSING_PRICE, "0", "0"))
    return frame(("1", "6", str(req_id), str(tick_type), number_text(price), str(size), "0"))


def tick_size(req_id: int, tick_type: int, size: int) -> bytes:
    return frame(("2", "6", str(req_id), str(tick_type), str(size)))


def tick_generic(req_id: int, tick_type: int, value: str) -> bytes:
    return frame(("45", "6", str(req_id), str(tick_type), value))


def tick_string(req_id: int, tick_type: int, value: str) -> bytes:
    return frame(("46", "6", str(req_id), str(tick_type), value))


def tick_snapshot_end(req_id: int) -> bytes:
    return frame(("57", "1", str(req_id)))


def market_data_type(req_id: int, kind: int) -> bytes:
    return frame(("58", "1", str(req_id), str(kind)))


def tick_req_params(req_id: int, min_tick: Decimal) -> bytes:
    return frame(("81", str(req_id), number_text(min_tick), "", "3"))


def tick_by_tick_trade(req_id: int, kind: int, epoch: int, price: Decimal, size: int, exchange: str) -> bytes:
    return frame(("99", str(req_id), str(kind), str(epoch), number_text(price), str(size), "0", exchange, ""))


def tick_by_tick_quote(
    req_id: int, epoch: int, bid: Decimal | None, ask: Decimal | None, bid_size: int, ask_size: int
) -> bytes:
    prices = [MISSING_PRICE if px is None else number_text(px) for px in (bid, ask)]
    return frame(("99", str(req_id), "3", str(epoch), *prices, str(bid_size), str(ask_size), "0"))


def tick_by_tick_mid(req_id: int, epoch: int, mid: Decimal) -> bytes:
    return frame(("99", str(req_id), "4", str(epoch), number_text(mid)))


def realtime_bar(
    req_id: int, epoch: int, prices: Sequence[Decimal], volume: int, wap: Decimal, count: int
) -> bytes:
    return frame(
        (
            "50",
            "3",
            str(req_id),
            str(epoch),
            *map(number_text, prices),
            str(volume),
            number_text(wap),
            str(count),
        )
    )


BarFields = tuple[str, Decimal, Decimal, Decimal, Decimal, int, Decimal, int]


def historical_data(req_id: int, start: str, end: str, bars: Iterable[BarFields]) -> bytes:
    """Bars as (date, open, high, low, close, volume, average, count)."""
    rows = list(bars)
    fields = ["17", str(req_id), start, end, str(len(rows))]
    for date, open_px, high, low, close, volume, average, count in rows:
        prices = map(number_text, (open_px, high, low, close))
        fields += [date, *prices, str(volume), number_text(average), str(count)]
    return frame(fields)


def historical_data_update(req_id: int, bar: BarFields) -> bytes:
    """The growing last bar; its fields stand in another order than those of historicalData."""
    date, open_px, high, low, close, volume, average, count = bar
    prices = map(number_text, (open_px, close, high, low, average))
    return frame(("90", str(req_id), str(count), date, *prices, str(volume)))


def head_timestamp(req_id: int, text: str) -> bytes:
    return frame(("88", str(req_id), text))


def historical_ticks_last(req_id: int, ticks: Iterable[tuple[int, Decimal, int, str]]) -> bytes:
    """Trades as (epoch, price, size, exchange)."""
    rows = list(ticks)
    fields = ["98", str(req_id), str(len(rows))]
    for epoch, price, size, exchange in rows:
        fields += [str(epoch), "0", number_text(price), str(size), exchange, ""]
    return frame([*fields, "1"])


def order_bound(perm_id: int, client_id: int, order_id: int) -> bytes:
    return frame(("100", str(perm_id), str(client_id), str(order_id)))


def market_rule(rule_id: int, increments: Iterable[tuple[Decimal, Decimal]]) -> bytes:
    rows = [number_text(value) for pair in increments for value in pair]
    return frame(("93", str(rule_id), str(len(rows) // 2), *rows))


def market_depth_exchanges(rows: Sequence[tuple[str, str]]) -> bytes:
    """Exchanges with their security type; no depth is offered beyond naming them."""
    fields = [text for exchange, sec_type in rows for text in (exchange, sec_type, exchange, "Deep", "1")]
    return frame(("80", str(len(rows)), *fields))
