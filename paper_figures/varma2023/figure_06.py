"""Figure 6 of Varma et al. (2023): one semi-grokked run."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, style
from paper_figures.base import Evidence, Need, PaperFigure
from predictions.circuit_efficiency import scratch
from predictions.circuit_efficiency.semi_grokking.claim import kind


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw accuracy and norm of the first semi-grokked run, by seed and then by D."""
    (one,) = evidence
    drawn, (left, right) = style.figure(2, 3.0)
    by_seed, _ = scratch.usable(one.runs)
    stayed = [run for by in by_seed.values() for run in by.values() if kind(run) == "semi-grokked"]
    if not stayed:
        left.set_title("No run is semi-grokked")
        for axes in (left, right):
            axes.set_axis_off()
        return drawn
    run = stayed[0]
    for quantity, colour, dashes in (
        ("train_accuracy", style.MEM, "--"),
        ("novel_accuracy", style.GEN, "-"),
    ):
        label = NOTATION[quantity].label
        left.plot(run.history["step"], run.history[quantity], dashes, color=colour, label=label)
    task = run.settings.task
    style.accuracy_axis(left, task.chance)
    left.set_ylabel(NOTATION["accuracy"].axis_label)
    left.legend(loc="center left")
    D, seed = run.dataset_size, run.seed
    left.set_title(f"D = {D}, seed {seed}, the first of {len(stayed)}")
    right.plot(run.history["step"], run.history["norm"], color=style.THRESHOLD)
    courses.steps_axis(left)
    left.set_xlabel(NOTATION["step"].axis_label)
    courses.norm_over_steps(right)
    return drawn


FIGURE = PaperFigure(
    name="figure-06",
    after="Figure 6 of Varma et al. (2023)",
    title="A semi-grokked run",
    shows="Accuracy (left) and parameter norm (right) over training of the first run that is "
    "semi-grokked.",
    needs=(Need(prediction="semi-grokking"),),
    draw=draw,
    apart="The paper's run stays at 0.55 for 10⁷ steps and then groks.",
)
