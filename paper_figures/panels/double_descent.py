"""Double descent: test loss along something, the norm beside it, and test error while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.estimates import Estimate
from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.double_descent.axes import AT
from predictions.double_descent.claims import LOSS
from predictions.double_descent.epochs import error_course
from predictions.double_descent.norm_claims import MATCHED, NORM
from predictions.double_descent.threshold_width import NARROW, WIDE
from predictions.labelled import each, labels
from predictions.verdicts import Verdict

ALONG = {
    "features": "Random features",
    "width": "Hidden units",
    "dataset_size": NOTATION["dataset_size"].axis_label,
}
"""What numbers are labelled by, as an axis has it."""

NOTHING = "Too few seeds count"


def _curves(
    verdict: Verdict, word: str, along: str, *others: str
) -> dict[tuple[object, ...], dict[float, Estimate]]:
    """Return a number's values along something, by its other labels."""
    found: dict[tuple[object, ...], dict[float, Estimate]] = {}
    for name, number in each(verdict.numbers, word, along, *others):
        own = labels(name)
        found.setdefault(tuple(own[one] for one in others), {})[float(own[along])] = number
    return found


def _along(verdict: Verdict) -> str | None:
    """Return what a verdict's test losses are labelled by."""
    return next(
        (one for one in ALONG if any(each(verdict.numbers, LOSS, one, "weight_decay"))), None
    )


def _draw(
    axes: Axes, at: Mapping[float, Estimate], *, colour: str, marker: str, label: str
) -> None:
    """Draw positive numbers with their intervals."""
    value, low, high = style.with_ends(at.values())
    axes.plot(list(at), value, color=colour, marker=marker, ms=3.5, label=label)
    axes.fill_between(list(at), low, high, color=colour, alpha=0.2, lw=0)


def _logarithmic(axes: Axes, along: str, values: Sequence[float]) -> None:
    style.log_axis_with_values(axes, style.apart(values, 1.5))
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    axes.set_xlabel(ALONG[along])


def _loss_label(along: str) -> str:
    if along == "features":
        return "Mean squared error on test examples"
    return NOTATION["test_loss"].axis_label


@mpl.rc_context(style.STYLE)
def losses(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw test loss along what is varied, a line for each weight decay.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    along = _along(verdict)
    if along is None:
        return style.nothing(NOTHING)
    drawn, (axes,) = style.figure(1, 3.2)
    curves = _curves(verdict, LOSS, along, "weight_decay")
    for ((decay,), curve), colour, marker in zip(
        sorted(curves.items()), (style.MEM, style.GEN), "os", strict=False
    ):
        name = f"{NOTATION['weight_decay'].symbol} = {decay:g}"
        _draw(axes, curve, colour=colour, marker=marker, label=name)
    _logarithmic(axes, along, sorted(curves[(0.0,)]))
    if (fits := verdict.numbers.get("fit_at")) is not None and fits.value is not None:
        axes.axvline(fits.value, color=style.THRESHOLD, lw=1, ls="--", label="just fits")
    axes.set_ylabel(_loss_label(along))
    axes.legend()
    return drawn


@mpl.rc_context(style.STYLE)
def norms(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw test loss, and the norm that training comes to, along what is varied.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    along = _along(verdict)
    if along is None:
        return style.nothing(NOTHING)
    drawn, (above, beside) = style.figure(2, 3.0)
    loss = _curves(verdict, LOSS, along, "weight_decay")[(0.0,)]
    norm = _curves(verdict, NORM, along).get((), {})
    values = sorted(loss)
    for axes, curve, colour, name in (
        (above, loss, style.MEM, _loss_label(along)),
        (beside, norm, style.GEN, NOTATION["norm"].axis_label),
    ):
        _draw(axes, curve, colour=colour, marker="o", label="after training without decay")
        _logarithmic(axes, along, values)
        axes.set_xlim(values[0] / 1.15, values[-1] * 1.15)
        axes.set_ylabel(name)
    if matched := _curves(verdict, MATCHED, along).get((), {}):
        name = f"at log-odds of {AT:g} nats"
        _draw(beside, matched, colour=style.CHANCE, marker="s", label=name)
        beside.legend(loc="lower right")
    for axes, number in ((above, "loss_peak_at"), (beside, "norm_peak_at")):
        style.mark(axes, verdict.numbers.get(number), "highest at", text=axes is above)
    return drawn


@mpl.rc_context(style.STYLE)
def epochs(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw test error while networks are trained: each seed, and their geometric mean.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    whole = [run for run in runs if run.outcome.status != "diverged"]
    if not whole:
        return style.nothing(NOTHING)
    drawn, (axes,) = style.figure(1, 3.2)
    steps = whole[0].history["step"].to_numpy()
    courses = [np.exp(error_course(run)) for run in whole]
    for course in courses:
        axes.plot(steps, course, color=style.MEM, alpha=0.25, lw=0.8)
    middle = np.exp(np.mean(np.log(courses), axis=0))
    axes.plot(steps, middle, color=style.MEM, label="geometric mean")
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlim(0, steps[-1])
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    axes.set_xlabel(NOTATION["step"].axis_label)
    axes.set_ylabel("Test error")
    axes.legend()
    return drawn


@mpl.rc_context(style.STYLE)
def widths(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw final accuracy on novel pairs against D′ at both widths.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    curves = _curves(verdict, "accuracy", "dataset_size", "arm")
    if not curves:
        return style.nothing(NOTHING)
    drawn, (axes,) = style.figure(1, 3.2)
    for arm, colour, marker in ((NARROW, style.GEN, "o"), (WIDE, style.MEM, "s")):
        if (curve := curves.get((arm,))) is None:
            continue
        width = next(run.settings.network.d_model for run in runs if run.arm == arm)
        _draw(axes, curve, colour=colour, marker=marker, label=f"{arm}, {width} wide")
    sizes = sorted({run.dataset_size for run in runs if not run.is_start})
    style.log_axis_with_values(axes, sizes)
    style.accuracy_axis(axes, runs[0].task.chance)
    axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].axis_label)
    axes.legend(loc="lower right")
    return drawn
