"""Executions, positions and money: pure folds of what was executed and revised."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hydra.simgateway.orders import SimOrder

ZERO: Final = Decimal(0)
# No execution is heard of later than this after it happened; faults stay within it.
HEARD_WITHIN: Final = timedelta(days=1)


@dataclass(slots=True)
class Execution:
    """One execution in its newest revision; `realized_points` is None for one that only opens."""

    exec_id: str
    perm_id: int
    client_id: int
    order_id: int
    order_ref: str
    con_id: int
    symbol: str
    side: str
    qty: int
    price: Decimal
    at: datetime
    commission_usd: Decimal
    cum_qty: int
    avg_px: Decimal
    realized_points: Decimal | None

    @property
    def signed_qty(self) -> int:
        return self.qty if self.side == "BUY" else -self.qty


@dataclass(slots=True)
class Position:
    """The holding in one contract: signed lots, average price as quoted, realized points times lots."""

    con_id: int
    symbol: str
    qty: int = 0
    avg_px: Decimal = ZERO
    realized_points: Decimal = ZERO

    def take(self, signed_qty: int, price: Decimal) -> Decimal | None:
        """Book one execution; the points it realized, None if it closed nothing."""
        if signed_qty == 0:
            return None
        if self.qty * signed_qty >= 0:
            total = self.qty + signed_qty
            self.avg_px = (self.avg_px * self.qty + price * signed_qty) / total
            self.qty = total
            return None
        direction = 1 if self.qty > 0 else -1
        closed = min(abs(self.qty), abs(signed_qty))
        realized = (price - self.avg_px) * closed * direction
        self.realized_points += realized
        self.qty += signed_qty
        if self.qty == 0:
            self.avg_px = ZERO
        elif self.qty * direction < 0:
            self.avg_px = price
        return realized


def root_of(exec_id: str) -> str:
    """The part of an execution id that stays the same over its corrections."""
    return exec_id.rpartition(".")[0]


class Account:
    """Executions in order of time, and the positions they add up to."""

    def __init__(self) -> None:
        self.positions: dict[int, Position] = {}
        self.fees_usd = ZERO
        self._by_root: dict[str, Execution] = {}

    def executions(self) -> Iterator[Execution]:
        return iter(self._by_root.values())

    def since(self, at: datetime) -> list[Execution]:
        """Executions from `at` on, in the order they were heard of."""
        found: list[Execution] = []
        for done in reversed(self._by_root.values()):
            if done.at < at - HEARD_WITHIN:
                break
            if done.at >= at:
                found.append(done)
        return found[::-1]

    def execution(self, exec_id: str) -> Execution | None:
        return self._by_root.get(root_of(exec_id))

    def newest(self) -> Execution | None:
        return next(reversed(self._by_root.values()), None)

    def qty(self, con_id: int) -> int:
        held = self.positions.get(con_id)
        return held.qty if held else 0

    def book(
        self, order: SimOrder, exec_id: str, qty: int, price: Decimal, fee: Decimal, at: datetime
    ) -> Execution:
        """Add one execution of an order whose own cumulative quantity already contains it."""
        done = Execution(
            exec_id=exec_id,
            perm_id=order.perm_id,
            client_id=order.client_id,
            order_id=order.order_id,
            order_ref=order.order_ref,
            con_id=order.con_id,
            symbol=order.symbol,
            side=order.side,
            qty=qty,
            price=price,
            at=at,
            commission_usd=fee,
            cum_qty=order.cum_qty,
            avg_px=order.avg_px,
            realized_points=None,
        )
        self._by_root[root_of(exec_id)] = done
        self.fees_usd += fee
        done.realized_points = self._position(done).take(done.signed_qty, price)
        return done

    def revise(self, exec_id: str, qty: int, price: Decimal) -> Execution:
        """Replace an execution by its newer revision and fold its contract's position anew."""
        done = self._by_root[root_of(exec_id)]
        if qty == 0:
            self.fees_usd -= done.commission_usd
            done.commission_usd = ZERO
        done.exec_id, done.qty, done.price = exec_id, qty, price
        position = Position(done.con_id, done.symbol)
        for each in self._of_contract(done.con_id):
            each.realized_points = position.take(each.signed_qty, each.price)
        self.positions[done.con_id] = position
        return done

    def _of_contract(self, con_id: int) -> Iterable[Execution]:
        return (each for each in self._by_root.values() if each.con_id == con_id)

    def _position(self, done: Execution) -> Position:
        return self.positions.setdefault(done.con_id, Position(done.con_id, done.symbol))
