"""Repair of what can be measured: execution cost, within days and without any test of P&L."""

import math
from dataclasses import dataclass, field

import numpy as np

from hydra.research.heal.constant import Constant
from hydra.research.heal.rule import Allocation, Arms, Bools, Evidence, Floats, Ints, Rule, State

COUNTERS = ("cusum", "ratios", "fills", "alarmed")
RING = 250
FILLS_MIN = 30


@dataclass(frozen=True, slots=True)
class CostChannel:
    """Another rule, with each instrument moved to the variant that its measured slippage leaves most.

    CUSUM on z = (ln(measured / predicted) − mu0) / sd0 per fill, mu0 and sd0 from the instrument's last 250
    fills and frozen while it alarms: C = max(0, C + z − `slack`), alarm above `alarm`, over when C is back at
    0. One runs over all fills of the book, for what dears every market (a broker, a route, an hour), and one
    per instrument; the thresholds rise with the logarithm of the instruments. While one alarms the multiplier
    is (sum of ratios + 5) / (n + 5) over the fills since its C last was 0, the instrument's own before the
    book's, and the champion's weight goes to the variant with the largest believed gross − multiplier ×
    turnover cost, to none if that is negative.
    Measured power (docs/healing.md): slippage × 3 is seen after about 11 trading days in two instruments
    and mostly recovered; a false alarm about every 19,000 fills of a book of two.
    """

    inner: Rule = field(default_factory=Constant)
    slack: float = 0.5
    alarm: float = 8.0

    @property
    def name(self) -> str:
        return "cost" if self.inner.name == "never" else self.inner.name

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        state, allocation = self.inner.begin(arms)
        shape = (arms.books, arms.instruments)
        ring = np.full((*shape, RING), np.nan)
        past = arms.past_fills[:, :, -RING:]
        ring[:, :, : past.shape[2]] = past
        start = float(past.shape[2] % RING)
        own = {"ring": ring, "next": np.full(shape, start), "moved": np.zeros(arms.books)}
        own |= {one: np.zeros((arms.books, arms.instruments + 1)) for one in COUNTERS}
        return state | {f"cost.{key}": value for key, value in own.items()}, allocation

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        mine = {key.removeprefix("cost."): value for key, value in state.items() if key.startswith("cost.")}
        others = {key: value for key, value in state.items() if not key.startswith("cost.")}
        others, allocation = self.inner.step(arms, others, evidence)
        watched = self._watch(mine, evidence.fills)
        alarmed = (watched["alarmed"][:, :-1] > 0) | (watched["alarmed"][:, -1:] > 0)
        weights, moved = _moved(arms, allocation, alarmed, multiplier(watched))
        newly = moved & ~(mine["moved"] > 0)
        watched["moved"] = moved.astype(np.float64)
        kept = others | {f"cost.{key}": value for key, value in watched.items()}
        return kept, Allocation(weights, allocation.champion, allocation.promoted | newly, allocation.weights)

    def _watch(self, state: State, fills: Floats) -> State:
        """One session's fills into the CUSUM of each instrument, and of the book (the last column)."""
        filled = np.isfinite(fills)
        z, judged = self._standardised(state["ring"], fills, filled)
        ratio = np.exp(np.where(filled, fills, 0.0))
        counters = {one: state[one].copy() for one in COUNTERS}
        instruments = fills.shape[1]
        # false alarms come e times rarer per unit: so a book has as few however many instruments it trades
        of_book = self.alarm + math.log(max(instruments / 2, 1.0))
        for one in range(instruments):
            for column, alarm in ((one, self.alarm + math.log(instruments)), (instruments, of_book)):
                self._count(counters, column, alarm, z[:, one], ratio[:, one], judged[:, one])
        quiet = (counters["alarmed"][:, :-1] == 0) & (counters["alarmed"][:, -1:] == 0)
        ring, following = _remembered(state, fills, filled & quiet)
        return counters | {"ring": ring, "next": following, "moved": state["moved"]}

    def _count(
        self, counters: State, column: int, alarm: float, z: Floats, ratio: Floats, judged: Bools
    ) -> None:
        """One fill per book into one column of the counters."""
        before = counters["cusum"][:, column]
        cusum = np.where(judged, np.maximum(0.0, before + z - self.slack), before)
        runs = cusum > 0.0
        counters["cusum"][:, column] = cusum
        for name, more in (("ratios", np.where(judged, ratio, 0.0)), ("fills", judged)):
            counters[name][:, column] = np.where(runs, counters[name][:, column] + more, 0.0)
        is_on = (counters["alarmed"][:, column] > 0) | (cusum > alarm)
        counters["alarmed"][:, column] = runs & is_on

    def _standardised(self, ring: Floats, fills: Floats, filled: Bools) -> tuple[Floats, Bools]:
        """z per fill against the fills before it; nothing is judged on fewer than 30 of them."""
        known = np.isfinite(ring)
        count = known.sum(axis=2)
        safe = np.maximum(count, 1)
        mean = np.where(known, ring, 0.0).sum(axis=2) / safe
        spread = np.where(known, ring - mean[:, :, None], 0.0)
        deviation = np.sqrt((spread**2).sum(axis=2) / safe)
        judged = filled & (count >= FILLS_MIN) & (deviation > 0)
        return np.where(judged, fills - mean, 0.0) / np.where(judged, deviation, 1.0), judged


def multiplier(watched: State) -> Floats:
    """The believed measured / predicted slippage [W, N]: 1 without an alarm, shrunk by five at 1."""
    believed = (watched["ratios"] + 5.0) / (watched["fills"] + 5.0)
    of_book = np.where(watched["alarmed"][:, -1:] > 0, believed[:, -1:], 1.0)
    return np.where(watched["alarmed"][:, :-1] > 0, believed[:, :-1], of_book)


def _moved(arms: Arms, allocation: Allocation, alarmed: Bools, believed: Floats) -> tuple[Floats, Bools]:
    """The champion's weight of every alarmed instrument at its best variant, and the books so moved."""
    if not alarmed.any():
        return allocation.weights, np.zeros(arms.books, dtype=np.bool_)
    net = arms.gross_year - believed[:, :, None] * arms.cost_year
    net = np.where(arms.is_variant[:, None, :], net, -np.inf)
    best = net.argmax(axis=2)
    pays = np.take_along_axis(net, best[:, :, None], axis=2)[:, :, 0] > 0
    weights = allocation.weights.copy()
    champion: Ints = np.broadcast_to(allocation.champion[:, None], best.shape)
    changes = alarmed & ((best != champion) | ~pays)
    for book, instrument in np.argwhere(changes):
        held = weights[book, instrument, champion[book, instrument]]
        weights[book, instrument, champion[book, instrument]] = 0.0
        if pays[book, instrument]:
            weights[book, instrument, best[book, instrument]] += held
    return weights, changes.any(axis=1)


def _remembered(state: State, fills: Floats, keeps: Bools) -> tuple[Floats, Floats]:
    """The ring of fills with these in the place of the oldest."""
    ring, following = state["ring"].copy(), state["next"].copy()
    books, instruments = np.nonzero(keeps)
    places = following[books, instruments].astype(np.int64)
    ring[books, instruments, places] = fills[books, instruments]
    following[books, instruments] = (places + 1) % RING
    return ring, following
