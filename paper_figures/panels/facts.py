"""What is kept of induction, by the number of facts and by the number of sequences."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from predictions.cells import Run
from predictions.phase_changes.base import complete
from predictions.phase_changes.facts_claims import Counting, Sweep, lengths_of
from predictions.registry import find
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the part of its accuracy that each network keeps, by facts and by sequences.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    prediction = find(verdict.prediction)
    assert isinstance(prediction, Counting)
    seeds = prediction.usable(complete(runs))
    if not seeds:
        return style.nothing("No network had learned induction, or every run diverged")
    drawn, panels = style.figure(2, 3.2)
    places: list[set[float]] = [set(), set()]
    for length, colour, marker in zip(lengths_of(seeds), (style.MEM, style.GEN), "so", strict=True):
        sweeps = [Sweep.of(arms, length) for arms in seeds.values()]
        for axes, sizes, each in zip(panels, places, (1, length - 1), strict=True):
            for number, sweep in enumerate(sweeps):
                at = [facts / each for facts in sweep.decayed]
                sizes.update(at)
                line = axes.plot(at, sweep.kept, marker=marker, ms=3, lw=1, alpha=0.6)
                line[0].set(color=colour, label=f"L = {length}" if number == 0 else None)
                axes.plot([sweep.few / each], [sweep.kept_without_decay], "x", color=colour, ms=5)
    for axes, sizes, word in zip(
        panels, places, ("Facts, D′ · (L − 1)", "Sequences, D′"), strict=True
    ):
        axes.axhline(0.5, color=style.CHANCE, ls=":", lw=1)
        axes.set_ylim(0, 1.05)
        axes.set_xlabel(word)
        style.log_axis_with_values(axes, sorted(map(round, sizes)))
    panels[0].set_ylabel("Kept of the accuracy beyond chance")
    panels[0].legend(loc="lower right")
    return drawn
