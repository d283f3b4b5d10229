"""Account requests: positions, account values, summary, profit, and the standing subscriptions to them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from hydra.simgateway import messages
from hydra.simgateway.account import ZERO
from hydra.simgateway.contract_messages import CURRENCY, block
from hydra.simgateway.core import ClientLink, Core
from hydra.simgateway.valuation import Figures, Holding, Valuation
from hydra.simgateway.wire import money_text

PNL_PERIOD_WALL_S: Final = 1.0
BASE: Final = "BASE"


@dataclass(slots=True)
class Subscriptions:
    """What one client wants to hear about the account."""

    positions: bool = False
    updates: bool = False
    positions_multi: set[int] = field(default_factory=set)
    updates_multi: set[int] = field(default_factory=set)
    pnl: set[int] = field(default_factory=set)
    pnl_single: dict[int, int] = field(default_factory=dict)
    sent_pnl: dict[int, bytes] = field(default_factory=dict)
    told: dict[tuple[int, str, str], str] = field(default_factory=dict)


class AccountDesk:
    """Answers account requests and pushes changes after executions."""

    def __init__(self, core: Core, valuation: Valuation) -> None:
        self._core = core
        self._valuation = valuation
        self._subscriptions: dict[ClientLink, Subscriptions] = {}
        self._changed: dict[int, None] = {}
        self._is_timer_set = False

    def forget(self, link: ClientLink) -> None:
        self._subscriptions.pop(link, None)

    # --- one-time answers and their standing form ----------------------------------------------------

    def positions(self, link: ClientLink) -> None:
        self._of(link).positions = True
        for held in self._held():
            link.send("position", self._position(held))
        link.send("positionEnd", messages.position_end())

    def cancel_positions(self, link: ClientLink) -> None:
        self._of(link).positions = False

    def positions_multi(self, link: ClientLink, req_id: int) -> None:
        self._of(link).positions_multi.add(req_id)
        for held in self._held():
            link.send("positionMulti", self._position_multi(req_id, held))
        link.send("positionMultiEnd", messages.position_multi_end(req_id))

    def cancel_positions_multi(self, link: ClientLink, req_id: int) -> None:
        self._of(link).positions_multi.discard(req_id)

    def updates(self, link: ClientLink, subscribe: bool) -> None:
        account = self._core.settings.account
        wants = self._of(link)
        wants.updates = subscribe
        wants.told = {key: value for key, value in wants.told.items() if key[0]}
        if subscribe:
            self._send_updates(link)
            link.send("accountDownloadEnd", messages.account_download_end(account))

    def updates_multi(self, link: ClientLink, req_id: int) -> None:
        self._of(link).updates_multi.add(req_id)
        self._send_updates_multi(link, req_id)
        link.send("accountUpdateMultiEnd", messages.account_update_multi_end(req_id))

    def cancel_updates_multi(self, link: ClientLink, req_id: int) -> None:
        wants = self._of(link)
        wants.updates_multi.discard(req_id)
        wants.told = {key: value for key, value in wants.told.items() if key[0] != req_id}

    def summary(self, link: ClientLink, req_id: int, tags: str) -> None:
        """The asked tags; `$LEDGER` in any form adds the cash lines."""
        figures, wanted = self._valuation.figures(), [tag.strip() for tag in tags.split(",")]
        known = {key: (value, currency) for key, value, currency in self._values(figures)}
        for tag in wanted:
            if tag in known:
                value, currency = known[tag]
                self._send_summary(link, req_id, tag, value, currency)
        if any(tag.startswith("$LEDGER") for tag in wanted):
            for key, value, currency in self._ledger(figures):
                self._send_summary(link, req_id, key, value, currency)
        link.send("accountSummaryEnd", messages.account_summary_end(req_id))

    def pnl(self, link: ClientLink, req_id: int) -> None:
        self._of(link).pnl.add(req_id)
        self._push_pnl(link)
        self._keep_pnl_coming()

    def cancel_pnl(self, link: ClientLink, req_id: int) -> None:
        self._of(link).pnl.discard(req_id)
        self._of(link).pnl_single.pop(req_id, None)
        self._of(link).sent_pnl.pop(req_id, None)

    def pnl_single(self, link: ClientLink, req_id: int, con_id: int) -> None:
        self._of(link).pnl_single[req_id] = con_id
        self._push_pnl(link)
        self._keep_pnl_coming()

    # --- pushes --------------------------------------------------------------------------------------

    def executed(self, con_id: int) -> None:
        """The position in one contract changed; `publish` tells."""
        self._changed[con_id] = None

    def publish(self) -> None:
        """Tell subscribers of positions and values that changed."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        holdings = [held for held in self._valuation.holdings() if held.contract.con_id in changed]
        for link, wants in self._subscriptions.items():
            for held in holdings:
                if wants.positions:
                    link.send("position", self._position(held))
                for req_id in wants.positions_multi:
                    link.send("positionMulti", self._position_multi(req_id, held))
            if wants.updates:
                self._send_updates(link)
            for req_id in wants.updates_multi:
                self._send_updates_multi(link, req_id)
            self._push_pnl(link)

    # --- parts ---------------------------------------------------------------------------------------

    def _of(self, link: ClientLink) -> Subscriptions:
        return self._subscriptions.setdefault(link, Subscriptions())

    def _held(self) -> list[Holding]:
        return [held for held in self._valuation.holdings() if held.qty]

    def _position(self, held: Holding) -> bytes:
        account = self._core.settings.account
        return messages.position(account, block(held.contract), held.qty, held.avg_cost)

    def _position_multi(self, req_id: int, held: Holding) -> bytes:
        account = self._core.settings.account
        return messages.position_multi(req_id, account, block(held.contract), held.qty, held.avg_cost)

    def _send_updates(self, link: ClientLink) -> None:
        """Values that the client was not told yet, then the portfolio."""
        account = self._core.settings.account
        for key, value, currency in self._news(link, 0):
            link.send("accountValue", messages.account_value(key, value, currency, account))
        for held in self._valuation.holdings():
            amounts = (held.mark, held.value, held.avg_cost, held.unrealized, held.realized)
            frame = messages.portfolio(block(held.contract), held.qty, *amounts, account)
            link.send("portfolio", frame)
        local = self._core.at.astimezone(ZoneInfo(self._core.settings.iana_zone))
        link.send("accountTime", messages.account_time(f"{local:%H:%M}"))

    def _send_updates_multi(self, link: ClientLink, req_id: int) -> None:
        account = self._core.settings.account
        for key, value, currency in self._news(link, req_id):
            frame = messages.account_update_multi(req_id, account, key, value, currency)
            link.send("accountUpdateMulti", frame)

    def _news(self, link: ClientLink, req_id: int) -> Iterator[tuple[str, str, str]]:
        """The account values that differ from what this subscription was told."""
        told, figures = self._of(link).told, self._valuation.figures()
        for key, value, currency in (*self._values(figures), *self._ledger(figures)):
            if told.get((req_id, key, currency)) != value:
                told[req_id, key, currency] = value
                yield key, value, currency

    def _send_summary(self, link: ClientLink, req_id: int, tag: str, value: str, currency: str) -> None:
        account = self._core.settings.account
        link.send("accountSummary", messages.account_summary(req_id, account, tag, value, currency))

    def _push_pnl(self, link: ClientLink) -> None:
        wants = self._of(link)
        if not wants.pnl and not wants.pnl_single:
            return
        figures, daily = self._valuation.figures(), self._valuation.daily_usd()
        frames = {
            req_id: ("pnl", messages.pnl(req_id, daily, figures.unrealized, figures.realized))
            for req_id in wants.pnl
        }
        held_by_id = {held.contract.con_id: held for held in self._valuation.holdings()}
        for req_id, con_id in wants.pnl_single.items():
            held = held_by_id.get(con_id)
            amounts = (held.daily, held.unrealized, held.realized, held.value) if held else (ZERO,) * 4
            frames[req_id] = ("pnlSingle", messages.pnl_single(req_id, held.qty if held else 0, *amounts))
        for req_id, (kind, frame) in frames.items():
            if wants.sent_pnl.get(req_id) != frame:
                wants.sent_pnl[req_id] = frame
                link.send(kind, frame)

    def _keep_pnl_coming(self) -> None:
        if not self._is_timer_set:
            self._is_timer_set = True
            self._core.later(PNL_PERIOD_WALL_S, self._pnl_tick)

    def _pnl_tick(self) -> None:
        self._is_timer_set = False
        asking = [
            link
            for link, wants in self._subscriptions.items()
            if link.is_open and (wants.pnl or wants.pnl_single)
        ]
        for link in asking:
            self._push_pnl(link)
            link.flush()
        if asking:
            self._keep_pnl_coming()

    def _values(self, figures: Figures) -> Iterator[tuple[str, str, str]]:
        account = self._core.settings.account
        cushion = figures.excess / figures.equity if figures.equity > 0 else ZERO
        yield "AccountCode", account, ""
        yield "AccountReady", "true", ""
        yield "AccountType", "INDIVIDUAL", ""
        yield "Cushion", f"{cushion:.6f}", ""
        yield "DayTradesRemaining", "-1", ""
        yield "LookAheadNextChange", "0", ""
        yield "Leverage", f"{figures.gross_value / figures.equity if figures.equity > 0 else ZERO:.2f}", ""
        for key, amount in _amounts(figures):
            yield key, money_text(amount), CURRENCY

    def _ledger(self, figures: Figures) -> Iterator[tuple[str, str, str]]:
        for currency in (BASE, CURRENCY):
            yield "CashBalance", money_text(figures.cash), currency
            yield "ExchangeRate", "1.00", currency
            yield "NetLiquidationByCurrency", money_text(figures.equity), currency
            yield "RealizedPnL", money_text(figures.realized), currency
            yield "TotalCashBalance", money_text(figures.cash), currency
            yield "UnrealizedPnL", money_text(figures.unrealized), currency
            yield "FuturesPNL", money_text(figures.unrealized), currency


def _amounts(figures: Figures) -> Iterator[tuple[str, Decimal]]:
    for key in ("NetLiquidation", "EquityWithLoanValue", "PreviousDayEquityWithLoanValue"):
        yield key, figures.equity
    for key in ("TotalCashValue", "SettledCash"):
        yield key, figures.cash
    for key in ("AvailableFunds", "FullAvailableFunds", "LookAheadAvailableFunds"):
        yield key, figures.available
    for key in ("ExcessLiquidity", "FullExcessLiquidity", "LookAheadExcessLiquidity"):
        yield key, figures.excess
    for key in ("InitMarginReq", "FullInitMarginReq", "LookAheadInitMarginReq"):
        yield key, figures.initial
    for key in ("MaintMarginReq", "FullMaintMarginReq", "LookAheadMaintMarginReq"):
        yield key, figures.maintenance
    yield "GrossPositionValue", figures.gross_value
    yield "BuyingPower", max(figures.available, ZERO) / Decimal("0.10")
    yield "AccruedCash", ZERO
