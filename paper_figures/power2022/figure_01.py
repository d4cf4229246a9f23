"""Figure 1 of Power et al. (2022): grokking, data and time, and a table with blanks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency import tasks
from efficiency.notation import NOTATION
from paper_figures import courses, style, table
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.times import by_percent
from predictions.first_study.delayed_generalisation import arms


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the three panels."""
    delayed, fractions = evidence
    drawn, (left, middle, right) = style.figure(3, 3.2)
    decayed, _ = arms(delayed.runs)
    histories = [run.history for run in decayed if run.outcome.status != "diverged"]
    settings = decayed[0].settings
    for quantity, colour, dashes, label in (
        ("train_accuracy", style.MEM, "--", "training"),
        ("novel_accuracy", style.GEN, "-", "novel pairs"),
    ):
        courses.draw(left, histories, quantity, color=colour, ls=dashes, label=label)
    courses.steps_axis(left)
    symbols = settings.task.num_classes
    style.accuracy_axis(left, 1 / symbols)
    left.set_xlabel(NOTATION["step"].axis_label)
    left.set_ylabel(NOTATION["accuracy"].axis_label)
    left.set_title(f"D = {settings.dataset_size}, {len(histories)} seeds{style.diverged(decayed)}")
    left.legend(loc="center left", fontsize=7)
    by_percent(middle, fractions.runs)
    slope = fractions.verdict.numbers.get("more_steps_per_percent_less")
    if slope is not None and slope.value is not None:
        low, high = (f"{end:.1f}" if end is not None else "…" for end in (slope.low, slope.high))
        counted = middle.get_title("left")
        middle.set_title(f"{counted}\n{slope.value:.1f}% [{low}, {high}] more steps for 1% less")
    middle.legend(loc="lower left", fontsize=7)
    shown = np.zeros(settings.task.num_examples, dtype=bool)
    shown[settings.task.split(settings.dataset_size, settings.data_seed)[0]] = True
    square = tasks.square(settings.table_task.operation, settings.table_task.size, shown)
    table.cells(right, square, numbers=False)
    right.set_title(f"seed {settings.data_seed}: white is held out")
    return drawn


FIGURE = PaperFigure(
    name="first-study-01",
    after="Figure 1 of Power et al. (2022)",
    title="Delay, data and time, and a table",
    shows="Left: accuracy on training examples (dashed) and on novel pairs; runs faint, medians "
    "bold with their 95% interval at each step. Middle: step at which networks generalise, by "
    "the part of the table; open marks had not by the end; the fitted line counts them as "
    "late (its slope with a 95% interval). Right: the table of division (b = 0 has no "
    "quotients) of which one seed is trained on what has a colour.",
    needs=(Need(prediction="delayed-generalisation"), Need(prediction="data-fraction")),
    draw=draw,
    apart="The paper's left panel has no weight decay, its middle one is of S₅.",
)
