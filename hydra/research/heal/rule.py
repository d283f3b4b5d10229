"""What a healing rule sees, remembers and says: exchangeable objects over W books at once.

A rule is stepped once per session, after its close, with what all shadow-traded arms earned; what it says is
traded from the next session on. Everything has a leading axis W of books (1 when trading, hundreds of worlds
in the bench), so that the very code that trades is the code that was measured. P&L is in units of the daily
volatility target; a state is plain arrays, so that it can be kept between sessions as JSON.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
State = dict[str, Floats]

DAYS_PER_YEAR = 252
YEAR = math.sqrt(DAYS_PER_YEAR)


@dataclass(frozen=True, slots=True)
class Arms:
    """K arms of W books over N instruments, as they stand when a rule begins.

    `prior` [W, K + 1] are the base weights of the arms and, last, of cash: each row sums to 1, an arm at 0
    is shadow-traded but not in the book. `is_variant` [W, K] marks the champion and its parameter variants,
    among which the cost channel chooses by `gross_year` and `cost_year` [W, N, K]: the Sharpe an instrument
    is believed to add before costs, and its turnover cost at normal slippage. `past_fills` [W, N, F] are the
    ln(measured / predicted) of the latest fills.
    """

    champion: Ints
    prior: Floats
    is_variant: Bools
    gross_year: Floats
    cost_year: Floats
    past_fills: Floats

    def __post_init__(self) -> None:
        if not np.allclose(self.prior.sum(axis=1), 1.0) or bool((self.prior < 0).any()):
            raise ValueError("the prior weights of a book are not negative and sum to 1 with cash")
        if self.cost_year.shape != self.gross_year.shape or self.gross_year.shape[2] != self.count:
            raise ValueError("gross and cost are given per book, instrument and arm")

    @property
    def books(self) -> int:
        """W."""
        return int(self.prior.shape[0])

    @property
    def count(self) -> int:
        """K, without cash."""
        return int(self.prior.shape[1]) - 1

    @property
    def instruments(self) -> int:
        """N."""
        return int(self.gross_year.shape[1])


@dataclass(frozen=True, slots=True)
class Evidence:
    """One session's close: what the arms and the book earned, and what its fills cost.

    `pnl` and `variance` [W, K]: net P&L and its predicted variance (mean squared forecast the day before);
    `book_pnl` [W]; `fills` [W, N]: ln(measured / predicted slippage), NaN where nothing was traded;
    `history` [W, T, K]: the arms' P&L up to and including this session; `session` counts from 1.
    """

    session: int
    pnl: Floats
    variance: Floats
    book_pnl: Floats
    fills: Floats
    history: Floats


@dataclass(frozen=True, slots=True)
class Allocation:
    """What is traded from the next session on: `weights` [W, N, K] (the rest is cash) and who is champion.

    `unmoved` are the weights before cost moved the champion's in some instruments; the same where it never
    does. `promoted` [W]: at this session another arm took over, or cost moved an instrument.
    """

    weights: Floats
    champion: Ints
    promoted: Bools
    unmoved: Floats | None = None


class Rule(Protocol):
    """`begin` once, then `step` per session; both pure: the same state and evidence say the same."""

    @property
    def name(self) -> str:
        """What the bench, the journal and the configuration call it."""

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        """The state before the first session and what is traded in it."""

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        """The state after this session, and what is traded in the next."""


def one_hot(champion: Ints, count: int) -> Floats:
    """[W] as [W, count] with a single 1 per row."""
    weights = np.zeros((champion.size, count))
    weights[np.arange(champion.size), champion] = 1.0
    return weights


def everywhere(weights: Floats, instruments: int) -> Floats:
    """[W, K] for each of N instruments."""
    return np.repeat(weights[:, None, :], instruments, axis=1)


def sharpe_of(pnl: Floats) -> Floats:
    """Daily Sharpe ratios along axis 1 of [W, T, K]; 0 where nothing moves."""
    deviation = pnl.std(axis=1)
    ratios: Floats = np.divide(pnl.mean(axis=1), deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return ratios


def champion_of(state: State) -> Ints:
    """The champion in a state, as index."""
    return state["champion"].astype(np.int64)
