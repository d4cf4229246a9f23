"""Figure 9 of Varma et al. (2023): logits of both circuits and norm over training."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, style
from paper_figures.base import Evidence, Need, PaperFigure
from predictions.cells import Run
from predictions.circuit_efficiency.circuits import logits


def circuits(run: Run) -> pd.DataFrame:
    """Return a run's history with the correct logit of each circuit, ``gen`` and ``mem``.

    See ``predictions.circuit_efficiency.circuits.logits``.
    """
    both = logits.courses(run.history)
    return run.history.assign(gen=both.gen, mem=both.mem)


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw logits on the left, norm on the right."""
    (one,) = evidence
    drawn, (left, right) = style.figure(2, 3.2)
    histories = [circuits(run) for run in one.runs if run.outcome.status != "diverged"]
    for name, colour, dashes in (("mem", style.MEM, "--"), ("gen", style.GEN, "-")):
        label = f"{name.capitalize()}, median"
        courses.draw(left, histories, name, color=colour, ls=dashes, label=label)
    courses.draw(right, histories, "norm", color=style.THRESHOLD, label="median")
    left.set_ylabel(NOTATION["correct_logit"].axis_label)
    left.legend(loc="upper left")
    left.set_title(f"Logits, {len(histories)} runs{style.diverged(one.runs)}")
    right.set_title("Norm")
    courses.steps_axis(left)
    left.set_xlabel(NOTATION["step"].axis_label)
    courses.norm_over_steps(right)
    return drawn


FIGURE = PaperFigure(
    name="figure-09",
    after="Figure 9 of Varma et al. (2023)",
    title="Logits of Mem and Gen over training",
    shows="Left: centred correct logit of Gen (on novel pairs) and of Mem (what training examples "
    "have more) over training from scratch. Right: parameter norm. Runs faint, medians bold, "
    "of six or more with their 95% interval at each step.",
    needs=(Need(prediction="grokking"),),
    draw=draw,
    apart="The paper splits logits by projection on the trigonometric subspace.",
)
