"""What `predictions show` prints: everything of a prediction that is fixed before it is judged."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from efficiency.errors import InvalidInputError
from predictions.cli.progress import estimated
from predictions.design_files import GROUND, as_toml
from predictions.grounds import ground, ground_table
from predictions.judging import plural
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.stages import foreseen
from predictions.trainer import NetworkTrainer
from predictions.variants import AS_DESIGNED
from runs import Document, estimated_seconds, generations

SMOKE = " At the size smoke nothing is decided, whatever the rule says."


WIDEST = 100
"""Columns of text, where the terminal has so many."""


def described(prediction: Prediction, size: Size, seeds: int | None) -> dict[str, str]:
    """Return claim, design, rule, power, refutation, assumptions and cost, by their titles."""
    settings = prediction.settings(size, seeds)
    num_seeds = len({run.data_seed for run in settings})
    return {
        "Claim": prediction.claim,
        f"Design ({size})": prediction.design(size, seeds),
        **({"Foretold": prediction.foretelling} if prediction.foretelling else {}),
        "Rule": prediction.rule + (SMOKE if size == "smoke" and settings else ""),
        **({"Changed after a look": prediction.amended} if prediction.amended else {}),
        "Power": f"{prediction.power} Seeds here: {num_seeds}.{_elsewhere(prediction)}",
        "Would refute it": prediction.refutation,
        **({"Assumed": "\n".join(prediction.assumptions)} if prediction.assumptions else {}),
        "Cost": _cost([run.document() for run in settings]) + _later(prediction, size, seeds),
    }


def design_file(chosen: Sequence[Prediction], size: Size) -> str:
    """Return the design of predictions as a file that ``--design`` reads.

    Raises:
        InvalidInputError: No file changes the design of any of them.
    """
    on = ground(size, chosen[0].variant)
    parts = {part.name: part for one in chosen for part in one.parts}
    if not parts:
        raise InvalidInputError(
            f"no file changes the design of {', '.join(one.name for one in chosen)}; name others"
        )
    tables = {GROUND: ground_table(on)}
    tables |= {name: part.table(on) for name, part in parts.items()}
    names = " ".join(one.name for one in chosen if one.parts)
    return f"# predictions run {names} --design THIS-FILE\n{as_toml(size, tables)}"


def _later(prediction: Prediction, size: Size, seeds: int | None) -> str:
    """Return what later stages may cost in all, empty if there are none."""
    both = foreseen(prediction, size, seeds)
    if both is None:
        return ""
    least, most = (_cost([run.document() for run in runs]) for runs in both)
    return f" (the first stage); all stages between {least} and {most}"


def print_prediction(prediction: Prediction, size: Size, seeds: int | None) -> None:
    """Print claim, design, rule, power, refutation, assumptions and cost."""
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    for title, text in described(prediction, size, seeds).items():
        print(title)
        for paragraph in text.splitlines():
            print(textwrap.fill(paragraph, width, initial_indent="  ", subsequent_indent="  "))
        print()


def _elsewhere(prediction: Prediction) -> str:
    """Return what to bear in mind where a prediction is not asked as it was designed."""
    if prediction.variant == AS_DESIGNED:
        return ""
    return (
        f" All this was chosen and computed for the design; with "
        f"{' '.join(prediction.variant.options())} it is a first look."
    )


def _cost(documents: list[Document]) -> str:
    """Return how many runs, and the estimated time on this machine's CPU."""
    if not documents:
        return "no runs: it is computed while it is judged, in seconds"
    trainer = NetworkTrainer("cpu")
    levels = [
        [[level[i] for i in group] for group in trainer.pack(level)]
        for level in (list(one.values()) for one in generations(documents))
    ]
    time = estimated(estimated_seconds(levels, trainer))
    return f"{len(documents)} runs, {time} on {plural(trainer.workers, 'CPU core')}"
