"""Figure 10 of Varma et al. (2023): ratio of both circuits' logits against dataset size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import finals, style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.ungrokking import at_middle_decay, number_of_starts
from predictions.cells import Run
from predictions.circuit_efficiency.circuits.logits import (
    Logits,
    bounds_of_ratio,
    final,
    median_ratio,
)
from predictions.judging import plural


def logits(one: Run) -> Logits | None:
    """Return the final correct logits of Gen and of Mem, as in figure 9, if they are finite."""
    return final(one.outcome.numbers)


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the ratio on the left, accuracy on the right, at the middle weight decay."""
    (one,) = evidence
    decay, by_size = at_middle_decay(one.runs)
    if not by_size:
        return style.nothing(f"{number_of_starts(one.runs)} count")
    drawn, (left, right) = style.figure(2, 3.2)
    left.set_yscale("log")
    left.axhline(1, color=style.CHANCE, lw=1, ls=":")
    pairs: dict[int, list[Logits | None]] = {
        D: [logits(run) for run in some] for D, some in by_size.items()
    }
    known = {
        D: [low for low, high in map(bounds_of_ratio, some) if 0 < low == high < math.inf]
        for D, some in pairs.items()
    }
    for D, ratios in known.items():
        left.plot([D] * len(ratios), ratios, "o", color=style.GEN, ms=3, alpha=0.35)
    _medians(left, {D: median_ratio(some) for D, some in pairs.items()})
    without = sum(len(pairs[D]) - len(known[D]) for D in pairs)
    left.set_title(f"Gen / Mem; {plural(without, 'network')} without (one of them ≤ 0)")
    left.set_ylabel(f"{NOTATION['correct_logit'].label}, Gen / Mem")
    accuracies = {D: [run.number("novel_accuracy") for run in some] for D, some in by_size.items()}
    finals.draw(right, accuracies, color=style.GEN, marker="o", label="mean")
    task = one.runs[0].task
    style.accuracy_axis(right, task.chance)
    right.set_ylabel(NOTATION["novel_accuracy"].final_label)
    right.set_title(
        f"Accuracy, {NOTATION['weight_decay'].symbol} = {decay:g}, {number_of_starts(one.runs)}"
    )
    for axes in (left, right):
        style.log_axis_with_values(axes, list(by_size))
        axes.set_xlim(min(by_size) / 1.1, max(by_size) * 1.1)  # sizes without a ratio as well
        axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
        axes.tick_params(axis="x", labelrotation=45)
        style.mark(axes, one.verdict.numbers.get("threshold"), "threshold", text=axes is right)
    return drawn


def _medians(axes: Axes, medians: Mapping[int, tuple[float, float, float]]) -> None:
    """Draw medians with their intervals; an arrow where an interval has no end on this side."""
    seen = {D: middle for D, (middle, _, _) in medians.items() if 0 < middle < math.inf}
    axes.plot(list(seen), list(seen.values()), "o-", color=style.GEN, ms=4.5, label="median")
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top)
    for D, (_, low, high) in medians.items():
        if (low, high) == (0, math.inf):
            continue  # nothing is known of it
        axes.plot([D, D], [max(low, bottom), min(high, top)], color=style.GEN, lw=1)
        for end, edge, arrow in ((low == 0, bottom, "v"), (high == math.inf, top, "^")):
            if end:
                axes.plot(D, edge, arrow, color=style.GEN, ms=5, clip_on=False)


FIGURE = PaperFigure(
    name="figure-10",
    after="Figure 10 of Varma et al. (2023)",
    title="Gen and Mem after ungrokking",
    shows="Left: ratio of the final correct logits of Gen and Mem in networks that knew the whole "
    "table, trained on with D′ examples at one weight decay, a mark for each (dotted: equal), "
    "and the median with its 95% interval where there are six: a network without a ratio "
    "counts as the smallest if Gen is not above 0, as the largest if Mem is not, as either if "
    "neither is; an arrow is an interval without an end. Right: their accuracy on novel "
    "pairs, means with Student's 95% intervals cut at 0 and 1. The threshold of ungrokking is "
    "dashed.",
    needs=(Need(prediction="ungrokking"),),
    draw=draw,
    apart="The paper splits logits by projection on the trigonometric subspace.",
)
