"""Figure 3 of the paper: norm against logit, and norm at one logit against dataset size."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.circuit_efficiency.efficiency.judge import ARMS, usable
from predictions.circuit_efficiency.efficiency.reading import Arm, SeedCurves
from predictions.judging import bounds, geometric
from predictions.verdicts import Verdict

_NAMES: dict[Arm, str] = {"mem": "Mem", "gen": "Gen"}
_COLOURS: dict[Arm, str] = {"mem": style.MEM, "gen": style.GEN}
_MARKERS: dict[Arm, str] = {"mem": "o", "gen": "s"}


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw every settled network, and the isologit norms of every seed that counts."""
    drawn, (left, right) = style.figure(2, 3.6)
    curves, at, _ = usable(runs)
    networks(left, curves, at)
    isologit(right, curves, at)
    return drawn


def networks(axes: Axes, curves: Sequence[SeedCurves], at: float) -> None:
    """Draw norm against log-odds of the networks that differ in weight decay."""
    every = sorted({D for arm in ARMS for c in curves for D in c.sizes(arm, "weight decay")})
    shades = dict(zip(every, style.graded(len(every)), strict=True))
    for arm in ARMS:
        for D in sorted({D for curve in curves for D in curve.sizes(arm, "weight decay")}):
            shade = shades[D]
            points = [
                point
                for curve in curves
                for point in curve.points.get((arm, "weight decay"), {}).get(D, [])
            ]
            axes.plot(
                [point.logits["log_odds"] for point in points],
                [point.norm for point in points],
                _MARKERS[arm],
                ms=3.5,
                color=shade,
                mfc=shade if arm == "mem" else "none",
                label=f"{_NAMES[arm]}, {D}",
                ls="none",
            )
    axes.axvline(at, color=style.THRESHOLD, lw=1, ls="--")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_minor_formatter("{x:.0f}")
    axes.set_xlabel(NOTATION["log_odds"].axis_label)
    axes.set_ylabel(NOTATION["norm"].axis_label)
    axes.set_title("Norm and logit; dashed: ŝ")
    style.legend_beside(axes, title="circuit, D", title_fontsize=8)


def isologit(axes: Axes, curves: Sequence[SeedCurves], at: float) -> None:
    """Draw P(D; ŝ): seeds faint, geometric means with intervals where every seed is known."""
    for arm in ARMS:
        known = [curve.isologit(arm, at) for curve in curves]
        for norms in known:
            axes.plot(
                list(norms), list(norms.values()), "-", lw=0.7, alpha=0.35, color=_COLOURS[arm]
            )
        sizes = sorted(set.intersection(*(set(norms) for norms in known))) if known else []
        means = [float(np.exp(np.mean([np.log(norms[D]) for norms in known]))) for D in sizes]
        axes.plot(sizes, means, f"{_MARKERS[arm]}-", ms=4.5, color=_COLOURS[arm], label=_NAMES[arm])
        for D in sizes if len(known) > 1 else []:
            ends = bounds(geometric([norms[D] for norms in known]))
            axes.plot([D, D], ends, color=_COLOURS[arm], lw=1)
    every = sorted({D for curve in curves for arm in ARMS for D in curve.isologit(arm, at)})
    style.log_axis_with_values(axes, style.apart(every))
    axes.tick_params(axis="x", labelrotation=45)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_minor_formatter("{x:.0f}")
    axes.set_xlabel(NOTATION["dataset_size"].axis_label)
    axes.set_ylabel(f"{NOTATION['isologit_norm'].axis_label}, ŝ = {at:.1f}")
    axes.set_title(f"Norm at ŝ over D, {len(curves)} seeds")
    axes.legend(loc="upper left")
