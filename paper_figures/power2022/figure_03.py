"""Figure 3 of Power et al. (2022): structure of output weights."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.learned_structure import most_accurate, symbol_map
from predictions.first_study.learned_structure_judge import measured


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the most accurate network of each operation."""
    (one,) = evidence
    learned, _ = measured(one.runs)
    by_settings = {run.settings: run for run in one.runs}
    operations = list(dict.fromkeys(run.table.operation for run in one.runs))
    drawn, panels = style.figure(len(operations), 3.8)
    for axes, operation in zip(panels, operations, strict=True):
        best = most_accurate([network for network in learned if network.operation == operation])
        if best is None:
            axes.set_axis_off()
            axes.set_title(f"{operation}: all diverged")
            continue
        symbol_map(axes, by_settings[best.run], best)
        accuracy = by_settings[best.run].number("novel_accuracy")
        known = f"{operation}, seed {best.run.data_seed}, accuracy {accuracy:.2f} on novel pairs"
        axes.set_title(f"{known}\n{axes.get_title('left')}")
    return drawn


FIGURE = PaperFigure(
    name="first-study-03",
    after="Figure 3 of Power et al. (2022)",
    title="Structure of output weights",
    shows="t-SNE of the answers' output vectors in the most accurate network of each operation; "
    "lines join residues that are neighbours at the best frequency, colours are their place "
    "on that circle, or cosets of the subgroup that explains most. The verdict does not rest "
    "on these pictures.",
    needs=(Need(prediction="learned-structure"),),
    draw=draw,
)
