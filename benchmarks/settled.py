"""Time a step from fresh and from settled weights, with subnormal numbers flushed and without.

As a network settles, gradients and moments underflow; on some processors each operation on such a
number takes a hundred times as long. Both the textbook step (a) and the engine (b) are timed on the
same weights and labels, on one thread, with λ = 0, 1, 2 and with random labels.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

from benchmarks import machine
from benchmarks.step import interleaved, settings, textbook_step
from efficiency.settings import RunSettings
from efficiency.training.loop import Training

SIZES = ((31, 150, 32, 6000), (41, 200, 48, 6000), (113, 1532, 128, 2000))
"""p, D, width, and the steps after which a network counts as settled here."""

KINDS = {"λ = 0": (0.0, None), "λ = 1": (1.0, None), "λ = 2": (2.0, None), "random": (1.0, 0)}
"""Weight decay, and the seed of random labels."""


def run_of(modulus: int, examples: int, width: int, kind: str) -> RunSettings:
    """Return the run of a kind at a size."""
    decay, label_seed = KINDS[kind]
    run = settings(modulus, examples, width, 0)
    labels = {} if label_seed is None else {"regime": "memorising", "label_seed": label_seed}
    optimiser = run.optimiser.model_copy(update={"weight_decay": decay, "learning_rate": 4e-3})
    return run.model_copy(update={"optimiser": optimiser, **labels})


class _Steps:
    """Steps of one run in the engine, each call from where the last one ended."""

    def __init__(self, run: RunSettings) -> None:
        self._engine = Training([run], [None], "cpu").engine
        self._done = 0

    def __call__(self, number: int) -> None:
        self._engine.advance(self._done, number)
        self._done += number

    def weights(self) -> dict[str, Tensor]:
        return {name: view[0].clone() for name, view in self._engine.weights.views.items()}


def main() -> None:
    """Print a line for each size, kind and state."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.settled")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="without p = 113")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine.description())
    print("   p     D  labels  weights |   flushed: (a), (b) ms   ratio | not: (a), (b) ms   ratio")
    for modulus, examples, width, steps in SIZES[: 2 if given.small else 3]:
        for kind in KINDS:
            run = run_of(modulus, examples, width, kind)
            trained = _Steps(run)
            for state in ("fresh", "settled"):
                if state == "settled":
                    trained(steps)
                cells = []
                for on in (True, False):
                    with machine.flushing(on=on):
                        textbook = textbook_step(run, "cpu", trained.weights())
                        taken = interleaved({"a": textbook, "b": trained}, given.rounds, "cpu")
                    a, b = 1e3 * taken["a"], 1e3 * taken["b"]
                    cells.append(f"{a:9.3f} {b:8.4f} {a / b:7.1f}×")
                print(f"{modulus:4d} {examples:5d}  {kind:7} {state:8}| {cells[0]} | {cells[1]}")


if __name__ == "__main__":
    main()
