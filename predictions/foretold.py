"""What was foretold, in a store: written down before what follows from it, and held against it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from predictions.cells import Run, in_order
from predictions.judging import plural
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.stages import Foretold, Said, Staged
from runs import Store, StoreError
from runs.identity import digest, identity
from runs.statements import Statement, state, statements

SAME = 2e-5
"""Relative difference below which a number that is computed again is the one that was foretold:
they are written down to six figures."""


def knowing(prediction: Prediction, size: Size, store: Store, num_seeds: int | None) -> Prediction:
    """Return a prediction with all that was foretold for it in a store.

    Raises:
        StoreError: A statement is damaged, or of another version.
    """
    if not isinstance(prediction, Staged):
        return prediction
    made = _made(prediction, size, store, num_seeds)
    said = {seed: tuple(_foretold(one) for one in several) for seed, several in made.items()}
    return prediction.knowing(said)


def foretell(
    prediction: Staged, size: Size, store: Store, num_seeds: int | None, runs: Sequence[Run]
) -> int:
    """Write down what follows from runs of a stage for every seed that waits for it.

    Args:
        prediction: With what was foretold so far, see ``knowing``.
        size: At which size.
        store: Where.
        num_seeds: Of which seeds.
        runs: Those of the stages so far.

    Returns:
        The number of seeds of which something was foretold.
    """
    waiting = prediction.open_seeds(size, num_seeds)
    for seed in waiting:
        so_far = prediction.said.get(seed, ())
        foretold = dict(prediction.foretell(size, seed, in_order(runs)))
        before = {identity(cell.settings.document()) for cell in prediction.cells_of(size, seed)}
        then = prediction.knowing({**prediction.said, seed: (*so_far, foretold)})
        after = {identity(cell.settings.document()) for cell in then.cells_of(size, seed)}
        says = {
            **_key(prediction, size, seed, len(so_far)),
            "from": digest(sorted(before)),
            "foretold": foretold,
        }
        state(store, says, after - before)
    return len(waiting)


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One thing that was foretold of a seed, between the runs before and those that follow."""

    seed: int
    statement: Statement
    prediction: Staged
    before: list[Run]
    following: list[Run]

    def gap(self) -> float:
        """Return how long after it was written down the first that follows began, in seconds.

        Runs know when they began to the second.
        """
        made = datetime.fromisoformat(self.statement.made).replace(microsecond=0)
        return min((run.began - made).total_seconds() for run in self.following)

    def is_in_order(self) -> bool:
        """Return whether nothing that follows from it was there, or had begun, before it."""
        there = {run.identity for run in self.following} & {*self.statement.begun}
        return not there and (not self.following or self.gap() >= 0)


def _steps(prediction: Staged, size: Size, store: Store, runs: Sequence[Run]) -> Iterator[_Step]:
    """Yield everything that was foretold of the seeds of runs, in order."""
    seeds = sorted({run.seed for run in runs})
    for seed, several in _made(prediction, size, store, len(seeds)).items():
        own = {run.cell: run for run in runs if run.seed == seed}
        for number, statement in enumerate(several):
            so_far, then = (
                prediction.knowing({**prediction.said, seed: prediction.said[seed][:n]})
                for n in (number, number + 1)
            )
            before, after = (
                [own[cell] for cell in p.cells_of(size, seed) if cell in own]
                for p in (so_far, then)
            )
            # A run that was there may be there for something else as well from now on.
            there = {run.identity for run in before}
            yield _Step(
                seed=seed,
                statement=statement,
                prediction=so_far,
                before=before,
                following=[run for run in after if run.identity not in there],
            )


