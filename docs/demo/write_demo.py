"""Write the live demonstration as one page that opens from a file.

``python docs/demo/write_demo.py docs/demo.html``.

What it begins with, the first weights and the order of examples of a few seeds, is Python's own.
Beside it stands what was recorded of the networks that are judged, of ``docs/found``.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from efficiency import OptimiserSettings, RunSettings, TaskSettings
from efficiency.settings import MLPSettings
from efficiency.training.ensemble import initial_weights
from predictions.registry import find

FOLDER = Path(__file__).parent

FOUND = FOLDER.parent / "found" / "quick.json"

SEEDS = (1, 2, 3)
SIZE, D_MODEL, D_MLP = 17, 16, 64
GROKKING, UNGROKKING, SEMI_GROKKING = 231, 50, 173
SEMI_GROKKED = 2  # the seed of three that stays half-way there
RATE = 1e-2


def run(seed: int, num_steps: int = 1, examples: int = GROKKING, decay: float = 1.0) -> RunSettings:
    """Return the settings of what the page trains."""
    return RunSettings(
        task=TaskSettings(operation="addition", size=SIZE),
        network=MLPSettings(d_model=D_MODEL, d_mlp=D_MLP, precision="float64"),
        optimiser=OptimiserSettings(learning_rate=RATE, weight_decay=decay),
        dataset_size=examples,
        data_seed=seed,
        init_seed=seed,
        num_steps=num_steps,
    )


def _seed(seed: int) -> dict[str, Any]:
    one = run(seed)
    weights = {
        name: base64.b64encode(value.numpy().astype("<f4").tobytes()).decode()
        for name, value in initial_weights(one).items()
    }
    # Datasets of one seed are nested: the first D of its order, whatever D is.
    order = np.concatenate(one.task.split(one.dataset_size, seed))
    return {"weights": weights, "order": order.tolist()}


def recorded() -> dict[str, Any]:
    """Return what was judged of the size quick, as it is drawn and said.

    Accuracies stand at the smallest and the largest D', one for each start network; thresholds with
    their intervals by weight decay.
    """
    found = {one["prediction"]: one for one in json.loads(FOUND.read_text(encoding="utf-8"))}
    judged = found["ungrokking"]
    asked = find("ungrokking").settings("quick")
    sizes = sorted({run.dataset_size for run in asked if run.start is not None})
    of_seeds = {one["name"]: [*one["seeds"].values()] for one in judged["by_seed"]}
    return {
        "size": asked[0].task.size,
        "planned": judged["look"]["seeds"],
        "counted": next(n["n"] for n in judged["numbers"] if n["name"] == "threshold"),
        "command": f"predictions judge all {judged['options']}",
        "outcome": judged["outcome"],
        "sentence": judged["sentence"],
        "semi": found["semi-grokking"],
        "ends": [
            (sizes[0], of_seeds["accuracy_at_smallest_size"]),
            (sizes[-1], of_seeds["accuracy_at_largest_size"]),
        ],
        "thresholds": [
            (one["labels"]["weight_decay"], one["value"], one["low"], one["high"])
            for one in judged["numbers"]
            if one["name"] == "threshold" and one["labels"]
        ],
    }


def page() -> str:
    """Return the page."""
    data = {
        "size": SIZE,
        "d_model": D_MODEL,
        "d_mlp": D_MLP,
        "learning_rate": RATE,
        "grokking": GROKKING,
        "ungrokking": UNGROKKING,
        "semi_grokking": SEMI_GROKKING,
        "semi_grokked": SEMI_GROKKED,
        "seeds": {str(seed): _seed(seed) for seed in SEEDS},
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment.get_template("page.html.j2").render(data=data, recorded=recorded()) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
