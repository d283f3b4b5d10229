"""Worlds in which an edge lives, dies, turns or grows dear, and the arms that trade in them.

Regime volatility with persistence, returns with a trend of known span and strength, two costs as thin markets
have them. Everything but the generator is the project's own: features, kernel, rules.
"""

import math
from dataclasses import dataclass, replace

import numba
import numpy as np

from hydra.research.features import breakout, clipped, trend_scale
from hydra.research.heal import Arms
from hydra.research.heal.replay import Shadows, research_rules, shadow
from hydra.research.kernel import Market, Rules, of_columns, run

SPANS = ((2, 8), (4, 16), (8, 32), (16, 64), (32, 128))
ARMS = ("T2", "T4", "T8", "T16", "T32", "R2", "R4", "R8", "R16", "R32", "B20", "B80", "ridge")
T8, T16, T32 = 2, 3, 4
TRENDS = len(SPANS)
BURN_IN, HISTORY = 256, 504
FIRST = BURN_IN + HISTORY
BASE, HALF_SPREAD = (0.0172, 0.0159), (0.0052, 0.00042)
SCENARIOS = ("nochange", "null", "dies", "flip", "vol2", "cost3", "fast2slow")
UNBROKEN = ("nochange", "null")
LOG_SLIPPAGE_MEAN, LOG_SLIPPAGE_SD = -0.32, 0.8
PAST_FILLS = 250


@dataclass(frozen=True, slots=True)
class Design:
    """What is drawn: worlds, instruments, the range of the champion's net Sharpe, live days by scenario."""

    worlds: int
    seed: int
    instruments: int = 2
    sharpe: tuple[float, float] = (0.3, 0.8)
    years: int = 3

    def live_days(self, scenario: str) -> int:
        """Three years mean 756 days, a broken world a year more to see what follows; else whole years."""
        if self.years == 3:
            return 756 if scenario in UNBROKEN else 1008
        return 252 * self.years


@dataclass(frozen=True, slots=True)
class Worlds:
    """A scenario's worlds, ready to be traded: `first` is the first live session, `broken` the break's."""

    scenario: str
    first: int
    broken: np.ndarray
    arms: Arms
    shadows: Shadows
    rules: Rules
    best: np.ndarray
    """[W, N]: the right arm after the break, -1 for cash."""


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """What the arms do on white noise: correlations of forecasts, and yearly cost per unit of half spread."""

    rho: np.ndarray
    turnover: np.ndarray


def white_noise(bars: int = 100_000, seed: int = 20) -> WhiteNoise:
    """From one long path without an edge, traded by the kernel; the cost is that of an instrument alone."""
    rng = np.random.default_rng(seed)
    one = np.ones((1, 1))
    sigma = _volatility(rng.normal(size=(1, 1, bars)))
    flat = np.zeros((1, bars), dtype=np.int64)
    r, s, _, signals = _paths(rng.normal(size=sigma.shape), sigma, 0 * sigma, flat, one)
    forecasts = np.concatenate((signals, -signals), axis=3)[0, 0]
    markets = _markets(r, s, np.ones((bars, 1, 1)))
    market = Market(*np.ascontiguousarray(markets[:, 0, 0].T))
    turnover = np.zeros(len(ARMS))
    cost = run(market, of_columns(forecasts), research_rules(1)).cost_usd.mean(axis=0)
    turnover[: 2 * TRENDS] = cost * math.sqrt(252)
    return WhiteNoise(forecasts.T @ forecasts / bars, turnover)


def build(design: Design, scenario: str, noise: WhiteNoise, chunk: range) -> Worlds:
    """The worlds of one scenario with these numbers; a number is the same world in every scenario."""
    drawn = _Drawn(design, scenario, noise, chunk)
    r, s, price, signals = _paths(drawn.shocks, drawn.sigma, drawn.kappa, drawn.true_span, drawn.base)
    forecasts = _forecasts(r, s, price, signals)
    markets = _markets(r, s, drawn.half_spread)
    rules = research_rules(design.instruments)
    shadows = shadow(markets, forecasts, drawn.fills, rules)
    return Worlds(scenario, FIRST, drawn.broken, drawn.arms(), shadows, rules, drawn.right_arm())


