"""Write the live demonstration as one page that opens from a file.

``python docs/demo/write_demo.py docs/demo.html``.

What it begins with, the first weights and the order of examples of a few seeds, is Python's own.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from efficiency import OptimiserSettings, RunSettings, TaskSettings
from efficiency.settings import MLPSettings
from efficiency.training.ensemble import initial_weights

FOLDER = Path(__file__).parent

SEEDS = (1, 2, 3)
SIZE, D_MODEL, D_MLP = 17, 16, 64
GROKKING, UNGROKKING, SEMI_GROKKING = 231, 50, 173
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
        "seeds": {str(seed): _seed(seed) for seed in SEEDS},
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment.get_template("page.html.j2").render(data=data) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
