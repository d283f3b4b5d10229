"""Mutations of the champion: tried in the sandbox, measured outside of it, journalled in any case."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from hydra.domain.errors import UserError
from hydra.research.candidate import learns
from hydra.research.experiment import Experiment, trial_id
from hydra.research.family import FAMILIES, needs
from hydra.research.filters import Floats
from hydra.research.hygiene import Terms, Trials, judged
from hydra.research.impact import PRIOR_Y
from hydra.research.models import ModelSpec, spec_of
from hydra.research.mutate import Mutation, Repertoire, Tried, propose
from hydra.research.observation import Cause
from hydra.research.panel import Panel, panel_of
from hydra.research.reasons import why_of
from hydra.research.roster import Member, bars_of, fresh, member_of, named, parameters, plain
from hydra.usecases.improve.cycle import Cycle, markets_of
from hydra.usecases.improve.record import known_sha256
from hydra.usecases.improve.workshop import Tried as Walked
from hydra.usecases.improve.workshop import Workshop

BY_HAND = "by_hand"
CORES = os.cpu_count() or 1


def mutations_of(shop: Workshop, cycle: Cycle, by_hand: Iterable[Any] = ()) -> Sequence[Mutation]:
    """What to try: the playbook's answer to each cause, within the budget; nothing once it is decided."""
    if cycle.decided is not None:
        return ()
    champion = plain(cycle.champion.spec)
    journal = [Tried.of(one) for one in shop.journal.experiments()]
    chosen = [_given(champion, raw) for raw in by_hand]
    members = {_spec_key(one) for one in cycle.members} | set(_retired(shop))
    for cause in dict.fromkeys(one.cause for one in cycle.diagnoses):
        proposed = propose(
            cause,
            champion,
            repertoire_of(cycle),
            journal,
            cycle.on,
            budget=shop.plan.budget,
            learnt_until=cycle.champion.train_until,
            spent_today=len(chosen),
            in_book=members | {one.trial_id for one in chosen},
        )
        chosen += proposed
    return chosen


def try_all(shop: Workshop, cycle: Cycle, mutations: Sequence[Mutation]) -> Sequence[Experiment]:
    """Every mutation's experiment, in order, run in the sandbox where the journal has it not."""
    drafts = drafted(shop, cycle, mutations)
    walked = shop.sandbox.walk([one.spec for one in drafts], cycle.panel.inputs)
    with ThreadPoolExecutor(CORES) as pool:
        done = pool.map(lambda pair: _judged(shop, cycle, *pair), zip(drafts, walked, strict=True))
        for run, one in zip(walked, done, strict=True):
            _record(shop, cycle, one, run)
    return cycle.experiments


def drafted(shop: Workshop, cycle: Cycle, mutations: Sequence[Mutation]) -> Sequence[Experiment]:
    """What must still be run; what is on record already is taken from there.

    An experiment on record of a candidate that passed is run again all the same as long as the session is not
    decided: its model is not registered before it is admitted, and the same run gives the same model.
    """
    cycle.experiments = []
    if cycle.decided is not None:
        made_for = cycle.on.isoformat()
        cycle.experiments = [one for one in shop.journal.experiments() if one.until == made_for]
        return ()
    known = {one.experiment_id: one for one in shop.journal.experiments()}
    drafts = [_draft(shop, cycle, one) for one in mutations]
    found = [known.get(one.experiment_id) for one in drafts]
    cycle.experiments = [one for one in found if one is not None and not one.has_passed]
    return [draft for draft, one in zip(drafts, found, strict=True) if one is None or one.has_passed]


def journalled(shop: Workshop, cycle: Cycle, draft: Experiment, run: Walked) -> Experiment:
    """Measured outside of the sandbox and put on record, whatever came of it."""
    return _record(shop, cycle, _judged(shop, cycle, draft, run), run)


def _judged(shop: Workshop, cycle: Cycle, draft: Experiment, run: Walked) -> Experiment:
    parent = _parent_forecasts(cycle.panel, draft)
    believed = tuple(cycle.impact[symbol].believed for symbol in cycle.panel.symbols)
    terms = Terms(shop.plan.capital_usd, believed)
    return measured(draft, run, cycle.panel, parent, cycle.trials, terms)


def _record(shop: Workshop, cycle: Cycle, done: Experiment, run: Walked) -> Experiment:
    shop.journal.record(done)
    cycle.experiments.append(done)
    if done.has_passed:
        cycle.walked[done.experiment_id] = (_member(shop, cycle, done, run), done)
    return done


def rerun(shop: Workshop, wanted: Experiment) -> Experiment:
    """The experiment run again on the bars as they were known then; HY-865 where they cannot be had.

    Equal numbers are the proof that it is on record as it was.
    """
    if not wanted.instruments:
        problem = "its record does not say of which instruments and days its data was"
        raise UserError("HY-865", given=wanted.experiment_id, problem=problem)
    try:
        spec_of(wanted.spec), spec_of(wanted.parent)
    except ValueError as error:
        raise UserError("HY-865", given=wanted.experiment_id, problem=error) from error
    panel = _panel_as_known(shop, wanted)
    if panel.data_hash != wanted.data_hash:
        problem = f"its data was {wanted.data_hash}, the store has {panel.data_hash}"
        raise UserError("HY-865", given=wanted.experiment_id, problem=problem)
    (run,) = shop.sandbox.walk([wanted.spec], panel.inputs)
    trials = Trials(int(wanted.metrics.get("trials", 1)), float(wanted.metrics.get("trial_variance", 0.0)))
    capital = float(wanted.metrics.get("capital_usd", shop.plan.capital_usd))
    impact = tuple(float(wanted.metrics.get(f"impact_y_{one}", PRIOR_Y)) for one in panel.symbols)
    terms = Terms(capital, impact)
    return measured(wanted, run, panel, _parent_forecasts(panel, wanted), trials, terms)


