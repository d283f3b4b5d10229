"""The gate's rules, one function each: what it finds wrong, in words that carry value and limit.

A rule looks at an `Order`: an intent or a child, known to have a side and whole positive lots.
Orders that can only shrink the position at both ends of the exposure interval (`is_reducing`) are exempt
from the rules that bound risk, and from none that guards against a bad price, a bad market or a runaway.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from hydra.domain.contract import Contract
from hydra.domain.events import TradingState
from hydra.risk.breakers import Breaker, BreakerState, breached, breaker_values, threshold
from hydra.risk.limits import InstrumentLimits, Limits, MessageLimit
from hydra.risk.market_rules import mark_px
from hydra.risk.reasons import Reason, because
from hydra.risk.subject import Order, is_price
from hydra.risk.view import ControlState, MessageCounts, RiskView

# --- the contract -----------------------------------------------------------------------------------


def contract_faults(con_id: int, symbol: str, view: RiskView) -> Iterator[str]:
    """The order, the contract and the quote must be of one contract, and its value per point known."""
    contract, quote = view.contract, view.quote
    if (con_id, symbol) != (contract.con_id, contract.symbol):
        yield because(
            Reason.CONTRACT_MISMATCH,
            f"order for {symbol} {con_id}, contract at hand {contract.symbol} {contract.con_id}",
        )
    if quote is not None and quote.con_id != contract.con_id:
        yield because(Reason.CONTRACT_MISMATCH, f"quote of {quote.con_id}, contract {contract.con_id}")
    if contract.currency != "USD":
        yield because(Reason.CONTRACT_INVALID, f"currency {contract.currency}, only USD is valued")
    if not has_value(contract):
        yield because(
            Reason.CONTRACT_INVALID,
            f"multiplier {contract.multiplier}, magnifier {contract.price_magnifier}, "
            f"tick {contract.min_tick}: each must be above zero",
        )
    if not contract.supports_good_till:
        yield because(Reason.GOOD_TILL_UNSUPPORTED, f"{symbol} does not list GTD: a child could not die")


def has_value(contract: Contract) -> bool:
    """Whether lots can be turned into dollars and prices into ticks."""
    numbers = (contract.multiplier, contract.min_tick, *(band.increment for band in contract.bands))
    return contract.price_magnifier > 0 and all(is_price(one) and one > 0 for one in numbers)


# --- the order's size -------------------------------------------------------------------------------


def size_faults(qty: int, px: Decimal | None, contract: Contract, limits: InstrumentLimits) -> Iterator[str]:
    """Lots and dollars of one order; the value counts points at their worth per lot, of any sign."""
    if qty > limits.order_lots:
        yield because(Reason.ORDER_LOTS, f"{qty} lots, limit {limits.order_lots}")
    if px is None:
        return
    value = qty * abs(px) * contract.usd_per_point
    if value > limits.order_value_usd:
        yield because(Reason.ORDER_VALUE, f"{value:.2f} USD, limit {limits.order_value_usd} USD")


def volume_faults(order: Order, view: RiskView, limits: InstrumentLimits) -> Iterator[str]:
    """One session's order against a day's volume; an exit may be larger, it is worked in slices."""
    cap = limits.adv_fraction * view.adv_lots
    if not order.is_reducing and order.qty > cap:
        yield because(
            Reason.VOLUME_CAP,
            f"{order.qty} lots, limit {cap} = {limits.adv_fraction} of {view.adv_lots} lots a day",
        )


# --- exposure, at both ends -------------------------------------------------------------------------


def exposure_faults(order: Order, view: RiskView, limits: Limits) -> Iterator[str]:
    """Position, gross and net exposure with the order in doubt, and what was sent already."""
    if order.is_reducing:
        return
    own = limits.instruments[order.symbol]
    after = order.after
    if after.worst_lots > own.position_lots:
        yield because(
            Reason.POSITION_LOTS,
            f"position between {after.lo} and {after.hi} lots, limit {own.position_lots}",
        )
    equity = view.equity_usd
    if equity is None or not equity.is_finite() or equity <= 0:
        yield because(Reason.EQUITY_UNKNOWN, f"equity {equity}, must be known and above zero")
        return
    mark = mark_px(view)
    if mark is None:
        yield because(Reason.EXPOSURE_UNPRICED, f"no price to value {order.symbol} at")
        return
    value = after.worst_lots * abs(mark) * view.contract.usd_per_point
    if value > own.position_fraction * equity:
        yield because(
            Reason.POSITION_FRACTION,
            f"{value:.2f} USD, limit {own.position_fraction} of equity {equity:.2f} USD",
        )
    yield from _account_faults(order, mark, equity, view, limits)


def _account_faults(
    order: Order, mark: Decimal, equity: Decimal, view: RiskView, limits: Limits
) -> Iterator[str]:
    exposures = {**view.control.exposures, order.con_id: order.after}
    values = {
        **_values_per_lot(view.marks, view.usd_per_point),
        order.con_id: abs(mark) * view.contract.usd_per_point,
    }
    held = {con_id: one for con_id, one in exposures.items() if one.worst_lots > 0}
    unpriced = sorted(held.keys() - values.keys())
    if unpriced:
        yield because(Reason.EXPOSURE_UNPRICED, f"no mark for contracts {unpriced} held")
        return
    account = limits.account
    gross = sum((one.worst_lots * values[con_id] for con_id, one in held.items()), Decimal(0))
    if gross > account.gross_fraction * equity:
        yield because(
            Reason.GROSS_EXPOSURE,
            f"{gross:.2f} USD, limit {account.gross_fraction} of equity {equity:.2f} USD",
        )
    lo = sum((one.lo * values[con_id] for con_id, one in held.items()), Decimal(0))
    hi = sum((one.hi * values[con_id] for con_id, one in held.items()), Decimal(0))
    if max(abs(lo), abs(hi)) > account.net_fraction * equity:
        yield because(
            Reason.NET_EXPOSURE,
            f"between {lo:.2f} and {hi:.2f} USD, limit {account.net_fraction} of equity {equity:.2f} USD",
        )


def _values_per_lot(marks: Mapping[int, Decimal], usd_per_point: Mapping[int, Decimal]) -> dict[int, Decimal]:
    return {
        con_id: abs(px) * usd_per_point[con_id]
        for con_id, px in marks.items()
        if is_price(px) and is_price(usd_per_point.get(con_id))
    }


def sent_faults(order: Order, px: Decimal, view: RiskView, limits: Limits) -> Iterator[str]:
    """What this session sent in all, however it ended: a loop that sends and cancels stops here."""
    equity = view.equity_usd
    if order.is_reducing or equity is None or not equity.is_finite() or equity <= 0:
        return
    sent = view.control.sent_usd_session + order.qty * abs(px) * view.contract.usd_per_point
    cap = limits.account.gross_sent_fraction * equity
    if sent > cap:
        yield because(
            Reason.GROSS_SENT,
            f"{sent:.2f} USD sent in this session, limit {limits.account.gross_sent_fraction} of equity "
            f"{equity:.2f} USD",
        )


def envelope_faults(order: Order, px: Decimal | None, orders: int, view: RiskView) -> Iterator[str]:
    """The book's own bounds, where a book wanted the order: the `orders`-th parent of its session."""
    if view.envelope is None or order.is_reducing:
        return
    value = None if px is None else order.qty * abs(px) * view.contract.usd_per_point
    for breach in view.envelope.breaches(order.symbol, order.after.worst_lots, value, orders):
        yield because(Reason.ENVELOPE, breach)


