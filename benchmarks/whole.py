"""Time a whole quick run of ungrokking, and a textbook loop on the same networks.

Processor time per network-step: of everything that training does, recording and saving included;
and of textbook steps on some of the same runs, from their first and from their last weights.
"""

from __future__ import annotations

import argparse
import tempfile
import time

import torch

from benchmarks import machine
from benchmarks.step import textbook_step
from efficiency.settings import RunSettings
from predictions.registry import find
from predictions.trainer import NetworkTrainer
from runs import Store, execute, identity


def main() -> None:
    """Print both, with subnormal numbers flushed or, if asked for, not."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.whole")
    parser.add_argument("--size", choices=["smoke", "quick"], default="quick")
    parser.add_argument("--subnormals", action="store_true", help="do not flush them")
    given = parser.parse_args()
    runs = find("ungrokking").settings(given.size)
    steps = sum(run.num_steps for run in runs)
    print(machine.description())
    with tempfile.TemporaryDirectory() as folder, machine.flushing(on=not given.subnormals):
        store, trainer = Store(f"{folder}/store"), NetworkTrainer("cpu")
        wall, processor = time.perf_counter(), time.process_time()
        execute([run.document() for run in runs], store, trainer)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        kept = "kept" if given.subnormals else "flushed"
        print(
            f"{len(runs)} runs, {steps:,} network-steps, subnormal numbers {kept}: {wall:.1f} s on "
            f"{trainer.workers} cores, {processor:.1f} s of processor time, "
            f"{1e6 * processor / steps:.1f} µs per network-step"
        )
        textbook = _textbook(runs, store) / steps
        print(
            f"textbook: {1e6 * textbook:.0f} µs per network-step, "
            f"{textbook / processor * steps:.1f} times as long"
        )


def _textbook(runs: list[RunSettings], store: Store, number: int = 40) -> float:
    """Return the seconds that textbook steps would take for all runs, timed on one of each kind."""
    torch.set_num_threads(1)
    kinds: dict[tuple[int, float], list[RunSettings]] = {}
    for run in runs:
        if run.start is not None:
            kinds.setdefault((run.dataset_size, run.optimiser.weight_decay), []).append(run)
    seconds = 0.0
    for alike in kinds.values():
        times = []
        for one in (alike[0].start, alike[0]):
            assert one is not None
            held = store.load(identity(one.document())).weights()
            weights = {name: torch.as_tensor(value) for name, value in held.items()}
            step = textbook_step(alike[0], "cpu", weights)
            step(5)
            began = time.perf_counter()
            step(number)
            times.append((time.perf_counter() - began) / number)
        seconds += sum(run.num_steps for run in alike) * sum(times) / 2
    # Start networks are trained on more examples than any other: this leaves them out, to be fair.
    counted = sum(run.num_steps for run in runs if run.start is not None)
    return seconds * sum(run.num_steps for run in runs) / counted


if __name__ == "__main__":
    main()
