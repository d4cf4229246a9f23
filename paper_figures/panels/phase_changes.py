"""Phase changes: losses over training, and what falls with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.labelled import each
from predictions.phase_changes import circuit, copies, induction_claims, progress_claims
from predictions.phase_changes.base import complete, only
from predictions.phase_changes.falls import KNOWN
from predictions.registry import find
from predictions.verdicts import Verdict

LOSS = "Loss (nats)"


def _whole(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if run.outcome.status != "diverged" and not run.is_start]


def _arms(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(run.arm for run in runs))


def _over_steps(axes: Axes, run: Run, title: str) -> None:
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlim(0, run.settings.num_steps)
    axes.set_xlabel(NOTATION["step"].axis_label)
    axes.set_title(title)


def _lines(
    axes: Axes,
    courses: Iterable[tuple[ArrayLike, ArrayLike]],
    colour: Any,
    label: str | None = None,
    dashes: str = "-",
) -> None:
    """Draw a thin line for each network, of which the first is in the legend."""
    for number, (steps, values) in enumerate(courses):
        axes.plot(
            steps,
            values,
            dashes,
            color=colour,
            lw=1,
            alpha=0.6,
            label=label if number == 0 else None,
        )


def _of(runs: Iterable[Run], column: str) -> list[tuple[ArrayLike, ArrayLike]]:
    return [(run.history["step"], run.history[column]) for run in runs]


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


@mpl.rc_context(style.STYLE)
def losses(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw loss on training and on test examples over training, a panel for each arm.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    whole = _whole(runs)
    if not whole:
        return style.nothing("Every run diverged")
    # Percent from the largest part of a table to the smallest; others in their order.
    arms = sorted(_arms(whole), key=lambda one: -max(r.dataset_size for r in whole if r.arm == one))
    drawn, panels = style.grid(len(arms), min(len(arms), 4), 2.8, sharey=True)
    for axes, one in zip(panels, arms, strict=True):
        of_arm = [run for run in whole if run.arm == one]
        for part, colour, dashes in (("train", style.MEM, "--"), ("test", style.GEN, "-")):
            name = f"{part}_loss"
            _lines(axes, _of(of_arm, name), colour, NOTATION[name].label, dashes)
        axes.axhline(KNOWN, color=style.CHANCE, ls=":", lw=1)
        _over_steps(axes, of_arm[0], _upper(one))
    panels[0].set_ylabel(LOSS)
    panels[0].set_ylim(0, 2.5 * math.log(whole[0].task.num_classes))
    panels[0].legend(loc="upper left")
    return drawn


@mpl.rc_context(style.STYLE)
def depths(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the loss on what comes again over training, and at the end by its token, by depth.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    whole = _whole(runs)
    if not whole:
        return style.nothing("Every run diverged")
    drawn, panels = style.figure(2, 3.0)
    arms = sorted(_arms(whole), key=[copies.arm(k) for k in copies.DEPTHS].index)
    chance = math.log(whole[0].task.num_classes)
    for colour, one in zip(style.graded(len(arms)), arms, strict=True):
        of_arm = [run for run in whole if run.arm == one]
        _lines(panels[0], _of(of_arm, "test_loss"), colour, one)
        layers = next(k for k in copies.DEPTHS if copies.arm(k) == one)
        curve = {
            int(name["token"]): number
            for name, number in each(verdict.numbers, induction_claims.LOSS, "layers", "token")
            if name["layers"] == layers
        }
        if curve:
            value, low, high = style.with_ends(curve.values())
            panels[1].errorbar(
                list(curve),
                value,
                yerr=np.array([value - low, high - value]),
                color=colour,
                marker="o",
                ms=3,
                capsize=2,
                label=one,
            )
    for axes in panels:
        axes.axhline(chance, color=style.CHANCE, ls=":", lw=1)
        axes.set_ylim(0, 1.05 * chance)
        axes.set_ylabel(LOSS)
    _over_steps(panels[0], whole[0], "On the second copy")
    panels[0].legend(loc="lower left")
    panels[1].set_xlabel("Token of the second copy")
    panels[1].set_title("At the end")
    return drawn


@mpl.rc_context(style.STYLE)
def unlearned(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw which share of tokens is right while networks are continued, a panel for each way.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    whole = _whole(runs)
    if not whole:
        return style.nothing("Every run diverged")
    ways = _arms(whole)
    drawn, panels = style.figure(len(ways), 3.0)
    for axes, way in zip(panels, ways, strict=True):
        of_way = [run for run in whole if run.arm == way]
        for part, word, colour, dashes in (
            ("train", "Training", style.MEM, "--"),
            ("test", "Test", style.GEN, "-"),
        ):
            right = [
                run.history[[f"{part}_{token}_accuracy" for token in run.task.answers]].mean(axis=1)
                for run in of_way
            ]
            steps = [run.history["step"] for run in of_way]
            _lines(axes, zip(steps, right, strict=True), colour, f"{word} sequences", dashes)
        axes.set_ylim(0, 1.03)
        axes.set_xlim(0, of_way[0].settings.num_steps)
        axes.set_xlabel(NOTATION["step"].axis_label)
        axes.set_title(_upper(way))
    panels[0].set_ylabel("Share of tokens that are right")
    panels[0].legend(loc="lower left")
    return drawn


@mpl.rc_context(style.STYLE)
def digits(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the loss of each token of the answer over training.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    whole = _whole(runs)
    if not whole:
        return style.nothing("Every run diverged")
    drawn, (axes,) = style.figure(1, 3.2)
    answers = whole[0].task.answers
    steps = whole[0].history["step"]
    for colour, token in zip(style.graded(len(answers)), answers, strict=True):
        every = np.array([run.history[f"test_{token}_loss"] for run in whole])
        axes.fill_between(steps, every.min(0), every.max(0), color=colour, alpha=0.15, lw=0)
        axes.plot(steps, np.median(every, axis=0), color=colour, label=token)
    axes.axhline(KNOWN, color=style.CHANCE, ls=":", lw=1)
    axes.set_ylim(0, None)
    axes.set_ylabel(LOSS)
    _over_steps(axes, whole[0], "Tokens of the answer, the most significant first")
    style.legend_beside(axes)
    return drawn


@mpl.rc_context(style.STYLE)
def circuits(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw restricted and excluded loss by a network's own keys and another's, and test loss.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    prediction = find(verdict.prediction)
    assert isinstance(prediction, progress_claims.Progress)
    there = [only(arms) for arms in prediction.usable(complete(runs)).values()]
    if not there:
        return style.nothing("No network generalises, or every run diverged")
    networks = progress_claims.followed(there)
    drawn, panels = style.figure(3, 3.0)
    for axes, name in zip(panels, (circuit.RESTRICTED, circuit.EXCLUDED), strict=False):
        own, other = (
            [(some["step"], some[name]) for some in courses]
            for courses in ([one.own for one in networks], [one.other for one in networks])
        )
        _lines(axes, own, style.GEN, "Own keys")
        _lines(axes, other, style.CHANCE, "Another's keys", "--")
    _lines(panels[2], _of(there, "test_loss"), style.GEN)
    titles = (circuit.RESTRICTED, circuit.EXCLUDED, NOTATION["test_loss"].label)
    for axes, title in zip(panels, titles, strict=True):
        axes.axhline(circuit.half_plateau(there[0]), color=style.CHANCE, ls=":", lw=1)
        axes.set_ylim(0, 2.5 * math.log(there[0].task.num_classes))
        _over_steps(axes, there[0], _upper(title))
    panels[0].set_ylabel(LOSS)
    panels[0].legend(loc="lower left")
    return drawn
