"""Figures of predictions, for their reports: one module for each, imported when it is drawn."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from predictions.cells import Run
from predictions.verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OF = {
    "grokking": "grokking:build",
    "efficiency": "efficiency:build",
    "ungrokking": "ungrokking:build",
    "weight-decay": "weight_decay:build",
    "semi-grokking": "semi_grokking:build",
    "minimal-example": "minimal_example:build",
    "critical-size-ratio": "critical_size:build",
    "interventions": "interventions:build",
    "delayed-generalisation": "delayed_generalisation:build",
    "data-fraction": "times:data_fraction",
    "operations": "operations:build",
    "label-noise": "label_noise:build",
    "learned-structure": "learned_structure:build",
    "sharpness": "sharpness:build",
    "staying-grokked": "staying_grokked:build",
    "table-size": "times:table_size",
    "without-decay": "without_decay:build",
    "small-epsilon": "without_decay:small_epsilon",
    "held-norm-size": "substitutes:build",
    "orthogonal-gradient-size": "substitutes:build",
    "orthogonal-gradients-size": "substitutes:build",
    "stablemax-size": "substitutes:build",
    "epsilon-size": "substitutes:build",
    "critical-part": "representation:critical_part",
    "effective-time": "representation:effective_time",
    "four-phases": "representation:four_phases",
    "structure-size": "representation:structure",
    "features-peak": "double_descent:losses",
    "features-norm": "double_descent:norms",
    "features-decay": "double_descent:losses",
    "width-peak": "double_descent:losses",
    "width-norm": "double_descent:norms",
    "width-decay": "double_descent:losses",
    "examples-peak": "double_descent:losses",
    "examples-norm": "double_descent:norms",
    "epochs-peak": "double_descent:epochs",
    "threshold-width": "double_descent:widths",
    "softmax-collapse": "numerical_stability:build",
    "exact-loss": "numerical_stability:build",
    "stablemax-scratch": "numerical_stability:build",
    "orthogonal-scratch": "numerical_stability:build",
    "orthogonal-sooner": "numerical_stability:build",
    "plentiful-together": "phase_changes:losses",
    "delay-grows": "phase_changes:losses",
    "plentiful-without-decay": "phase_changes:losses",
    "limited-without-decay": "phase_changes:losses",
    "restricted-leads": "phase_changes:circuits",
    "excluded-rises": "phase_changes:circuits",
    "induction-depth": "phase_changes:depths",
    "induction-fall": "phase_changes:depths",
    "induction-ungrokking": "phase_changes:unlearned",
    "digits-fall": "phase_changes:digits",
    "digits-apart": "phase_changes:digits",
    "skip-trigrams-fall": "phase_changes:losses",
    "skip-trigrams-delay": "phase_changes:losses",
    "induction-facts": "facts:build",
    "induction-facts-not-sequences": "facts:build",
}
"""What draws a prediction: a module of this package, and a function (verdict, runs) → figure."""


def find(prediction: str) -> Callable[[Verdict, Sequence[Run]], Figure] | None:
    """Return what draws the figure of a prediction, if anything does."""
    if prediction not in OF:
        return None
    module, _, name = OF[prediction].partition(":")
    draw: Callable[[Verdict, Sequence[Run]], Figure] = getattr(
        importlib.import_module(f"paper_figures.panels.{module}"), name
    )
    return draw
