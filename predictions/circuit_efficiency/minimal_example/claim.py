"""The minimal example: the three ingredients of grokking, with two lookup tables and no network."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.theory import FloatArray, MinimalExample
from predictions.cells import Cell, Run
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

FITTED_NATS = 0.1
"""Loss below which the examples, trained or held out, count as learned."""

NUM_STEPS = 40_000

PANELS: dict[str, MinimalExample] = {
    "all_three": MinimalExample(multiplier=0.0025),
    "less_efficient_gen": MinimalExample(multiplier=0.0025, gen_norm=4.0),
    "equal_speed": MinimalExample(multiplier=0.0025, gen_start=1.0),
}
"""The paper's three: nothing missing; Gen not more efficient; Gen not slower than Mem."""

MIN_DELAY = 5.0


@functools.lru_cache(maxsize=8)
def _descent(example: MinimalExample) -> FloatArray:
    """Return the weights before every step of descent, computed once: rule and figure need them."""
    weights = example.descend(NUM_STEPS)
    weights.setflags(write=False)
    return weights


def losses(example: MinimalExample) -> tuple[FloatArray, FloatArray]:
    """Return training and test loss before every step of descent, nats."""
    gen, mem = _descent(example).T
    return example.training_loss(gen, mem), example.test_loss(gen, mem)


