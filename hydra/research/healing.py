"""One day of healing: the arms' shadow trades, the rule's step for each session since the last, the new book.

What is decided at the close of one session is traded in the next. A rule's state is plain arrays and is kept
with the book as JSON, so that a cycle goes on where the last one ended, however many sessions lie between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from hydra.research.book import Book, Role
from hydra.research.filters import Floats
from hydra.research.heal.replay import Shadows, research_rules, trade
from hydra.research.heal.rule import DAYS_PER_YEAR, YEAR, Allocation, Arms, Evidence, Rule, State
from hydra.research.kernel import Market, of_columns, run
from hydra.research.panel import Panel
from hydra.research.roster import Member, forecasts, is_variant

HISTORY_DAYS = 504
CLAIM_SHARPE = 0.55
"""What a champion of daily trend is believed to earn net before its record says more (docs/healing.md)."""


@dataclass(frozen=True, slots=True)
class Arena:
    """All arms on all instruments: forecasts, net P&L and the cost in it by the kernel, each [T, N, K].

    P&L is in daily volatility targets of the whole book.
    """

    panel: Panel
    members: tuple[Member, ...]
    forecasts: Floats
    shadows: Shadows
    net: Floats
    paid: Floats

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(one.model_id for one in self.members)

    @property
    def cost(self) -> Floats:
        """[N, K]: yearly cost of each arm in each instrument, in Sharpe of the whole book."""
        yearly: Floats = self.paid[-4 * DAYS_PER_YEAR :].mean(axis=0) * YEAR
        return yearly

    @property
    def pnl(self) -> Floats:
        """[T, K] net, in daily volatility targets of the book."""
        every: Floats = self.shadows.pnl[0]
        return every


@dataclass(frozen=True, slots=True)
class Mind:
    """What the rule remembers between two sessions, and which session it has seen last."""

    rule: str
    state: State
    sessions: int
    seen: date


@dataclass(frozen=True, slots=True)
class Healed:
    """A book as the rule wants it, whom it wants to lead, and what it will remember."""

    book: Book
    leader: str
    moved: Mapping[str, str]
    mind: Mind


def arena_of(panel: Panel, members: Sequence[Member], fills: Floats | None = None) -> Arena:
    """Every arm traded alone in every instrument; `fills` [T, N] are the account's log slippage ratios."""
    said = forecasts(members, panel)
    shape = (len(panel.days), 1, len(panel.symbols))
    seen = np.full(shape, np.nan) if fills is None else fills.reshape(shape)
    net, paid = traded_alone(panel, said)
    squares = (said**2).mean(axis=1)
    variance = np.vstack((np.zeros((1, squares.shape[1])), squares[:-1]))
    shadows = Shadows(panel.markets, said[:, None], net.sum(axis=1)[None], variance[None], seen)
    return Arena(panel, tuple(members), said, shadows, net, paid)


def traded_alone(panel: Panel, said: Floats) -> tuple[Floats, Floats]:
    """(net P&L, cost in it) of forecasts [T, N, K], each traded alone by the kernel at the book's scale."""
    rules, markets = research_rules(len(panel.symbols)), panel.markets
    net, paid = np.zeros_like(said), np.zeros_like(said)
    for at in range(said.shape[1]):
        market = Market(*np.ascontiguousarray(markets[:, 0, at].T))
        paths = run(market, of_columns(said[:, at]), rules)
        net[:, at], paid[:, at] = paths.pnl_usd, paths.cost_usd
    return net, paid


def arms_of(arena: Arena, book: Book, until: int) -> Arms:
    """The book as a rule takes it; `until`: the fills of earlier rows are what slippage usually is."""
    champion = arena.ids.index(book.champion)
    priors = [arm.prior for arm in book.arms]
    leader = arena.members[champion]
    variant = np.array([[is_variant(leader, one) for one in arena.members]])
    return Arms(
        champion=np.array([champion]),
        prior=np.array([[*priors, 1.0 - sum(priors)]]),
        is_variant=variant,
        gross_year=_gross_believed(arena, champion)[None],
        cost_year=arena.cost[None],
        past_fills=_past_fills(arena, until),
    )


def begun(rule: Rule, arena: Arena, book: Book, on: date) -> Healed:
    """The book as the rule begins it with this champion; `on` is the last session it takes as known."""
    arms = arms_of(arena, book, arena.panel.row(on) + 1)
    state, allocation = rule.begin(arms)
    return _healed(arena, book, allocation, Mind(rule.name, state, 0, on))


def stepped(
    rule: Rule, arena: Arena, book: Book, mind: Mind, traded: Mapping[date, Mapping[str, float]]
) -> Healed:
    """The rule's word after every session since it last saw one; `traded`: combined forecasts by session."""
    first = arena.panel.row(mind.seen) + 1
    arms = arms_of(arena, book, first)
    own = _book_pnl(arena, traded)
    state, allocation, sessions = mind.state, None, mind.sessions
    for row in range(first, len(arena.panel.days)):
        sessions += 1
        state, allocation = rule.step(arms, state, _evidence(arena, row, sessions, own))
    if allocation is None:
        return Healed(book, book.champion, dict(book.moved), mind)
    mind = Mind(rule.name, state, sessions, arena.panel.days[-1])
    return _healed(arena, book, allocation, mind)


