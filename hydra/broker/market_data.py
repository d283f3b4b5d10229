"""Level 1 as the wire tells it, made honest: no price where there is none, no quote where it is delayed.

IB says "no price" as -1 with size 0, as size 0 alone, as NaN, or not at all. A price of -1 or 0 with a size
is real: futures have traded there.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from hydra.broker.translate import decimal_of
from hydra.domain.market import Quote

_BID, _ASK, _LAST, _CLOSE = 1, 2, 4, 9
_BID_SIZE, _ASK_SIZE, _LAST_SIZE, _VOLUME = 0, 3, 5, 8
_HALTED, _DELAYED_HALTED = 49, 90
_DELAYED = {
    66: _BID,
    67: _ASK,
    68: _LAST,
    69: _BID_SIZE,
    70: _ASK_SIZE,
    71: _LAST_SIZE,
    74: _VOLUME,
    75: _CLOSE,
}
_LIVE = 1


@dataclass(slots=True)
class _Line:
    con_id: int
    quote: Quote | None = None
    data_type: int = _LIVE


class MarketData:
    """The quotes of the watched contracts, over all connections of one client."""

    def __init__(self, *, allow_delayed: bool) -> None:
        self._allow_delayed = allow_delayed
        self._lines: dict[int, _Line] = {}
        self._by_con_id: dict[int, _Line] = {}

    def open_line(self, req_id: int, con_id: int) -> None:
        """Ticks of this request belong to this contract; what an earlier line said is kept and ages."""
        earlier = self._by_con_id.get(con_id)
        line = _Line(con_id, earlier.quote if earlier else None)
        self._lines[req_id] = line
        self._by_con_id[con_id] = line

    def close_lines(self) -> None:
        """The connection is gone: its request ids mean nothing any more."""
        self._lines.clear()

    def close_line(self, req_id: int) -> None:
        self._lines.pop(req_id, None)

    def has_line(self, req_id: int) -> bool:
        return req_id in self._lines

    def quote(self, con_id: int) -> Quote | None:
        line = self._by_con_id.get(con_id)
        return line.quote if line else None

    # --- ticks ---

    def data_type(self, req_id: int, data_type: int) -> None:
        """1 live, 2 frozen, 3 delayed, 4 delayed and frozen; only live prices are for trading on."""
        line = self._lines.get(req_id)
        if line is not None:
            line.data_type = data_type
            if not self._is_usable(line) and line.quote is not None:
                line.quote = replace(line.quote, bid_px=None, bid_qty=0, ask_px=None, ask_qty=0)

    def price(self, req_id: int, tick: int, price: str, size: str, at: datetime) -> None:
        """tickPrice (1)."""
        line, kind = self._line(req_id, tick)
        if line is None:
            return
        px, qty = decimal_of(price), int(decimal_of(size) or 0)
        quote = line.quote or _empty(line.con_id, at)
        if kind in (_BID, _ASK):
            px, qty = (px, qty) if px is not None and qty > 0 else (None, 0)
            sides = {"bid_px": px, "bid_qty": qty} if kind == _BID else {"ask_px": px, "ask_qty": qty}
            line.quote = replace(quote, **sides, changed_at=at)  # type: ignore[arg-type]
        elif kind == _LAST:
            line.quote = replace(quote, last_px=_traded(px, qty), changed_at=at)
        elif kind == _CLOSE:
            line.quote = replace(quote, close_px=_traded(px, qty))

    def size(self, req_id: int, tick: int, size: str, at: datetime) -> None:
        """tickSize (2): a size of zero takes the side's price with it."""
        line, kind = self._line(req_id, tick)
        if line is None:
            return
        qty = max(int(decimal_of(size) or 0), 0)
        quote = line.quote or _empty(line.con_id, at)
        if kind == _BID_SIZE:
            gone = qty == 0
            line.quote = replace(quote, bid_px=None if gone else quote.bid_px, bid_qty=qty, changed_at=at)
        elif kind == _ASK_SIZE:
            gone = qty == 0
            line.quote = replace(quote, ask_px=None if gone else quote.ask_px, ask_qty=qty, changed_at=at)
        elif kind == _VOLUME:
            line.quote = replace(quote, volume=qty)
        elif kind == _LAST_SIZE:
            line.quote = replace(quote, changed_at=at)

    def generic(self, req_id: int, tick: int, value: str, at: datetime) -> None:
        """tickGeneric (45): 49 tells a halt (1 general, 2 volatility), 0 its end, -1 nothing."""
        line = self._lines.get(req_id)
        number = decimal_of(value)
        if line is None or number is None or tick not in (_HALTED, _DELAYED_HALTED):
            return
        quote = line.quote or _empty(line.con_id, at)
        line.quote = replace(quote, halted=number > 0)

    # --- inside ---

    def _line(self, req_id: int, tick: int) -> tuple[_Line | None, int]:
        """The line and the live kind of a tick; no line where the tick must not move a quote."""
        line = self._lines.get(req_id)
        if line is None:
            return None, tick
        if tick in _DELAYED:
            kind = _DELAYED[tick]
            is_price_of_now = kind in (_BID, _ASK, _BID_SIZE, _ASK_SIZE)
            return (None if is_price_of_now and not self._allow_delayed else line), kind
        if tick in (_BID, _ASK, _BID_SIZE, _ASK_SIZE) and not self._is_usable(line):
            return None, tick
        return line, tick

    def _is_usable(self, line: _Line) -> bool:
        return line.data_type == _LIVE or self._allow_delayed


def _traded(px: Decimal | None, qty: int) -> Decimal | None:
    """A last or close price; -1 without a size is IB's word for none."""
    return None if px is None or (px == -1 and qty == 0) else px


def _empty(con_id: int, at: datetime) -> Quote:
    return Quote(con_id, None, 0, None, 0, None, None, 0, halted=False, changed_at=at)
