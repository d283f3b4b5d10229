"""The daily cycle for people: plain rows for tables, one page for the verdict, what the plot shows."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from hydra.reports.orders import markdown_table
from hydra.research.book import Book
from hydra.research.diagnose import KNOWN_WITHIN, Diagnosis
from hydra.research.experiment import Experiment
from hydra.research.healing import Arena
from hydra.research.models import spec_of
from hydra.research.observation import Observation
from hydra.research.reasons import Reason
from hydra.research.roster import named
from hydra.usecases.improve.cycle import Cycle
from hydra.usecases.improve.decide import Proposal

Row = dict[str, Any]
PLOT_DAYS = 504
FIGURES = {
    "sharpe_leader": "Sharpe of the new one, net, by the kernel",
    "sharpe_champion": "Sharpe of the champion",
    "sharpe_difference": "Sharpe of the difference, day by day",
    "sharpe_error": "standard error of each Sharpe over these days",
    "p_value": "one-sided p-value of the difference of means (SPA, blocks of days)",
    "p_diebold_mariano": "the same by Diebold-Mariano, days taken as independent",
    "p_sharpe": "one-sided p-value of the difference of Sharpe ratios (Ledoit-Wolf)",
    "years_of_record": "years of record after which its Sharpe is known to exceed the champion's",
    "days": "days compared",
    "years_to_80_percent_power": "years to know such a difference (80 % power)",
}
YEAR = math.sqrt(252)


def drift_rows(observations: Sequence[Observation]) -> list[Row]:
    """One row a feature and instrument: PSI against its own critical value, KS with bootstrapped p, BH."""
    return [
        {
            "instrument": one.instrument,
            "feature": row.feature,
            "psi": round(row.psi.statistic, 3),
            "psi_limit": round(row.psi.critical, 3),
            "ks": round(row.ks.statistic, 3),
            "p": _rounded(row.ks.p_value),
            "p_adjusted": _rounded(row.adjusted_p),
            "drifted": row.is_alarm,
        }
        for one in observations
        for row in one.drift
    ]


def observation_rows(observations: Sequence[Observation]) -> list[Row]:
    """One row an instrument: what is seen, and how long it takes to know."""
    return [
        {
            "instrument": one.instrument,
            "live_sharpe": _rounded(one.live_sharpe, 2),
            "live_error": _rounded(one.live_sharpe_error, 2),
            "claimed_sharpe": _rounded(one.claimed_sharpe, 2),
            "hit_rate": _rounded(one.hit_rate, 3),
            "calibration": _rounded(one.calibration_slope, 3),
            "slippage": _rounded(one.slippage_multiplier, 2),
            "tracking_error": _rounded(one.tracking_error, 3),
            "years_to_power": _rounded(one.years_to_power, 1),
            "false_alarms_year": _rounded(one.false_alarms_per_year, 2),
        }
        for one in observations
    ]


def impact_rows(observations: Sequence[Observation]) -> list[Row]:
    """One row an instrument: Y of the square-root law by the account's own orders, and what counts."""
    return [
        {
            "instrument": one.instrument,
            "orders": one.impact.orders,
            "impact_y": _rounded(one.impact.y, 3),
            "low": _rounded(one.impact.low, 3),
            "high": _rounded(one.impact.high, 3),
            "counted_with": _rounded(one.impact.believed, 3),
        }
        for one in observations
    ]


def diagnosis_rows(diagnoses: Sequence[Diagnosis]) -> list[Row]:
    """The most urgent first: cause, why, within which time such a cause can be known at all."""
    return [
        {
            "instrument": one.instrument,
            "cause": one.cause.value,
            "known_within": KNOWN_WITHIN[one.cause],
            "stops": one.stops_trading,
            "why": str(one).partition("(")[2].rstrip(")"),
            "also": ", ".join(one.also),
        }
        for one in diagnoses
    ]


