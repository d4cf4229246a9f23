"""What becomes of networks that have generalised."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from efficiency.training.outcome import GENERALISED
from paper_figures import courses, style
from predictions.cells import Run
from predictions.first_study.staying_grokked import ARMS, continued, grokked
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy over the second part of training, a panel for each arm.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    drawn, panels = style.figure(len(ARMS), 3.0)
    task = runs[0].task
    for axes, (name, decay) in zip(panels, ARMS.items(), strict=True):
        arm = continued(runs, grokked(runs), name)
        later = [run.history for run in arm if run.outcome.status != "diverged"]
        axes.set_title(f"λ = {decay:g}, {len(later)} networks{style.diverged(arm)}")
        if later:
            courses.draw(axes, later, "novel_accuracy", color=style.GEN, label="median")
        axes.axhline(GENERALISED, color=style.THRESHOLD, lw=0.8, ls="-.")
        style.accuracy_axis(axes, task.chance)
        courses.steps_axis(axes)
        axes.set_xlabel(f"{NOTATION['step'].axis_label} from then on")
    panels[0].set_ylabel(NOTATION["novel_accuracy"].axis_label)
    return drawn
