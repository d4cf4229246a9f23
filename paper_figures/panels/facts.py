"""What is kept of induction, by the number of facts and by the number of sequences."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from predictions.cells import Run
from predictions.phase_changes.base import complete
from predictions.phase_changes.facts_claims import Counting, Sweep, facts_of, ways_of
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
    ways = ways_of(seeds)
    for way in ways:
        colour, marker = (style.GEN, "o") if way == ways[0] else (style.MEM, "s")
        dashes = "--" if way.alike == "sequences" else "-"
        label = f"{way.asked} asked" + (", equal sequences" if way.alike == "sequences" else "")
        sweeps = [Sweep.of(arms, way) for arms in seeds.values()]
        for axes, sizes, each in zip(panels, places, (1, way.asked), strict=True):
            for number, sweep in enumerate(sweeps):
                at = [facts / each for facts in sweep.decayed]
                sizes.update(at)
                line = axes.plot(at, sweep.kept, dashes, marker=marker, ms=3, lw=1, alpha=0.6)
                line[0].set(color=colour, label=label if number == 0 else None)
                few, kept = facts_of(sweep.plain) / each, sweep.kept_without_decay
                axes.plot([few], [kept], "x", color=colour, ms=5)
    for axes, sizes, word in zip(panels, places, ("Facts, D′ · A", "Sequences, D′"), strict=True):
        axes.axhline(0.5, color=style.CHANCE, ls=":", lw=1)
        axes.set_ylim(0, 1.25)
        axes.set_xlabel(word)
        style.log_axis_with_values(axes, sorted(map(round, sizes)))
    panels[0].set_ylabel("Kept of what is kept on many facts")
    panels[0].legend(loc="lower right")
    return drawn
