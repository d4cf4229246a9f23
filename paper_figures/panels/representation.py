"""Representations: which part of the table they take, how fast they come, and whether they stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.estimates import Estimate
from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run, of_arm
from predictions.labelled import each, labels
from predictions.representation.four_phases import Phase
from predictions.representation.structure import KEPT, NONE, STRONG, WEAK, Continued
from predictions.representation.toy import flow_time, step_found
from predictions.verdicts import Verdict

LINE = "Share of networks that are a line"
NOTHING = "Too few networks count"


def _shares(
    axes: Axes, at: Mapping[float, Estimate], *, colour: str, marker: str, label: str
) -> None:
    """Draw shares with their intervals against a dataset size."""
    value, low, high = style.with_ends(at.values())
    axes.errorbar(
        list(at),
        value,
        [value - low, high - value],
        color=colour,
        marker=marker,
        ms=4,
        capsize=2,
        label=label,
    )


@mpl.rc_context(style.STYLE)
def critical_part(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the shares that find the line, and that could find no other, against D.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    drawn, (axes,) = style.figure(1, 3.2)
    for word, colour, marker, name in (
        ("share_determined", style.MEM, "s", "examples leave nothing else"),
        ("share_found", style.GEN, "o", "the network finds it"),
    ):
        there = {
            float(labels(number)["dataset_size"]): share
            for number, share in each(verdict.numbers, word, "dataset_size")
        }
        if not there:
            return style.nothing(NOTHING)
        _shares(axes, there, colour=colour, marker=marker, label=name)
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel(NOTATION["dataset_size"].axis_label)
    axes.set_ylabel("Share of seeds")
    axes.legend(loc="lower right")
    return drawn


@mpl.rc_context(style.STYLE)
def effective_time(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the step at which a network finds the line against the effective theory's time.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    drawn, (axes,) = style.figure(1, 3.2)
    last = max(run.settings.num_steps for run in runs)
    time = {run.seed: flow_time(run.settings) for run in runs}
    known = [run for run in runs if time[run.seed] < np.inf and run.outcome.status != "diverged"]
    for came, marker, name in ((True, "o", "found"), (False, "^", "not by the end")):
        some = [run for run in known if (step_found(run) < np.inf) == came]
        axes.plot(
            [time[run.seed] for run in some],
            [min(step_found(run), last) for run in some],
            marker,
            color=style.GEN,
            mfc=style.GEN if came else "none",
            ms=4,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    style.plain_log(axes.xaxis)
    style.plain_log(axes.yaxis)
    axes.set_xlabel("Time of the effective theory (1/η of the embeddings)")
    axes.set_ylabel("Step at which the line is found")
    axes.legend(loc="upper left")
    return drawn


@mpl.rc_context(style.STYLE)
def structure(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the share of networks that keep the line against D′, by weight decay.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    continued = Continued.of(runs)
    found = {
        (labels(name)["arm"], labels(name)["dataset_size"]): number
        for name, number in each(verdict.numbers, KEPT, "arm", "dataset_size")
    }
    if not found:
        return style.nothing(NOTHING)
    drawn, (axes,) = style.figure(1, 3.2)
    for arm, colour, marker, place in (
        (NONE, style.CHANCE, "^", 0.98),
        (WEAK, style.GEN, "o", 1.0),
        (STRONG, style.MEM, "s", 1.02),
    ):
        there = {place * float(D): share for (which, D), share in found.items() if which == arm}
        if not there:
            continue
        decay = of_arm(continued.runs, arm)[0].weight_decay
        name = f"{NOTATION['weight_decay'].symbol} = {decay:g}"
        _shares(axes, there, colour=colour, marker=marker, label=name)
    middle = np.exp(np.mean([at for at, _ in continued.determined.values()]))
    axes.axvline(middle, color=style.THRESHOLD, lw=1, ls="--", label="nothing else is left, mean")
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    axes.set_ylabel(LINE)
    axes.legend(loc="lower right")
    return drawn


def shares_of_phases(verdict: Verdict) -> dict[tuple[Any, ...], float]:
    """Return the share of seeds by phase, learning rate and weight decay."""
    names = ("phase", "learning_rate", "weight_decay")
    return {
        tuple(labels(name)[one] for one in names): number.value
        for name, number in each(verdict.numbers, "share", *names)
        if number.value is not None
    }


@mpl.rc_context(style.STYLE)
def four_phases(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw a map for each phase: the share of seeds in it by learning rate and weight decay.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    shares = shares_of_phases(verdict)
    if not shares:
        return style.nothing(NOTHING)
    rates, decays = (sorted({key[k] for key in shares}) for k in (1, 2))
    drawn, panels = style.grid(4, 4, 2.6, sharex=True, sharey=True)
    for axes, phase in zip(panels, get_args(Phase), strict=True):
        share = np.array([[shares[phase, rate, decay] for rate in rates] for decay in decays])
        axes.imshow(share, vmin=0, vmax=1, cmap="Blues", origin="lower", aspect="auto")
        for (row, column), value in np.ndenumerate(share):
            axes.text(
                column,
                row,
                f"{value:.0%}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if value > 0.6 else style.THRESHOLD,
            )
        axes.set_title(phase.capitalize())
        axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates], rotation=60)
        axes.set_yticks(range(len(decays)), [f"{decay:g}" for decay in decays])
        axes.set_xlabel(NOTATION["learning_rate"].axis_label)
    panels[0].set_ylabel(NOTATION["weight_decay"].axis_label)
    return drawn
