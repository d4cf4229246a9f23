"""The golden trace: 50 steps of a tiny ensemble in full digits, and what made them.

    python -m tests.efficiency.golden [FLAGS …]

writes it anew, and that of code compiled with each of other FLAGS, ``-march=x86-64-v3`` say; do so
only together with a change that is meant to change the numbers, and say so in its message. ``$CC``
names another compiler.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from efficiency import Training
from efficiency.engines import compiled, compiling, layered
from efficiency.settings import OneLayerTransformerSettings, TransformerSettings
from tests.build import run_settings

PLACE = Path(__file__).with_name("golden_trace.json")
STEPS = 50
COMPILED = ("compiled", "layered")


def ensemble(engine: str) -> Training:
    """Return three members that differ in size, labels, schedule and decay.

    Of the layered engine they have two layers, and dropout.
    """
    shape = {"d_model": 12, "num_heads": 3, "d_mlp": 20}
    common: dict[str, Any] = {"num_steps": STEPS}
    if engine == "layered":
        common["network"] = TransformerSettings(**shape, dropout=0.1)
        common["noise_seed"] = 1
    else:
        precision = "float64" if engine == "stacked" else "float32"
        common["network"] = OneLayerTransformerSettings(**shape, precision=precision)
    members = [
        run_settings(**common, dataset_size=30),
        run_settings(**common, weight_decay=0.0, warmup_steps=0),
        run_settings(**common, regime="memorising", label_seed=1, decay_fraction=0.5),
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
    name = "layers.0.W_in" if engine == "layered" else "W_in"
    found["weights"] = [float(t.weights[name].astype(float).sum()) for t in training.results()]
    return {name: [value.hex() for value in values] for name, values in found.items()}


def kind() -> str:
    """Return what the last digits of compiled code depend on."""
    return compiled.CODE.compiled().kind


def traces() -> dict[str, dict[str, list[str]]]:
    """Return the traces of both engines of compiled code."""
    return {engine: trace(engine) for engine in COMPILED}


def compiled_for(flags: str) -> dict[str, dict[str, list[str]]]:
    """Return the traces of code that is compiled with other flags than the usual ones."""
    compiling._candidates = lambda: [tuple(flags.split())]
    for code in (compiled.CODE, layered.CODE):
        code.forget()
    return traces()


def main(all_flags: Sequence[str]) -> None:
    """Write the traces made here; those of other kinds of compiled code stay as they are."""
    held = json.loads(PLACE.read_text(encoding="utf-8"))
    held["stacked"] = trace("stacked")
    for flags in (None, *all_flags):
        for engine, found in (traces() if flags is None else compiled_for(flags)).items():
            held.setdefault(engine, {})[kind()] = found
    PLACE.write_text(json.dumps(held, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
