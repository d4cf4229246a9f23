"""Looks at what a store holds: which plan each belongs to, and what all of them say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from predictions.cells import Run
from predictions.clauses import outcome_by
from predictions.plans import Extent, Look, Plan
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.verdicts import LEFT_OPEN, Verdict
from runs import Store, StoreError
from runs.identity import digest, identity
from runs.statements import Statement, state, statements


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan as it stands in a store.

    Attributes:
        plan: The plan.
        statement: When it was made, and what was there by then.
        before: Plans for the same seeds, by this design or another, that had been made, and looked
            at, before it.
        others: Plans for other seeds, but of the same otherwise, that were made before it.
        looks: Looks at it that were written down.
    """

    plan: Plan
    statement: Statement
    before: int
    others: int
    looks: tuple[Statement, ...]

    def taken(self, below: int) -> dict[int, tuple[float, float]]:
        """Return the p-values of looks before one, by number.

        The larger ones where a look was taken twice with different results.
        """
        found: dict[int, tuple[float, float]] = {}
        for look in self.looks:
            number = look.says["number"]
            p = _counted(look.says["p_value"]), _counted(look.says["p_refuted"])
            if number < below:
                was = found.get(number, p)
                found[number] = (max(was[0], p[0]), max(was[1], p[1]))
        return dict(sorted(found.items()))


def _counted(p: float | None) -> float:
    """Return a p-value as looks count it: what came to none has shown nothing."""
    return 1.0 if p is None else p


def planned(store: Store) -> list[Planned]:
    """Return the plans of a store, the first made first.

    Raises:
        StoreError: A statement is damaged, or of another version.
    """
    said = statements(store)
    try:
        made = [(Plan.said(s.says), s) for s in said if s.says.get("kind") == "plan"]
        looks = [s for s in said if s.says.get("kind") == "look"]
        looked_at = {s.says["plan"] for s in looks}
        return [
            Planned(
                plan=plan,
                statement=statement,
                before=sum(
                    other.seeds_asked == plan.seeds_asked and s.name in looked_at
                    for other, s in made[:i]
                ),
                others=sum(
                    other.apart_from_seeds == plan.apart_from_seeds
                    and other.seeds_asked != plan.seeds_asked
                    for other, _ in made[:i]
                ),
                looks=tuple(s for s in looks if s.says["plan"] == statement.name),
            )
            for i, (plan, statement) in enumerate(made)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"a statement in {store.path / 'statements'} is not one that this version makes "
            f"({type(error).__name__}: {error}); update this project, or move it out of the store"
        ) from error


def described(store: Store) -> list[dict[str, Any]]:
    """Return the plans of a store and the looks at them, as JSON types, the first made first."""
    return [
        {
            "plan": one.statement.name,
            "made": one.statement.made,
            "prediction": one.plan.prediction,
            "size": one.plan.size,
            "options": " ".join(one.plan.options),
            "looks": list(one.plan.looks),
            "runs_there_before": len(one.statement.begun),
            "plans_before": one.before,
            "taken": [
                {key: look.says[key] for key in ("number", "seeds", "p_value", "p_refuted")}
                | {"made": look.made}
                for look in one.looks
            ],
        }
        for one in planned(store)
    ]


def write_plan(store: Store, prediction: Prediction, size: Size, looks: Sequence[int]) -> None:
    """Write down how often a prediction will be looked at, unless that was planned before."""
    plan = Plan.of(prediction, size, looks)
    wanted = {identity(s.document()) for s in prediction.settings(size, looks[-1])}
    file = prediction.variant.design
    # In full: the file may change, and the store should still say what was planned.
    held = {} if file is None else {"design_file": {"size": file.size, **file.tables}}
    state(store, plan.says() | held, wanted)


def write_look(store: Store, verdict: Verdict) -> None:
    """Write down what a look at a plan showed."""
    look = verdict.look
    if look is None or look.plan is None:
        return
    says = {
        "kind": "look",
        "plan": look.plan,
        "number": look.number,
        "seeds": look.seeds,
        "p_value": look.p_value,
        "p_refuted": look.p_refuted,
        "runs": digest(sorted(verdict.runs)),
    }
    state(store, says)


def last_look(store: Store, prediction: Prediction, size: Size) -> int | None:
    """Return the seeds of the last look that was taken at a prediction as it is asked."""
    here = [one for one in planned(store) if one.plan.asks(prediction, size)]
    taken = [(look.made, look.says["seeds"]) for one in here for look in one.looks]
    return max(taken)[1] if taken else None


def extent_of(store: Store, prediction: Prediction, size: Size, seeds: int | None) -> Extent:
    """Return what to run for a prediction as it is asked: its plan, if it has one."""
    here = [one.plan for one in planned(store) if one.plan.asks(prediction, size)]
    fits = [plan for plan in here if seeds is None or seeds in plan.looks]
    return fits[0].extent() if fits else Extent(seeds=seeds)


