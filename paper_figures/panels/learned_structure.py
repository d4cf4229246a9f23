"""Structure of an operation in output weights (after Power et al. 2022, Figure 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from efficiency.analysis import alignment
from paper_figures import style
from predictions.cells import Run
from predictions.first_study.learned_structure_judge import Learned, measured
from predictions.verdicts import Verdict

_DOTS: Any = {"s": 110, "alpha": 0.5, "edgecolors": "none"}
"""Light enough that a number in black can be read on each."""


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw for each operation how structured its networks are, and the best network's answers.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    learned, _ = measured(runs)
    by_settings = {run.settings: run for run in runs}
    operations = list(dict.fromkeys(run.table.operation for run in runs))
    drawn, flat = style.grid(2 * len(operations), len(operations), 3.2)
    panels = np.array(flat).reshape(2, len(operations))
    for axes in panels[0, 1:]:
        axes.sharey(panels[0, 0])
    for column, operation in enumerate(operations):
        networks = [network for network in learned if network.operation == operation]
        of = [run for run in runs if run.table.operation == operation]
        _ratios(panels[0, column], networks)
        panels[0, column].set_title(f"{operation}, {len(of)} networks{style.diverged(of)}")
        best = most_accurate(networks)
        if best is None:
            panels[1, column].set_axis_off()
        else:
            symbol_map(panels[1, column], by_settings[best.run], best)
    panels[0, 0].set_ylabel("F ratio / its mean in shuffles")
    return drawn


def most_accurate(networks: Sequence[Learned]) -> Learned | None:
    """Return the network with true labels that knows most, of equals the first by seed."""
    able = [network for network in networks if not network.random]
    return max(able, key=lambda n: (n.retained, -n.run.data_seed), default=None)


def _ratios(axes: Axes, networks: Sequence[Learned]) -> None:
    """Draw how much better the best structure is than the best one of shuffled symbols."""
    for random, marker, colour, label in (
        (False, "o", style.GEN, "true labels"),
        (True, "X", style.MEM, "random labels"),
    ):
        for structured in (True, False):
            some = [n for n in networks if n.random == random and n.structured == structured]
            axes.plot(
                [n.retained for n in some],
                [n.found.times_shuffled for n in some],
                marker,
                color=colour,
                mfc=colour if structured else "none",
                ms=5,
                ls="none",
                label=f"{label}, p {'≤' if structured else '>'} 0.05 ({len(some)})",
            )
    axes.axhline(1, color=style.CHANCE, lw=1, ls=":")
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    axes.set_xlabel("Way from chance (0) to 1 on novel pairs")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.18), ncols=2, fontsize=7)


def symbol_map(axes: Axes, run: Run, network: Learned) -> None:
    """Draw the answers' output vectors in two dimensions, with the best structure on them."""
    vectors_SM = run.weights()["W_U"].T.astype(float)
    S = len(vectors_SM)
    places = TSNE(
        perplexity=min(10, (S - 1) / 3), init="pca", random_state=0, method="exact"
    ).fit_transform(vectors_SM)
    x, y = places[:, 0], places[:, 1]
    frequency = re.search(r"frequency (\d+)", network.found.structure)
    if frequency:
        # Neighbours on the circle of frequency k are d apart, with k·d ≡ 1 mod p.
        step = pow(int(frequency[1]), -1, S)
        circle = np.arange(S + 1) * step % S
        axes.plot(x[circle], y[circle], "-", color=style.CHANCE, lw=0.6, alpha=0.5)
        axes.scatter(x, y, c=circle[:-1].argsort(), cmap="twilight", **_DOTS)
        axes.set_title(f"lines of +{step} (frequency {frequency[1]})")
    else:
        subspaces = alignment.subspaces(network.operation, run.table.size)
        basis = subspaces[network.found.structure]
        classes = np.unique(np.round(basis, 6), axis=0, return_inverse=True)[1].ravel()
        colours = np.array(style.graded(int(classes.max()) + 1))
        axes.scatter(x, y, c=colours[classes], **_DOTS)
        axes.set_title(network.found.structure)
    for symbol in range(S):
        axes.text(
            x[symbol], y[symbol], str(symbol), ha="center", va="center", fontsize=6, color="black"
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
