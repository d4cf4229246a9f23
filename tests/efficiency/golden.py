"""The golden trace: 50 steps of a tiny ensemble in full digits, and what made them.

    python -m tests.efficiency.golden

writes it anew; do so only together with a change that is meant to change the numbers, and say so in
its message.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from efficiency import Training, engines
from efficiency.engines import compiling
from efficiency.settings import OneLayerTransformerSettings
from tests.build import run_settings

PLACE = Path(__file__).with_name("golden_trace.json")
STEPS = 50


def ensemble(engine: str) -> Training:
    """Return three members that differ in size, labels, schedule and decay."""
    precision = "float64" if engine == "stacked" else "float32"
    network = OneLayerTransformerSettings(d_model=12, num_heads=3, d_mlp=20, precision=precision)
    members = [
        run_settings(network=network, num_steps=STEPS, dataset_size=30),
        run_settings(network=network, num_steps=STEPS, weight_decay=0.0, warmup_steps=0),
        run_settings(
            network=network, num_steps=STEPS, regime="memorising", label_seed=1, decay_fraction=0.5
        ),
    ]
    return Training(members, [None] * 3, engine=engine)


def trace(engine: str) -> dict[str, list[str]]:
    """Return loss and norm of each member after every step, and a sum over all weights at the end.

    Numbers are written in hexadecimal: nothing is rounded.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        training = ensemble(engine)
        quantities = training.engine.quantities
        rows = []
        for _ in range(STEPS):
            training.advance(1)
            rows.append(training.engine.measure().numpy())
    finally:
        torch.set_num_threads(before)
    found = {
        name: np.stack(rows)[:, quantities.index(name)].ravel().tolist()
        for name in ("train_loss", "test_loss", "log_odds", "norm")
    }
    found["weights"] = [float(t.weights["W_in"].astype(float).sum()) for t in training.results()]
    return {name: [value.hex() for value in values] for name, values in found.items()}


def maker() -> str:
    """Return what the last digits of compiled code depend on: instruction set and compiler."""
    version = compiling._version(compiling._compiler()).splitlines()[0]
    return f"{torch.backends.cpu.get_cpu_capability()}, {version}"


def document() -> dict[str, Any]:
    """Return the golden trace as made here."""
    return {"maker": maker(), "engines": {name: trace(name) for name in sorted(engines.ENGINES)}}


if __name__ == "__main__":
    PLACE.write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")