def measured(
    draft: Experiment, run: Walked, panel: Panel, parent: Floats, trials: Trials, terms: Terms
) -> Experiment:
    """The draft with what came of it; a candidate that did not finish has an end and no figures."""
    if run.end != "FINISHED":
        return _failed(draft, run.end, run.detail)
    spec = spec_of(draft.spec)
    try:
        detail = _learnt_why(spec, run, panel) if learns(spec) else run.detail
    except Exception as error:  # noqa: BLE001  # what a family raises is its end, not the cycle's
        return _failed(draft, "RAISED", f"asked why: {type(error).__name__}: {error}")
    found = judged(
        panel,
        run.forecasts,
        parent,
        parameters=parameters(draft.spec),
        terms=terms,
        trials=trials,
        seed=draft.seed,
    )
    return replace(
        draft,
        ended=run.end,
        detail=detail,
        refusals=found.refusals,
        metrics=found.figures,
        fitness=found.fitness.value,
        p_value=found.p_value,
        deflated_sharpe=found.deflated_sharpe,
    )


def _failed(draft: Experiment, end: str, detail: str) -> Experiment:
    return replace(draft, ended=end, detail=detail, refusals=(f"SANDBOX: {end}",))


def _learnt_why(spec: ModelSpec, run: Walked, panel: Panel) -> str:
    """What moves the new learner on the newest bar of each market, for the journal."""
    return " | ".join(
        f"{symbol}: {why_of(spec, bars_of(panel, at), run.learnt[at])}"
        for at, symbol in enumerate(panel.symbols)
    )


def _draft(shop: Workshop, cycle: Cycle, mutation: Mutation) -> Experiment:
    return Experiment(
        spec=mutation.spec,
        parent=mutation.parent,
        cause=mutation.cause.value,
        operator=str(mutation.operator),
        seed=shop.plan.seed,
        data_hash=cycle.panel.data_hash,
        build_id=shop.build_id,
        ended="",
        refusals=(),
        recorded_at=shop.clock.now(),
        train_until=mutation.train_until,
        until=cycle.on.isoformat(),
        instruments=cycle.panel.symbols,
    )


def _given(champion: Any, raw: Any) -> Mutation:
    """A candidate a person wrote; HY-860 for a spec that cannot be built."""
    try:
        spec = spec_of(raw)
    except ValueError as error:
        raise UserError("HY-860", problem=error) from error
    return Mutation(plain(spec), champion, Cause.POWER_TOO_LOW, BY_HAND)  # type: ignore[arg-type]


def repertoire_of(cycle: Cycle) -> Repertoire:
    """Families that can forecast here: carry needs expiries, positioning CFTC weeks, of every market."""
    has = frozenset.intersection(*(bars_of(cycle.panel, at).has for at in range(len(cycle.panel.symbols))))
    able = [name for name, one in FAMILIES.items() if needs(one) <= has]
    specs = {name: plain(spec_of({"parts": [{"family": name}]})) for name in able}
    learning = frozenset(name for name, one in FAMILIES.items() if getattr(one, "learns", False))
    return Repertoire(specs, learning, _can_be_built)


def _can_be_built(spec: Any) -> bool:
    try:
        spec_of(spec)
    except (ValueError, TypeError):
        return False
    return True


def _spec_key(member: Member) -> str:
    return Mutation(plain(member.spec), {}, Cause.POWER_TOO_LOW, BY_HAND, member.train_until).trial_id  # type: ignore[arg-type]


def _parent_forecasts(panel: Panel, draft: Experiment) -> Floats:
    """What the parent says on the same days; nothing where it learns, for it would know its own future."""
    spec = spec_of(draft.parent)
    out = np.zeros(panel.close.shape)
    if not learns(spec):
        parent = fresh(spec)
        for at, symbol in enumerate(panel.symbols):
            out[:, at] = parent.spec.forecast(bars_of(panel, at), parent.artefacts(symbol))
    return out


def _retired(shop: Workshop) -> Iterator[str]:
    """The trials of the arms a person took out: only a person brings them back."""
    spec_of_model = {one.model_id: one.spec for one in shop.registry.models()}
    for _, one in shop.ledger.champions.retired():
        if one.model_id in spec_of_model:
            until = one.model_id.rpartition("@")[2]
            spec = json.loads(spec_of_model[one.model_id])
            yield from (trial_id(spec), trial_id(spec, until))  # the latter if it learnt until that day


def _member(shop: Workshop, cycle: Cycle, done: Experiment, run: Walked) -> Member:
    spec = spec_of(done.spec)
    if not learns(spec):
        return fresh(spec)
    until = done.train_until or done.until
    learnt = dict(zip(cycle.panel.symbols, run.learnt, strict=True))
    made = Member(named(spec, until), spec, learnt, until)
    # registered by a run that died before its record: a family that learns by chance made another then
    first = known_sha256(shop, made.model_id)
    return made if first is None else member_of(made.model_id, shop.registry.load(made.model_id, first))


def _panel_as_known(shop: Workshop, wanted: Experiment) -> Panel:
    markets = markets_of(shop, wanted.instruments, wanted.recorded_at)
    return panel_of(markets, shop.plan.instruments, date.fromisoformat(wanted.until))