def weight_rows(book: Book) -> list[Row]:
    """Every arm of the book; cash at the end."""
    rows: list[Row] = [
        {
            "model": arm.spec_id,
            "role": arm.role.value,
            "prior": round(arm.prior, 4),
            "weight": round(arm.weight, 4),
        }
        for arm in book.arms
    ]
    prior = 1.0 - sum(arm.prior for arm in book.arms)
    return [*rows, {"model": "cash", "role": "", "prior": round(prior, 4), "weight": round(book.cash, 4)}]


def leaderboard_rows(arena: Arena, book: Book) -> list[Row]:
    """Every arm by its shadow of the last two years, net of costs; ranks, decides nothing."""
    pnl = arena.pnl[-PLOT_DAYS:]
    weights = {arm.spec_id: arm.weight for arm in book.arms}
    rows = [
        {
            "model": name,
            "sharpe_2y": round(_sharpe(pnl[:, at]), 2),
            "drawdown": round(_drawdown(pnl[:, at]), 2),
            "cost_sharpe_year": round(float(arena.cost[:, at].sum()), 3),
            "weight": round(weights.get(name, 0.0), 3),
            "champion": name == book.champion,
        }
        for at, name in enumerate(arena.ids)
    ]
    return sorted(rows, key=lambda row: -float(row["sharpe_2y"]))


def experiment_rows(experiments: Sequence[Experiment]) -> list[Row]:
    """One row an experiment: what was changed and why, how it ended, and its evidence."""
    return [
        {
            "id": one.experiment_id,
            "for": one.until,
            "cause": one.cause,
            "tried": f"{one.operator}: {_named(one)}",
            "ended": one.ended,
            "passed": one.has_passed,
            "fitness": _rounded(one.fitness, 3),
            "p": _rounded(one.p_value),
            "dsr": _rounded(one.deflated_sharpe),
            "refusals": _refused(one),
        }
        for one in experiments
    ]


def _refused(experiment: Experiment) -> str:
    """Why it did not pass; of a run that did not finish also what it said last."""
    if experiment.has_passed:
        return ""
    said = [] if experiment.ended == "FINISHED" else [experiment.detail]
    return ": ".join(filter(None, ["; ".join(experiment.refusals), *said]))


def _named(experiment: Experiment) -> str:
    """The candidate's model name; a spec of a family this build does not know keeps its identity."""
    try:
        return named(spec_of(experiment.spec), experiment.train_until)
    except ValueError:
        return experiment.spec_id


def target_rows(forecasts: Mapping[str, float], stops: Mapping[str, str]) -> list[Row]:
    """What the next session is to hold of each instrument."""
    return [
        {"instrument": symbol, "forecast": round(said, 3), "stopped": stops.get(symbol, "")}
        for symbol, said in forecasts.items()
    ]


def reason_rows(reasons: Sequence[Reason]) -> list[Row]:
    """What each traded arm, and each learner in the shadow, says of the newest close, and why."""
    return [asdict(one) for one in reasons]


def cycle_markdown(cycle: Cycle, waits: Proposal | None) -> str:
    """The cycle on one page, the verdict first, each comparison with the years it takes to know."""
    parts = [f"# Daily cycle for {cycle.on}", f"**{verdict(cycle, waits)}**"]
    parts += [f"- {note}" for note in cycle.notes]
    decided = cycle.decision
    if waits is not None:
        parts += ["## Evidence for the change", _table(evidence_rows(waits.evidence))]
    parts += ["## Diagnosis", _table(diagnosis_rows(cycle.diagnoses))]
    parts += ["## What is seen", _table(observation_rows(cycle.observations))]
    parts += ["## Impact of own orders (Y, 95 %)", _table(impact_rows(cycle.observations))]
    if decided is not None:
        parts += ["## Targets", _table(target_rows(decided.forecasts, decided.stops))]
        parts += ["## Why the models say so today", _table(reason_rows(decided.reasons))]
        parts += ["## Book", _table(weight_rows(decided.book))]
    if cycle.experiments:
        parts += ["## Experiments", _table(experiment_rows(cycle.experiments))]
    parts += [
        "## Leaderboard (two years in the shadow)",
        _table(leaderboard_rows(cycle.arena, book_now(cycle))),
    ]
    return "\n\n".join(parts) + "\n"