def with_member(mind: Mind, prior: float) -> Mind:
    """Room for one more arm before cash, where the rule weighs arms: its prior, taken from all others."""
    if "weights" not in mind.state:
        return mind
    weights = mind.state["weights"] * (1.0 - prior)
    widened = np.insert(weights, weights.shape[1] - 1, prior, axis=1)
    return replace(mind, state={**mind.state, "weights": widened})


def without_member(mind: Mind, at: int) -> Mind:
    """What the rule knows without the arm at that place, which does not lead: its belief goes to the rest."""
    state = dict(mind.state)
    if "weights" in state:
        weights = np.delete(state["weights"], at, axis=1)
        state["weights"] = weights / weights.sum(axis=1, keepdims=True)
    for name in ("champion", "holder"):
        if name in state:
            state[name] = np.where(state[name] > at, state[name] - 1, state[name])
    if "holder" in state:
        is_gone = mind.state["holder"] == at
        state["holder"] = np.where(is_gone, -1.0, state["holder"])
        state["held"] = np.where(is_gone, 0.0, state["held"])
    return replace(mind, state=state)


def combined(arena: Arena, book: Book, row: int = -1) -> dict[str, float]:
    """What the book wants in each instrument at that row's close: its weighted forecast."""
    return {
        symbol: book.forecast(symbol, dict(zip(arena.ids, map(float, arena.forecasts[row, at]), strict=True)))
        for at, symbol in enumerate(arena.panel.symbols)
    }


def mind_plain(mind: Mind) -> dict[str, Any]:
    """As JSON; NaN, where a ring of fills is not full yet, is null."""
    state = {
        key: [list(value.shape), [None if np.isnan(one) else float(one) for one in value.ravel()]]
        for key, value in mind.state.items()
    }
    return {"rule": mind.rule, "sessions": mind.sessions, "seen": mind.seen.isoformat(), "state": state}


def mind_of(raw: Mapping[str, Any]) -> Mind:
    state = {
        key: np.array([np.nan if one is None else one for one in flat], dtype=np.float64).reshape(shape)
        for key, (shape, flat) in raw["state"].items()
    }
    return Mind(str(raw["rule"]), state, int(raw["sessions"]), date.fromisoformat(raw["seen"]))


def _healed(arena: Arena, book: Book, allocation: Allocation, mind: Mind) -> Healed:
    """The allocation as a book under its leader: weights where nothing was moved, and where others moved."""
    weights = allocation.weights[0]
    usual = weights if allocation.unmoved is None else allocation.unmoved[0]
    champion = int(allocation.champion[0])
    moved = {}
    for at, symbol in enumerate(arena.panel.symbols):
        gained = weights[at] - usual[at]
        if gained[champion] < 0:
            best = int(gained.argmax())
            moved[symbol] = arena.ids[best] if gained[best] > 0 else ""
    shares = dict(zip(arena.ids, map(float, usual[0]), strict=True))
    leader = arena.ids[champion]
    return Healed(book.promoted(leader).weighed(shares, moved), leader, moved, mind)


def _gross_believed(arena: Arena, champion: int) -> Floats:
    """[N, K]: the champion's claim before costs, and of every other arm the part that forecasts alike."""
    recent = arena.forecasts[-4 * DAYS_PER_YEAR :]
    alike = np.einsum("tnk,tn->nk", recent, recent[:, :, champion])
    own = np.maximum(alike[:, champion], 1e-12)
    claimed = CLAIM_SHARPE / len(arena.panel.symbols) + arena.cost[:, champion]
    believed: Floats = claimed[:, None] * alike / own[:, None]
    return believed


def _past_fills(arena: Arena, until: int) -> Floats:
    """[1, N, F]: the latest fills of each instrument before that row, at most 250, padded in front."""
    columns = [one[np.isfinite(one)][-250:] for one in arena.shadows.fills[:until, 0].T]
    longest = max(len(one) for one in columns)
    out = np.full((1, len(columns), longest), np.nan)
    for at, one in enumerate(columns):
        out[0, at, : len(one)] = one
    return out


def _evidence(arena: Arena, row: int, session: int, own: Floats) -> Evidence:
    shadows = arena.shadows
    return Evidence(
        session=session,
        pnl=shadows.pnl[:, row],
        variance=shadows.variance[:, row],
        book_pnl=own[row : row + 1],
        fills=shadows.fills[row],
        history=shadows.pnl[:, max(row - HISTORY_DAYS + 1, 0) : row + 1],
    )


def _book_pnl(arena: Arena, traded: Mapping[date, Mapping[str, float]]) -> Floats:
    """[T]: what the book earned by the kernel at the forecasts it was traded with; 0 before it was."""
    days, symbols = arena.panel.days, arena.panel.symbols
    wanted = np.zeros((len(days), 1, len(symbols)))
    for session, said in traded.items():
        row = arena.panel.row(session)
        before = row - 1 if row >= 0 and days[row] == session else row
        if before >= 0:
            wanted[before, 0] = [said.get(symbol, 0.0) for symbol in symbols]
    own = np.zeros(len(days))
    first = 1
    own[first:] = trade(wanted, arena.shadows, first, research_rules(len(symbols)))[0]
    return own


def is_challenger(book: Book, model_id: str) -> bool:
    """Whether that arm came into the book by admission, not with it."""
    return any(arm.spec_id == model_id and arm.role is Role.CHALLENGER for arm in book.arms)
