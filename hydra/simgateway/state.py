"""The broker's whole state as a fold of its journal: append first, then believe."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from hydra.simgateway.account import Account, Execution
from hydra.simgateway.orders import Orders
from hydra.simgateway.records import (
    BookOpened,
    Executed,
    ExecutionRevised,
    FrameTaken,
    IdsRolledBack,
    OrderAccepted,
    OrderActivated,
    OrderEnded,
    OrderModified,
    Record,
)

PERM_ID_BASE: Final = 1_400_000_000


class BrokerState:
    """Orders, account and counters after every record so far; ids are functions of the counters alone."""

    def __init__(self) -> None:
        self.opened: BookOpened | None = None
        self.orders = Orders()
        self.account = Account()
        self._perm_ids = 0
        self._exec_ids = 0
        self._frames = 0

    @property
    def cash_usd(self) -> Decimal:
        return self.opened.cash_usd if self.opened else Decimal(0)

    def next_perm_id(self) -> int:
        return PERM_ID_BASE + self._perm_ids + 1

    def next_exec_id(self) -> str:
        """An execution id of IB's shape; the last group counts corrections."""
        seed = self.opened.seed if self.opened else 0
        return f"0000{seed & 0xFFFF:04x}.{self._exec_ids + 1:08x}.01.01"

    def take_frame_id(self) -> int:
        """A number for an order message just received; used up even if no record follows."""
        self._frames += 1
        return self._frames

    def apply(self, record: Record) -> Execution | None:
        """Fold one record in; returns the execution it booked or revised, if any."""
        match record:
            case BookOpened():
                self.opened = record
            case FrameTaken():
                self._saw_frame(record.frame)
                self.orders.take_frame(record)
            case OrderAccepted():
                self._perm_ids = max(self._perm_ids, record.perm_id - PERM_ID_BASE)
                self._saw_frame(record.frame)
                self.orders.accept(record)
            case OrderModified():
                self._saw_frame(record.frame)
                self.orders.modify(record)
            case OrderActivated():
                self.orders.activate(record.perm_id)
            case OrderEnded():
                self._saw_frame(record.frame)
                self.orders.end(record)
            case Executed():
                return self._execute(record)
            case ExecutionRevised():
                return self.account.revise(record.exec_id, record.qty, record.price)
            case IdsRolledBack():
                self.orders.roll_back(record)
        return None

    def _execute(self, record: Executed) -> Execution:
        self._exec_ids += 1
        self.orders.execute(record)
        order = self.orders.by_perm[record.perm_id]
        return self.account.book(
            order, record.exec_id, record.qty, record.price, record.commission_usd, record.at
        )

    def _saw_frame(self, frame: int) -> None:
        self._frames = max(self._frames, frame)


def opened_on(state: BrokerState) -> datetime | None:
    """The market instant at which this book began."""
    return state.opened.at if state.opened else None
