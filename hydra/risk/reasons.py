"""Every ground on which the gate says no: one code each, shown as `CODE: what, value, limit`."""

from enum import StrEnum


class Reason(StrEnum):
    """The codes a denial may carry; each is provoked by a test."""

    # the order itself
    SIDE_INVALID = "SIDE_INVALID"
    SIZE_INVALID = "SIZE_INVALID"
    PRICE_INVALID = "PRICE_INVALID"
    PRICE_OFF_GRID = "PRICE_OFF_GRID"
    ORDER_REF_INVALID = "ORDER_REF_INVALID"
    GOOD_TILL_INVALID = "GOOD_TILL_INVALID"
    # the contract
    NO_LIMIT = "NO_LIMIT"
    CONTRACT_MISMATCH = "CONTRACT_MISMATCH"
    CONTRACT_INVALID = "CONTRACT_INVALID"
    GOOD_TILL_UNSUPPORTED = "GOOD_TILL_UNSUPPORTED"
    # the market
    MARKET_CLOSED = "MARKET_CLOSED"
    MARKET_HALTED = "MARKET_HALTED"
    QUOTE_INVALID = "QUOTE_INVALID"
    QUOTE_CROSSED = "QUOTE_CROSSED"
    QUOTE_STALE = "QUOTE_STALE"
    NO_REFERENCE = "NO_REFERENCE"
    SPREAD_WIDE = "SPREAD_WIDE"
    PRICE_COLLAR = "PRICE_COLLAR"
    # size against limits
    ORDER_LOTS = "ORDER_LOTS"
    ORDER_VALUE = "ORDER_VALUE"
    VOLUME_CAP = "VOLUME_CAP"
    POSITION_LOTS = "POSITION_LOTS"
    POSITION_FRACTION = "POSITION_FRACTION"
    GROSS_EXPOSURE = "GROSS_EXPOSURE"
    NET_EXPOSURE = "NET_EXPOSURE"
    GROSS_SENT = "GROSS_SENT"
    ENVELOPE = "ENVELOPE"
    EXPOSURE_UNPRICED = "EXPOSURE_UNPRICED"
    EQUITY_UNKNOWN = "EQUITY_UNKNOWN"
    # the control state
    TRADING_HALTED = "TRADING_HALTED"
    REDUCE_ONLY = "REDUCE_ONLY"
    STATE_CHANGED = "STATE_CHANGED"
    IN_DOUBT = "IN_DOUBT"
    BREAKER_OPEN = "BREAKER_OPEN"
    BREAKER_BREACHED = "BREAKER_BREACHED"
    ENTRIES = "ENTRIES"
    MESSAGE_RATE = "MESSAGE_RATE"
    MESSAGE_HALT = "MESSAGE_HALT"


def because(reason: Reason, text: str) -> str:
    """One reason as people and the ledger read it."""
    return f"{reason}: {text}"