# --- the control state ------------------------------------------------------------------------------


def state_faults(order: Order, control: ControlState) -> Iterator[str]:
    """HALTED stops everything; REDUCING and a doubt in the instrument stop all that may add exposure."""
    if control.trading_state is TradingState.HALTED:
        yield because(Reason.TRADING_HALTED, control.trading_reason or "trading is halted")
    if order.is_reducing:
        return
    span = f"position between {order.before.lo} and {order.before.hi} lots"
    if control.trading_state is TradingState.REDUCING:
        yield because(
            Reason.REDUCE_ONLY,
            f"{order.side} {order.qty} with {span} does not only reduce ({control.trading_reason})",
        )
    if control.has_doubt:
        yield because(Reason.IN_DOUBT, f"{order.symbol} has an order in doubt: no order that may increase")


def breaker_faults(order: Order, view: RiskView, limits: Limits) -> Iterator[str]:
    """No new risk while a breaker is open, or its value is beyond its threshold, or is not known."""
    if order.is_reducing:
        return
    for name, status in sorted(view.control.breakers.items()):
        if status.state != BreakerState.ACTIVE:
            yield because(
                Reason.BREAKER_OPEN,
                f"{name} is {status.state} since {status.period}, cooldown {status.cooldown_left}",
            )
    values = breaker_values(
        equity_usd=view.equity_usd,
        equity_open_usd=view.control.equity_open_usd,
        equity_peak_usd=view.control.equity_peak_usd,
        worst_trade_usd=view.worst_trade_usd,
        exposures={order.con_id: order.after},
        marks=_own_mark(view),
        usd_per_point={order.con_id: view.contract.usd_per_point},
    )
    for breaker in Breaker:
        value, limit = values.of(breaker), threshold(breaker, limits.breakers)
        if value is None:
            yield because(Reason.BREAKER_BREACHED, f"{breaker} is not known, limit {limit}")
        elif breached(breaker, value, limits.breakers):
            yield because(Reason.BREAKER_BREACHED, f"{breaker} is {value:.6f}, limit {limit}")


def _own_mark(view: RiskView) -> dict[int, Decimal]:
    mark = mark_px(view)
    return {} if mark is None else {view.contract.con_id: mark}


def entry_faults(order: Order, opened: int, limits: Limits) -> Iterator[str]:
    """The repeated-execution throttle: `opened` parents of this instrument and session, this one included."""
    most = limits.account.entries_session
    if not order.is_reducing and opened > most:
        yield because(Reason.ENTRIES, f"{opened} entries into {order.symbol} in this session, limit {most}")


def message_faults(counts: MessageCounts, limits: Limits) -> Iterator[str]:
    """One more new order against the message limits of every window."""
    account = limits.account
    windows: tuple[tuple[str, int, MessageLimit], ...] = (
        ("second", counts.last_second + 1, account.messages_second),
        ("minute", counts.last_minute + 1, account.messages_minute),
        ("session", counts.session + 1, account.messages_session),
    )
    for name, count, limit in windows:
        room = limit.reject - limit.cancel_reserve
        if count > limit.halt:
            yield because(Reason.MESSAGE_HALT, f"{count} messages this {name}, limit {limit.halt}")
        elif count > room:
            yield because(
                Reason.MESSAGE_RATE,
                f"{count} messages this {name}, limit {room} = {limit.reject} less "
                f"{limit.cancel_reserve} kept for cancels",
            )
