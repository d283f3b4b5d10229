"""What the account is worth and what it may still do: marks, profit, margin."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hydra.simgateway.account import ZERO, Position
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import Core
from hydra.simgateway.order_check import Ticket

# Not IB's SPAN figures: a flat share of the contract's value, which is what the tests need to be exact about.
INITIAL_SHARE: Final = Decimal("0.10")
MAINTENANCE_SHARE: Final = Decimal("0.08")


@dataclass(frozen=True, slots=True)
class Figures:
    """The account in dollars at one instant."""

    equity: Decimal
    cash: Decimal
    unrealized: Decimal
    realized: Decimal
    gross_value: Decimal
    initial: Decimal
    maintenance: Decimal

    @property
    def available(self) -> Decimal:
        return self.equity - self.initial

    @property
    def excess(self) -> Decimal:
        return self.equity - self.maintenance


@dataclass(frozen=True, slots=True)
class MarginChange:
    """What a whatIf order would do, in dollars."""

    before: Figures
    initial_after: Decimal
    maintenance_after: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Holding:
    """A position with its contract, marked to market, in dollars."""

    contract: SimContract
    qty: int
    mark: Decimal
    avg_cost: Decimal
    value: Decimal
    unrealized: Decimal
    realized: Decimal
    daily: Decimal


class Valuation:
    """Reads books and quotes, changes nothing."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def mark(self, contract: SimContract) -> Decimal:
        """The price a position is valued at: last trade, else the middle, else yesterday's settlement."""
        quote = self._core.exchange.quote(contract.con_id)
        if quote.last is not None:
            return quote.last
        if quote.bid is not None and quote.ask is not None:
            return (quote.bid + quote.ask) / 2
        return quote.close

    def holdings(self) -> list[Holding]:
        """Every contract held or traded today, in order of con_id."""
        positions = self._core.state.account.positions
        return [self.holding(positions[con_id]) for con_id in sorted(positions)]

    def holding(self, position: Position) -> Holding:
        contract = self._core.listing.remember(position.symbol, position.con_id)
        mark, point = self.mark(contract), contract.usd_per_point
        return Holding(
            contract=contract,
            qty=position.qty,
            mark=mark,
            avg_cost=position.avg_px * point,
            value=mark * position.qty * point,
            unrealized=(mark - position.avg_px) * position.qty * point,
            realized=position.realized_points * point,
            daily=self._daily(contract, position, mark),
        )

    def figures(self) -> Figures:
        state, holdings = self._core.state, self.holdings()
        unrealized = sum((held.unrealized for held in holdings), ZERO)
        realized = sum((held.realized for held in holdings), ZERO) - state.account.fees_usd
        cash = state.cash_usd + realized
        initial, maintenance = self._requirements({})
        return Figures(
            equity=cash + unrealized,
            cash=cash,
            unrealized=unrealized,
            realized=realized,
            gross_value=sum((abs(held.value) for held in holdings), ZERO),
            initial=initial,
            maintenance=maintenance,
        )

    def daily_usd(self) -> Decimal:
        """Profit since the last settlement, fees of today included."""
        today = self._core.state.account.since(self._core.midnight())
        fees = sum((each.commission_usd for each in today), ZERO)
        return sum((held.daily for held in self.holdings()), ZERO) - fees

    def shortage(self, ticket: Ticket) -> str | None:
        """Why the account cannot carry this order, None if it can; orders that only reduce always pass."""
        change = self.margin_change(ticket)
        if change.initial_after <= change.before.initial or change.initial_after <= change.before.equity:
            return None
        return (
            "We are unable to accept your order. Your Available Funds are insufficient to cover the order:"
            f" initial margin {change.initial_after:.2f} USD, equity with loan {change.before.equity:.2f} USD"
        )

    def margin_change(self, ticket: Ticket) -> MarginChange:
        signed = ticket.qty if ticket.side == "BUY" else -ticket.qty
        contract = ticket.contract
        self._core.listing.remember(contract.symbol, contract.con_id)
        initial, maintenance = self._requirements({contract.con_id: signed}, contract)
        return MarginChange(self.figures(), initial, maintenance, contract.commission_usd * ticket.qty)

    def _requirements(
        self, extra: dict[int, int], extra_contract: SimContract | None = None
    ) -> tuple[Decimal, Decimal]:
        """Initial and maintenance margin on the worse side of position plus working orders."""
        state, listing = self._core.state, self._core.listing
        longest: dict[int, tuple[str, int, int]] = {}
        for held in state.account.positions.values():
            longest[held.con_id] = ("", held.qty, held.qty)
        for order in state.orders.working.values():
            _, low, high = longest.get(order.con_id, ("", 0, 0))
            up = order.leaves_qty if order.side == "BUY" else 0
            longest[order.con_id] = ("", low - order.leaves_qty + up, high + up)
        for con_id, signed in extra.items():
            _, low, high = longest.get(con_id, ("", 0, 0))
            longest[con_id] = ("", low + min(signed, 0), high + max(signed, 0))
        initial = ZERO
        for con_id, (_, low, high) in longest.items():
            contract = listing.known(con_id) or extra_contract
            assert contract is not None
            lots = max(abs(low), abs(high))
            if lots:
                initial += abs(self.mark(contract)) * contract.usd_per_point * lots * INITIAL_SHARE
        initial *= Decimal(str(self._core.faults.margin_factor))
        return initial, initial * MAINTENANCE_SHARE / INITIAL_SHARE

    def _daily(self, contract: SimContract, position: Position, mark: Decimal) -> Decimal:
        booked = self._core.state.account.since(self._core.midnight())
        today = [each for each in booked if each.con_id == contract.con_id]
        at_start = position.qty - sum(each.signed_qty for each in today)
        close = self._core.exchange.quote(contract.con_id).close
        points = (mark - close) * at_start + sum((mark - each.price) * each.signed_qty for each in today)
        return points * contract.usd_per_point
