"""Accuracy on true, on wrong and on unseen answers (after Power et al. 2022, Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from efficiency.training.outcome import GENERALISED
from paper_figures import style
from predictions.cells import Run, of_arm
from predictions.judging import final_accuracy
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw a panel for each kind of examples, a mark for each seed, a line through the medians.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    drawn, panels = style.figure(3, 3.0)
    task = runs[0].task
    chance = task.chance
    arms = sorted({(run.settings.num_corrupted or 0, run.arm) for run in runs})
    numbers = dict(arms)
    places = {k: place for place, k in enumerate(numbers)}
    for axes, kind, title, colour in zip(
        panels,
        ("clean", "corrupted", "novel"),
        ("True answers, trained on", "Wrong answers, trained on", "Novel pairs"),
        (style.THRESHOLD, style.MEM, style.GEN),
        strict=True,
    ):
        # Where nothing is wrong all that is trained on is true.
        of = {k: "train" if kind == "clean" and k == 0 else kind for k in numbers}
        shown = [k for k in numbers if k or kind != "corrupted"]
        medians = []
        for k in shown:
            some = [run for run in of_arm(runs, numbers[k]) if run.outcome.status != "diverged"]
            values = [final_accuracy(run, of[k]) for run in some]
            medians.append(float(np.median(values)) if values else np.nan)
            spread = 0.3 * (np.arange(len(values)) / max(len(values) - 1, 1) - 0.5)
            axes.plot(places[k] + spread, values, "o", color=colour, ms=3, alpha=0.6, label="_seed")
        axes.plot([places[k] for k in shown], medians, "-", color=colour, label=kind)
        axes.axhline(GENERALISED, color=style.THRESHOLD, lw=0.8, ls="-.")
        style.accuracy_axis(axes, chance)
        axes.set_title(title)
        axes.set_xticks(list(places.values()), [str(k) for k in numbers])
        axes.set_xlim(-0.4, len(numbers) - 0.6)
        axes.set_xlabel(NOTATION["num_corrupted"].axis_label)
    panels[0].set_ylabel(NOTATION["accuracy"].final_label)
    drawn.suptitle(f"{len(runs)} runs{style.diverged(runs)}", fontsize=9)
    return drawn