def playbook(champions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Base weights [W, K + 1] and the arms [W, K] among which the cost channel chooses.

    Cash .30, reversed .15, and .55 in equal parts on the champion, the span two steps faster and the one two
    steps slower, where there are such; the cost channel may take any span up to two steps away.
    """
    prior = np.zeros((champions.size, len(ARMS) + 1))
    variants = np.zeros((champions.size, len(ARMS)), dtype=np.bool_)
    for world, champion in enumerate(champions):
        fastest, slowest = max(champion - 2, 0), min(champion + 2, TRENDS - 1)
        prior[world, [fastest, champion, slowest]] = 0.55 / 3
        prior[world, TRENDS + champion] = 0.15
        prior[world, -1] = 0.30
        variants[world, fastest : slowest + 1] = True
    return prior, variants


class _Drawn:
    """Everything random or chosen about a chunk of worlds."""

    def __init__(self, design: Design, scenario: str, noise: WhiteNoise, chunk: range) -> None:
        self.design, self.scenario, self.noise = design, scenario, noise
        self.bars = FIRST + design.live_days(scenario)
        n = design.instruments
        self.base = np.tile(np.resize(BASE, n), (len(chunk), 1))
        rngs = [np.random.default_rng([design.seed, world]) for world in chunk]
        first = [self._world(rng) for rng in rngs]
        self.champion = np.array([one[0] for one in first])
        self.sharpe = np.array([one[1] for one in first])
        self.broken = FIRST + np.array([one[2] for one in first])
        self.shocks = np.stack([rng.normal(size=(n, self.bars)) for rng in rngs])
        self.sigma = self.base[:, :, None] * _volatility(
            np.stack([rng.normal(size=(n, self.bars)) for rng in rngs])
        )
        slip = np.stack(
            [rng.normal(LOG_SLIPPAGE_MEAN, LOG_SLIPPAGE_SD, (n, PAST_FILLS + self.bars)) for rng in rngs]
        )
        self.past_fills, self.fills = (
            slip[:, :, :PAST_FILLS],
            slip[:, :, PAST_FILLS:].transpose(2, 0, 1).copy(),
        )
        self.half_spread = np.tile(np.resize(HALF_SPREAD, n), (self.bars, len(chunk), 1))
        self.after = np.arange(self.bars)[None, :] >= self.broken[:, None]
        self._strength()
        self._break()

    def _world(self, rng: np.random.Generator) -> tuple[int, float, int]:
        champion = T8 if rng.random() < 0.5 else T16
        sharpe = rng.uniform(*self.design.sharpe)
        return (T8 if self.scenario == "fast2slow" else champion), sharpe, int(rng.integers(252, 505))

    def cost_year(self, half_spread: np.ndarray) -> np.ndarray:
        """[W, N, K]: each arm's yearly cost in units of the book's yearly volatility target."""
        scaled = half_spread / self.base / math.sqrt(self.design.instruments)
        return scaled[:, :, None] * self.noise.turnover

    def _strength(self) -> None:
        n, rows = self.design.instruments, np.arange(self.champion.size)
        cost = self.cost_year(np.tile(np.resize(HALF_SPREAD, n), (rows.size, 1))).sum(axis=1)
        self.drag = cost[rows, self.champion]
        own = self.noise.rho[self.champion, self.champion]
        self.scale = math.sqrt(252) * math.sqrt(n)
        kappa = (self.sharpe + self.drag) / (own * self.scale)
        self.kappa = np.tile(kappa[:, None, None], (1, n, self.bars))
        self.kappa_slow = (self.sharpe + cost[:, T32]) / (self.noise.rho[T32, T32] * self.scale)
        self.true_span = np.tile(self.champion[:, None], (1, self.bars))

    def _break(self) -> None:
        after = self.after[:, None, :]
        if self.scenario == "null":
            self.kappa[:], self.half_spread[:] = 0.0, 0.0
        elif self.scenario == "dies":
            self.kappa = np.where(after, 0.0, self.kappa)
        elif self.scenario == "flip":
            self.kappa = np.where(after, -self.kappa, self.kappa)
        elif self.scenario == "vol2":
            self.sigma = np.where(after, 2 * self.sigma, self.sigma)
        elif self.scenario == "cost3":
            late = self.after.T[:, :, None]
            self.half_spread = np.where(late, 3 * self.half_spread, self.half_spread)
            self.fills = np.where(late, self.fills + math.log(3.0), self.fills)
        elif self.scenario == "fast2slow":
            self.true_span = np.where(self.after, T32, self.true_span)
            self.kappa = np.where(after, self.kappa_slow[:, None, None], self.kappa)

    def arms(self) -> Arms:
        """The champions with their playbooks, and what is believed of every arm's gross and cost."""
        prior, variants = playbook(self.champion)
        spread = self.half_spread[0]
        cost = self.cost_year(spread)
        gross = np.zeros_like(cost)
        believed = (sum(self.design.sharpe) / 2 + self.drag) / self.design.instruments
        ratio = self.noise.rho[self.champion][:, : 2 * TRENDS]
        ratio = ratio / self.noise.rho[self.champion, self.champion][:, None]
        gross[:, :, : 2 * TRENDS] = (believed[:, None] * ratio)[:, None, :]
        return Arms(self.champion, prior, variants, gross, cost, self.past_fills)

    def right_arm(self) -> np.ndarray:
        """[W, N]: what one who knew the break and the strength would trade after it."""
        n = self.design.instruments
        right = np.tile(self.champion[:, None], (1, n))
        if self.scenario == "dies":
            right[:] = -1
        elif self.scenario == "flip":
            right += TRENDS
        elif self.scenario == "fast2slow":
            right[:] = T32
        elif self.scenario == "cost3":
            own = self.noise.rho[self.champion]
            ratio = own[:, :TRENDS] / np.diag(self.noise.rho)[self.champion][:, None]
            gross = ((self.sharpe + self.drag) / n)[:, None, None] * ratio[:, None, :]
            net = gross - 3 * self.cost_year(self.half_spread[0])[:, :, :TRENDS]
            right = np.where(net.max(axis=2) > 0, net.argmax(axis=2), -1)
        return right


def _volatility(shocks: np.ndarray) -> np.ndarray:
    """exp(h − .09), h an AR(1) with .97 and a stationary deviation of .3: mean square 1."""
    h = np.empty_like(shocks)
    h[..., 0] = 0.3 * shocks[..., 0]
    step = 0.3 * math.sqrt(1 - 0.97**2)
    for t in range(1, shocks.shape[-1]):
        h[..., t] = 0.97 * h[..., t - 1] + step * shocks[..., t]
    return np.exp(h - 0.09)


def _paths(
    shocks: np.ndarray, sigma: np.ndarray, kappa: np.ndarray, true_span: np.ndarray, base: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns, their deviation known at the close, normalised prices [W, N, T] and trend signals [.., 5]."""
    alphas = np.array([[2 / (a + 1), 2 / (b + 1)] for a, b in SPANS])
    scales = np.array([trend_scale(a, b) for a, b in SPANS])
    return _fed_back(shocks, sigma, kappa, true_span, base, alphas, scales)


@numba.njit(cache=True)
def _fed_back(shocks, sigma, kappa, true_span, base, alphas, scales):
    worlds, instruments, bars = shocks.shape
    spans = scales.size
    r, s, price = np.empty_like(shocks), np.empty_like(shocks), np.empty_like(shocks)
    signals = np.zeros((worlds, instruments, bars, spans))
    for w in range(worlds):
        for i in range(instruments):
            variance, level = base[w, i] ** 2, 0.0
            averages = np.zeros((spans, 2))
            pull = np.zeros(spans)
            for t in range(bars):
                r[w, i, t] = sigma[w, i, t] * (kappa[w, i, t] * pull[true_span[w, t]] + shocks[w, i, t])
                level += r[w, i, t] / math.sqrt(variance)
                variance += 2 / 37 * (r[w, i, t] ** 2 - variance)
                s[w, i, t], price[w, i, t] = math.sqrt(variance), level
                for k in range(spans):
                    averages[k, 0] += alphas[k, 0] * (level - averages[k, 0])
                    averages[k, 1] += alphas[k, 1] * (level - averages[k, 1])
                    pull[k] = min(max((averages[k, 0] - averages[k, 1]) / scales[k], -2.0), 2.0)
                    signals[w, i, t, k] = pull[k]
    return r, s, price, signals


def _forecasts(r: np.ndarray, s: np.ndarray, price: np.ndarray, signals: np.ndarray) -> np.ndarray:
    """All arms' forecasts, [T, W, N, K]."""
    own = [signals, -signals, breakout(price, 20)[..., None], breakout(price, 80)[..., None]]
    earned = np.zeros_like(r)
    earned[..., :-1] = r[..., 1:] / s[..., :-1]
    own.append(ridge(signals, earned)[..., None])
    return np.ascontiguousarray(np.concatenate(own, axis=3).transpose(2, 0, 1, 3))


def ridge(signals: np.ndarray, earned: np.ndarray, days: int = 504, every: int = 21) -> np.ndarray:
    """A ridge regression on the signals, refitted every 21 days on the last 504; what it forecasts [W, N, T].

    `earned` at t is what followed t; a fit at t knows it up to t − 1.
    """
    out = np.zeros(earned.shape)
    for t in range(days + 1, earned.shape[2], every):
        x, y = signals[:, :, t - days : t], earned[:, :, t - days : t]
        gram = np.swapaxes(x, 2, 3) @ x + 200.0 * np.eye(x.shape[3])
        beta = np.linalg.solve(gram, np.swapaxes(x, 2, 3) @ y[..., None])
        size = np.sqrt(((x @ beta)[..., 0] ** 2).mean(axis=2))
        ahead = (signals[:, :, t : t + every] @ beta)[..., 0]
        out[:, :, t : t + every] = clipped(ahead / size[:, :, None])
    return out


def _markets(r: np.ndarray, s: np.ndarray, half_spread: np.ndarray) -> np.ndarray:
    """[T, W, N, 5]: the sum of returns as a price, filled at the close it was decided on."""
    close = 100.0 + np.cumsum(r, axis=2)
    fill = np.concatenate((close[..., :1], close[..., :-1]), axis=2)
    volume = np.full_like(close, np.inf)
    rows = np.stack(
        [one.transpose(2, 0, 1) for one in (fill, close, s)] + [half_spread, volume.transpose(2, 0, 1)],
        axis=3,
    )
    return np.ascontiguousarray(rows)


def wider(design: Design) -> Design:
    """Eight instruments, half of each kind, with the Sharpe that diversification gives."""
    return replace(design, instruments=8, sharpe=(0.6, 1.6))