class MinimalExamplePrediction(Prediction):
    """The theory in its smallest form (paper, section 3.1, Figure 2)."""

    name: ClassVar[str] = "minimal-example"
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = 0
    title: ClassVar[str] = "The minimal example"
    claim: ClassVar[str] = (
        "Of two circuits, one that generalises and one that memorises, grokking comes if the first "
        "is more efficient and is learned more slowly, and does not without either."
    )
    rule: ClassVar[str] = (
        f"Plain gradient descent, {NUM_STEPS:,} steps. A loss has fallen from the step on from "
        "which it stays below half of log S, that of guessing. Supported if, with all three, test "
        f"loss falls at least {MIN_DELAY:g} times later than training loss, having risen above "
        "log S in between; with a less efficient Gen, it ends above log S; with equal speed, it "
        f"never exceeds log S by {FITTED_NATS:g} nats and falls less than {MIN_DELAY:g} times "
        "later than training loss; and in each the weights end within 1% of the exact optimum "
        "(theorem D.4). Refuted otherwise. There is no chance in it, and no interval."
    )
    criterion: ClassVar[str] = "groks if Gen is more efficient and slower, and not without either"
    refutation: ClassVar[str] = (
        "Grokking without an ingredient, none with all three, or an optimum that is not D.4's."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Learning rate 0.01 and the multiplier of the penalty: the paper's figure leaves them "
        "open. With P_g = 1, P_m = 2, κ = 1.2 and 113 classes as in the paper.",
        "It shows that the ingredients suffice in this example; not that networks have them.",
    )
    power: ClassVar[str] = "Nothing is sampled: there are no seeds."
    figure_caption: ClassVar[str] = (
        "Training loss (dashed) and test loss of gradient descent with all three ingredients, "
        "with a less efficient Gen, and with equal speed; dotted: log S, the loss of guessing. "
        "After Figure 2 of the paper."
    )
    varies: ClassVar[bool] = False
    glossary: ClassVar[Mapping[str, str]] = {
        "training_loss_falls_at": "from here on it is below half of log S",
        "test_loss_falls_at": "from here on it is below half of log S",
        "training_loss_small_at": "from here on it is below 0.1 nats",
        "test_loss_small_at": "from here on it is below 0.1 nats",
        "gen_overtakes_at": "first step from which Gen's weight is the larger",
        "highest_test_loss": "on the way",
        "final_test_loss": f"after {NUM_STEPS:,} steps",
        "optimal_gen": "w_g at the exact optimum of D.4",
        "optimal_mem": "w_m at the exact optimum of D.4",
        "distance_from_optimum": "of the final weights, relative to each, the larger of both",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        return (
            "Two lookup tables with factored weights, 113 classes, P_g = 1 (4 in the second "
            "panel), P_m = 2, κ = 1.2, penalty multiplied by 0.0025, first factors from 0, second "
            "ones from 0.005 (1 in the third panel) and 1. No runs, the same at every size."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        return []

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        numbers: Numbers = {}
        for panel, example in PANELS.items():
            numbers |= {
                Labelled(name, panel=panel): number for name, number in _numbers(example).items()
            }

        def value(name: str, panel: str) -> float:
            found = numbers[Labelled(name, panel=panel)].value
            return math.inf if found is None else found

        guessing = math.log(PANELS["all_three"].num_classes)
        delay = {
            panel: value("test_loss_falls_at", panel) / value("training_loss_falls_at", panel)
            for panel in ("all_three", "equal_speed")
        }
        shown = {
            "with all three it groks": MIN_DELAY <= delay["all_three"] < math.inf
            and value("highest_test_loss", "all_three") > guessing,
            "a less efficient Gen never generalises": value("final_test_loss", "less_efficient_gen")
            > guessing,
            "a Gen of equal speed generalises at once": delay["equal_speed"] < MIN_DELAY
            and value("highest_test_loss", "equal_speed") < guessing + FITTED_NATS,
            "descent ends at the optimum of D.4": all(
                value("distance_from_optimum", panel) < 0.01 for panel in PANELS
            ),
        }
        failed = [what for what, holds in shown.items() if not holds]
        sentence = (
            f"Training loss falls at step {value('training_loss_falls_at', 'all_three'):,.0f} and "
            f"test loss at step {value('test_loss_falls_at', 'all_three'):,.0f} with all three "
            f"ingredients, {_when(value('test_loss_falls_at', 'less_efficient_gen'))} with a less "
            "efficient Gen, and "
            f"{_when(value('test_loss_falls_at', 'equal_speed'))} with one of equal speed."
        )
        if failed:
            sentence = f"It does not hold that {' and that '.join(failed)}. {sentence}"
        return Finding(
            outcome="refuted" if failed else "supported",
            sentence=sentence,
            numbers=numbers,
            deciding=Labelled("test_loss_falls_at", panel="all_three"),
        )


def _numbers(example: MinimalExample) -> dict[str, Estimate]:
    train, test = losses(example)
    gen, mem = _descent(example).T
    best, half = example.optimum(), math.log(example.num_classes) / 2
    distance = np.max(np.abs(np.array([gen[-1], mem[-1]]) - best) / best)
    values: dict[str, tuple[float | None, str]] = {
        "training_loss_falls_at": (_from_here_on(train < half), "steps"),
        "test_loss_falls_at": (_from_here_on(test < half), "steps"),
        "training_loss_small_at": (_from_here_on(train < FITTED_NATS), "steps"),
        "test_loss_small_at": (_from_here_on(test < FITTED_NATS), "steps"),
        "gen_overtakes_at": (_from_here_on(gen > mem), "steps"),
        "highest_test_loss": (float(test.max()), "nats"),
        "final_test_loss": (float(test[-1]), "nats"),
        "optimal_gen": (float(best[0]), "1"),
        "optimal_mem": (float(best[1]), "1"),
        "distance_from_optimum": (float(distance), "1"),
    }
    return {
        name: Estimate(
            value=value,
            low=None if value is not None else float(NUM_STEPS),
            high=None,
            n=1,
            unit=unit,
            status="measured" if value is not None else "censored",
        )
        for name, (value, unit) in values.items()
    }


def _when(step: float) -> str:
    return "never" if math.isinf(step) else f"at step {step:,.0f}"


def _from_here_on(holds: np.ndarray) -> float | None:
    """Return the first step from which something holds to the end, if there is one."""
    if not holds[-1]:
        return None
    fails = np.flatnonzero(~holds)
    return float(fails[-1] + 1) if len(fails) else 0.0
