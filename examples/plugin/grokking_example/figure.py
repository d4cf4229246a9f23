"""The figure of the prediction, for its report."""

from matplotlib.figure import Figure

from predictions.report import figures


def draw(verdict, runs):
    """Return fitting times against learning rate, a line for each seed."""
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="learning rate η", ylabel="steps until fitted")
    for seed in sorted({run.settings.data_seed for run in runs}):
        of_seed = [r for r in runs if r.settings.data_seed == seed]
        points = [
            (r.settings.optimiser.learning_rate, r.outcome.numbers["step_fitted"].value)
            for r in of_seed
            if "step_fitted" in r.outcome.numbers
        ]
        if points:
            axes.loglog(*zip(*sorted(points), strict=True), "o-", color="0.4")
    return figure


figures.register("faster-fit", draw)
