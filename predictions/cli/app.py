"""The command line. It prints; everything it says comes from elsewhere.

torch and friends take seconds to import: every command imports what it needs, so that --help
answers at once.
"""

from __future__ import annotations

import importlib.metadata

from cyclopts import App

from predictions.cli import catalogue, examining, reading, training, viewing, working

app = App(
    name="predictions",
    help="Test the circuit-efficiency theory of grokking, and the findings of the first study of "
    "grokking, on real training.",
    help_epilogue="Every command takes --plugins mymodule[,another], what another package adds, "
    "and --debug, the trace of an error.",
    version=lambda: importlib.metadata.version("circuit-efficiency"),
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)

app.command(catalogue.list_predictions, name="list")
app.command(catalogue.show)
app.command(catalogue.table)
app.command(training.run)
app.command(training.sweep)
app.command(reading.judge)
app.command(reading.report)
app.command(reading.plans)
app.command(reading.list_foretold, name="foretold")
app.command(reading.status)
app.command(reading.export)
app.command(viewing.view)
app.command(examining.doctor)
app.command(working.work)
app.register_install_completion_command(
    help="Let the shell complete this command, and read how from its startup file."
)


if __name__ == "__main__":
    from predictions.command import predictions

    predictions()