def objection(prediction: Staged, size: Size, store: Store, runs: Sequence[Run]) -> str | None:
    """Return why what follows from what was foretold tests nothing, ``None`` if it does.

    Args:
        prediction: With what was foretold, see ``knowing``.
        size: At which size.
        store: Where that was said.
        runs: All runs that it is judged on.
    """
    seeds = {run.seed for run in runs}
    for one in statements(store):
        says = dict(one.says)
        if says.get("kind") == "foretold" and says["seed"] in seeds:
            ours = _key(prediction, size, says["seed"], 0)
            alike = all(says[key] == ours[key] for key in ("question", "size", "options"))
            if alike and says["rule"] != ours["rule"]:
                return f"of seed {says['seed']} it was foretold before by another rule"
    for step in _steps(prediction, size, store, runs):
        if not step.is_in_order():
            return f"runs of seed {step.seed} were there before what they test was foretold"
        again = step.prediction.foretell(size, step.seed, in_order(step.before))
        if not _alike(again, _foretold(step.statement)):
            return f"what was foretold of seed {step.seed} does not follow from its runs"
    return None


def order(prediction: Staged, size: Size, store: Store, runs: Sequence[Run]) -> str:
    """Return in a sentence what the store says of the order of things, see ``objection``."""
    steps = [step for step in _steps(prediction, size, store, runs) if step.following]
    if not steps:
        return "Nothing that follows from what was foretold was trained."
    seeds = {step.seed for step in steps}
    least = max(min(step.gap() for step in steps), 0)
    return (
        f"What was foretold of {plural(len(seeds), 'seed')}, in {plural(len(steps), 'statement')}: "
        f"{sum(step.is_in_order() for step in steps)} were written down before the first run that "
        f"follows from them began ({least:.0f} s before or more)."
    )


def described(store: Store) -> list[dict[str, Any]]:
    """Return all that was foretold in a store as JSON types, the first first."""
    return [
        {"made": one.made, "runs_there_before": len(one.begun)}
        | {key: one.says[key] for key in ("question", "size", "options", "seed", "stage")}
        | {"foretold": dict(_foretold(one))}
        for one in statements(store)
        if one.says.get("kind") == "foretold"
    ]


def said_in(found: Sequence[Mapping[str, Any]]) -> Said:
    """Return what was foretold of each seed from what ``described`` gives, of one question."""
    said: dict[int, tuple[Foretold, ...]] = {}
    for one in found:
        said[one["seed"]] = (*said.get(one["seed"], ()), one["foretold"])
    return said


def _key(prediction: Staged, size: Size, seed: int, stage: int) -> dict[str, Any]:
    """Return what tells apart what is foretold of one seed after one stage."""
    return {
        "kind": "foretold",
        "question": prediction.question,
        "size": size,
        "options": replace(prediction.variant, first_seed=None).question(),
        "seed": seed,
        "stage": prediction.stages[stage],
        "rule": digest(prediction.foretelling),
    }


def _made(
    prediction: Staged, size: Size, store: Store, num_seeds: int | None
) -> dict[int, tuple[Statement, ...]]:
    """Return the statements for each seed, stage by stage; of several alike the first."""
    said: dict[str, list[Statement]] = {}
    for one in statements(store):
        if one.says.get("kind") == "foretold":
            key = {name: one.says[name] for name in one.says if name not in ("from", "foretold")}
            said.setdefault(digest(key), []).append(one)
    found: dict[int, tuple[Statement, ...]] = {}
    for seed in prediction.seeds(size, num_seeds):
        several: list[Statement] = []
        for stage in range(len(prediction.stages) - 1):
            foretold = tuple(_foretold(one) for one in several)
            cells = prediction.knowing({seed: foretold}).cells_of(size, seed)
            runs = digest(sorted({identity(cell.settings.document()) for cell in cells}))
            fits = [
                one
                for one in said.get(digest(_key(prediction, size, seed, stage)), ())
                if one.says.get("from") == runs
            ]
            if not fits:
                break
            several.append(fits[0])
        found[seed] = tuple(several)
    return found


def _foretold(statement: Statement) -> Mapping[str, Any]:
    foretold = statement.says.get("foretold")
    if not isinstance(foretold, dict):
        raise StoreError(
            f"the statement {statement.name} is not one that this version makes; update this "
            "project, or move it out of the store"
        )
    return foretold


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two things that were foretold are the same but for rounding."""

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            return _alike(a, b)
        if isinstance(a, float) and isinstance(b, int | float):
            return math.isclose(a, b, rel_tol=SAME)
        return bool(a == b)

    return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
