"""Figure 10 of Varma et al. (2023): ratio of both circuits' logits against dataset size."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency import tasks
from efficiency.notation import NOTATION
from efficiency.statistics import TooFewError, median_bounds
from paper_figures import finals, style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.figure_04_ungrokking import main_arm
from predictions.ungrokking_records import Continued

Logits = tuple[float, float]
"""Correct logits of Gen and of Mem."""


def logits(one: Continued) -> Logits:
    """Return the final correct logits of Gen and of Mem, as in figure 9."""
    gen = one.number("novel_centred_logit")
    return gen, one.number("centred_logit") - gen


def median_ratio(both: Sequence[Logits]) -> tuple[float, float, float]:
    """Return the median of Gen / Mem and the ends of its 95% interval.

    A network whose Gen is not above 0 counts as less than any other, else one whose Mem is not
    above 0 as more. The ends are 0 and ∞ where there are too few networks.
    """
    ratios = [0.0 if gen <= 0 else math.inf if mem <= 0 else gen / mem for gen, mem in both]
    try:
        low, high = median_bounds(ratios)
    except TooFewError:
        return float(np.median(ratios)), 0.0, math.inf
    return float(np.median(ratios)), float(low), float(high)


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the ratio on the left, accuracy on the right, at the middle weight decay."""
    (one,) = evidence
    drawn, (left, right) = style.figure(2, 3.2)
    threshold = one.verdict.numbers["threshold"]
    arm = main_arm(one.runs)
    decays = sorted({run.weight_decay for run in arm})
    by_size: dict[int, list[Continued]] = defaultdict(list)
    for run in arm:
        if run.weight_decay == decays[len(decays) // 2]:
            by_size[run.size].append(run)
    sizes = sorted(by_size)
    without, medians = 0, []
    for D in sizes:
        both = [logits(run) for run in by_size[D]]
        ratios = [gen / mem for gen, mem in both if gen > 0 and mem > 0]
        without += len(both) - len(ratios)
        left.plot([D] * len(ratios), ratios, "o", color=style.GEN, ms=3, alpha=0.35)
        medians.append(median_ratio(both))
    accuracies = {D: [run.number("novel_accuracy") for run in by_size[D]] for D in sizes}
    finals.draw(right, accuracies, color=style.GEN, marker="o", label="mean")
    left.set_yscale("log")
    left.plot(
        sizes, [middle for middle, _, _ in medians], "o-", color=style.GEN, ms=4.5, label="median"
    )
    for D, (_, low, high) in zip(sizes, medians, strict=True):
        left.plot([D, D], np.clip([low, high], *left.get_ylim()), color=style.GEN, lw=1)
    left.axhline(1, color=style.CHANCE, lw=1, ls=":")
    left.set_ylabel(f"{NOTATION['correct_logit'].label}, Gen / Mem")
    left.set_title(f"{without} without a ratio: one of both is not above 0")
    task = one.runs[0].settings.task
    style.accuracy_axis(right, 1 / tasks.num_symbols(task.operation, task.size))
    right.set_ylabel(NOTATION["novel_accuracy"].final_label)
    for axes in (left, right):
        style.log_axis_with_values(axes, sizes)
        axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
        axes.tick_params(axis="x", labelrotation=45)
        style.mark(axes, threshold, "threshold", text=axes is right)
    return drawn


FIGURE = PaperFigure(
    name="figure-10",
    after="Figure 10 of Varma et al. (2023)",
    shows="Left: ratio of the final correct logits of Gen and Mem in networks that knew the whole "
    "table, trained on with D′ examples at the middle weight decay, a mark for each, and the "
    "median with its 95% interval, in which a network without a ratio counts as the smallest (Gen "
    "is not above 0) or else as the largest. Right: their accuracy on novel pairs, means with 95% "
    "intervals. The threshold of ungrokking is dashed.",
    needs=(Need(prediction="ungrokking"),),
    draw=draw,
    apart="The paper splits logits by projection on the trigonometric subspace.",
)