def with_look(
    verdict: Verdict,
    prediction: Prediction,
    size: Size,
    store: Store,
    runs: Sequence[Run],
    *,
    objection: str | None = None,
) -> Verdict:
    """Return a verdict on runs of a store as the look that it is.

    Where several looks were planned, its p-values are those of all looks so far, and its outcome
    follows from them.

    Args:
        verdict: The verdict.
        prediction: The prediction, as it was asked before anything was foretold.
        size: At which size.
        store: The store.
        runs: What it was judged on.
        objection: Why it confirms nothing, if something else than its plan says so.
    """
    seeds = len({run.seed for run in runs})
    if not seeds:
        return verdict
    here = _plan_of(prediction, size, store, seeds)
    if here is None:
        why = f"no plan to look at {seeds} seeds stood before these runs"
        return replace(verdict, look=Look(standing="exploratory", why=why, seeds=seeds))
    number = here.plan.looks.index(seeds) + 1
    objection = objection or _objection(here, number, verdict, prediction, runs)
    why = objection or f"planned {here.statement.made[:19]} UTC, before its runs"
    if here.others:
        why += f"; plans for other seeds were made before it here: {here.others}"
    look = Look(
        standing="confirmatory" if objection is None else "exploratory",
        why=why,
        plan=here.statement.name,
        number=number,
        of=len(here.plan.looks),
        seeds=seeds,
        p_value=verdict.p_value,
        p_refuted=verdict.p_refuted,
    )
    return _over_looks(replace(verdict, look=look), here, prediction, size)


def _plan_of(prediction: Prediction, size: Size, store: Store, seeds: int) -> Planned | None:
    """Return the first plan that has a look at so many seeds, one with the present rule first."""
    here = [
        one for one in planned(store) if one.plan.asks(prediction, size) and seeds in one.plan.looks
    ]
    here.sort(key=lambda one: one.plan.rule != digest(prediction.fixed))
    return here[0] if here else None


def _over_looks(verdict: Verdict, here: Planned, prediction: Prediction, size: Size) -> Verdict:
    """Return the verdict of a look together with those before it, with what looks cost."""
    look = verdict.look
    assert look is not None
    earlier = here.taken(below=look.number)
    if look.of == 1 or (verdict.p_value is None and not earlier):
        return verdict
    p = {**earlier, look.number: (_counted(verdict.p_value), _counted(verdict.p_refuted))}
    support, refutation = (
        here.plan.corrected((k, both[side]) for k, both in p.items()) for side in (0, 1)
    )
    # The first look that decides does: what comes after it was not to be looked at.
    decided = next(
        (
            (k, outcome)
            for k, both in p.items()
            if (outcome := outcome_by(*(here.plan.factor(k) * one for one in both))) != "undecided"
        ),
        None,
    )
    if verdict.outcome == "invalid" and decided is None:
        return replace(verdict, next_command=None)  # more such runs would be no test either
    outcome = "undecided" if decided is None else decided[1]
    sentence, following = verdict.sentence, verdict.next_command
    if outcome != verdict.outcome:
        sentence = sentence.partition(LEFT_OPEN)[0]
        sentence += f" Alone this look, {look.number} of {look.of}, would say {verdict.outcome}; "
        if decided is None:
            sentence += "with what looks cost it leaves that open."
        elif decided[0] == look.number:
            sentence += f"with those before it the claim is {outcome}."
        else:
            sentence += f"look {decided[0]} had decided before it."
    if outcome in ("supported", "refuted") or look.number == look.of:
        following = None
    elif size != "smoke":
        following = prediction.command(size, here.plan.extent())
    if outcome == "undecided" and look.number == look.of:
        sentence += " All planned looks have been taken."
    said = verdict.saying(outcome=outcome, sentence=sentence, p_value=support, p_refuted=refutation)
    return replace(said, next_command=following)


def _objection(
    here: Planned, number: int, verdict: Verdict, prediction: Prediction, runs: Sequence[Run]
) -> str | None:
    """Return why a look at a plan confirms nothing, ``None`` if it does."""
    now = Plan.of(prediction, verdict.size, here.plan.looks)
    if here.plan.rule != now.rule:
        return "the rule has changed since it was planned"
    if here.plan.design != now.design:
        return "the design has changed since it was planned"
    if prediction.variant.start:
        return "its networks were trained elsewhere, and nothing says who looked at them before"
    if prediction.variant.first_seed is None:
        if prediction.variant.elsewhere:
            return (
                "the designs' own seeds, 4000 and on, count as looked at, whatever is asked of "
                "them; --first-seed takes others"
            )
        return (
            "seeds from 4000 on are those of all designs, and such networks were judged, and told "
            "of, before; --first-seed takes others"
        )
    if here.before:
        return "another plan for these seeds had been looked at"
    names = {run.identity for run in runs}
    if begun := len(names.intersection(here.statement.begun)):
        return f"{begun} of its {len(names)} runs were there before it was planned"
    made = datetime.fromisoformat(here.statement.made).replace(microsecond=0)
    if early := sum(run.began < made for run in runs):
        return f"{early} of its {len(names)} runs began before it was planned"
    results = {
        (look.says["p_value"], look.says["p_refuted"], look.says["runs"])
        for look in here.looks
        if look.says["number"] == number
    }
    if results - {(verdict.p_value, verdict.p_refuted, digest(sorted(verdict.runs)))}:
        return "this look was taken before, with another result"
    return None