def book_now(cycle: Cycle) -> Book:
    """The book as it was decided, or as it was before."""
    return cycle.decision.book if cycle.decision is not None else cycle.book


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """As Markdown, with headings that wrap and a dash for what does not exist."""
    named = [
        {name.replace("_", " "): "–" if one is None else one for name, one in row.items()} for row in rows
    ]
    return markdown_table(named)


def verdict(cycle: Cycle, waits: Proposal | None) -> str:
    """One sentence: what changes, what is stopped, or that nothing is known."""
    if waits is not None:
        return f"{waits.leader} is to replace {waits.predecessor}: a person must approve it"
    if cycle.overruled:
        return cycle.overruled
    decided = cycle.decision
    stopped = ", ".join(decided.stops) if decided is not None else ""
    tail = f"; stopped: {stopped}" if stopped else ""
    if decided is not None and decided.change is not None:
        after = f" after {decided.predecessor}" if decided.predecessor else ""
        return (
            f"{decided.book.champion} leads from {cycle.on}{after} ({decided.change}, by {decided.by}){tail}"
        )
    causes = {one.cause.value for one in cycle.diagnoses}
    if causes == {"POWER_TOO_LOW"}:
        return f"{cycle.book.champion} stays; the power is too low to say more{tail}"
    return f"{cycle.book.champion} stays; seen: {', '.join(sorted(causes))}{tail}"


def evidence_rows(evidence: Mapping[str, float] | str) -> list[Row]:
    """The evidence of a change, a figure a row."""
    found = json.loads(evidence) if isinstance(evidence, str) else evidence
    named = ((FIGURES.get(name, name.replace("_", " ")), value) for name, value in found.items())
    return [
        {"figure": name, "value": f"{value:g}" if isinstance(value, float) else value}
        for name, value in named
    ]


def plot_data(cycle: Cycle, history: Sequence[tuple[str, Mapping[str, float]]]) -> dict[str, Any]:
    """Equity of every arm in the shadow and of the champion, and the book's weights by session."""
    arena = cycle.arena
    days = [day.isoformat() for day in arena.panel.days[-PLOT_DAYS:]]
    paths = np.cumsum(arena.pnl[-PLOT_DAYS:], axis=0) / YEAR
    names = sorted({name for _, weights in history for name in weights})
    return {
        "title": f"Daily cycle for {cycle.on}",
        "panels": [arena.panel.symbols],
        "champion": cycle.book.champion,
        "days": days,
        "equity": {name: [round(float(one), 4) for one in paths[:, at]] for at, name in enumerate(arena.ids)},
        "sessions": [on for on, _ in history],
        "weights": {name: [round(weights.get(name, 0.0), 4) for _, weights in history] for name in names},
    }


def weights_history(
    books: Sequence[tuple[Any, str, Mapping[str, Any]]],
) -> list[tuple[str, dict[str, float]]]:
    """(session, weight by model, cash among them) of every book on record."""
    out = []
    for on, _, raw in books:
        arms = json.loads(raw["book"])["arms"]
        weights = {str(arm[0]): float(arm[3]) for arm in arms}
        out.append((on.isoformat(), {**weights, "cash": max(0.0, 1.0 - sum(weights.values()))}))
    return out


def _sharpe(pnl: Any) -> float:
    spread = float(pnl.std(ddof=1)) if pnl.size > 1 else 0.0
    return float(pnl.mean()) / spread * YEAR if spread > 0 else 0.0


def _drawdown(pnl: Any) -> float:
    path = np.concatenate(([0.0], np.cumsum(pnl)))
    return float((np.maximum.accumulate(path) - path).max()) / YEAR


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return round(float(value), digits) if value is not None and math.isfinite(value) else None
