"""What a GPU is worth: speed by K, what tf32 changes, and the paper's size of ungrokking.

    python -m benchmarks.gpu [--skip-paper] [--out FOLDER]

Writes what it finds to FOLDER/gpu.json as it goes. `--device cpu` runs the same on a CPU, small, to
show that the script is whole; there float64 stands in for tf32.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import step
from efficiency import train
from efficiency.engines import StackedEngine
from efficiency.settings import RunSettings
from efficiency.statistics.intervals import t_interval
from efficiency.training import ensemble
from efficiency.training.loop import choose_device
from predictions.registry import find
from predictions.sizes import Size
from predictions.trainer import NetworkTrainer
from runs import Store, execute

NUMBERS = ("test_accuracy", "train_loss", "log_odds", "norm")


def speed(device: str, precisions: list[str]) -> list[dict[str, Any]]:
    """Return the times of a network-step by K and precision."""
    p, D, width = (113, 1532, 128) if device == "cuda" else (31, 150, 32)
    return [
        step.measure(
            modulus=p,
            examples=D,
            width=width,
            members=members,
            threads=2,
            rounds=5,
            device=device,
            engine="stacked",
            precision=precision,
        )
        for precision in precisions
        for members in ((1, 16, 64, 256, 512) if device == "cuda" else (1, 4))
    ]


def with_precision(run: RunSettings, precision: str) -> RunSettings:
    """Return a run, and all that it started from, in another precision."""
    start = None if run.start is None else with_precision(run.start, precision)
    network = run.network.model_copy(update={"precision": precision})
    return run.model_copy(update={"network": network, "start": start})


def trained(runs: list[RunSettings], device: str) -> list[dict[str, float]]:
    """Return the last measurements of runs and, trained before, of those they start from."""
    starts = {run.start for run in runs if run.start is not None}
    weights: dict[RunSettings, dict[str, np.ndarray]] = {}
    found: list[dict[str, float]] = [{}] * len(runs)
    for level in (list(starts), runs):
        for group in ensemble.pack(level, StackedEngine.most_examples(device)):
            members = [level[i] for i in group]
            given = [None if run.start is None else weights[run.start] for run in members]
            results = train(members, given, device, "stacked")
            for i, run, result in zip(group, members, results, strict=True):
                weights[run] = result.weights
                if level is runs:
                    found[i] = {name: float(result.history[name].iloc[-1]) for name in NUMBERS}
    return found


def precision_matters(device: str, other: str, size: Size) -> list[dict[str, Any]]:
    """Return how the numbers of ungrokking differ between float32 and another precision.

    Training amplifies rounding, so that single runs differ. What counts is whether they differ in
    one direction: the mean difference over the runs of one start network, with its t-interval over
    start networks.
    """
    runs = [run for run in find("ungrokking").settings(size) if run.start is not None]
    plain = trained(runs, device)
    changed = trained([with_precision(run, other) for run in runs], device)
    seeds = [run.start.init_seed for run in runs if run.start is not None]
    rows = []
    for name in NUMBERS:
        base, new = (np.array([numbers[name] for numbers in sweep]) for sweep in (plain, changed))
        by_seed = [
            float((new - base)[[s == seed for s in seeds]].mean()) for seed in dict.fromkeys(seeds)
        ]
        difference = t_interval(by_seed)
        rows.append(
            {
                "number": name,
                "mean_float32": float(base.mean()),
                f"mean_{other}": float(new.mean()),
                "difference": difference.value,
                "interval": [difference.low, difference.high],
                "start_networks": len(by_seed),
            }
        )
    return rows


def sweep(device: str, size: Size, store: Path) -> dict[str, Any]:
    """Return the time of an ungrokking sweep; the store stays, so that it can be judged."""
    documents = [run.document() for run in find("ungrokking").settings(size)]
    began = time.perf_counter()
    execution = execute(documents, Store(store), NetworkTrainer(device, "stacked"))
    return {
        "size": size,
        "runs": len(execution.trained),
        "already_there": execution.found,
        "seconds": time.perf_counter() - began,
        "store": str(store),
    }


def main() -> None:
    """Measure, and write it down as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.gpu")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--skip-paper", action="store_true", help="leave out the paper-size run")
    parser.add_argument("--out", type=Path, default=Path("report"))
    given = parser.parse_args()
    try:
        device = choose_device(given.device)
    except ValueError as error:
        parser.error(str(error))
    other = "tf32" if device == "cuda" else "float64"
    size: Size = "quick" if device == "cuda" else "smoke"
    given.out.mkdir(parents=True, exist_ok=True)
    documents = [run.document() for run in find("ungrokking").settings("smoke")]
    environment = NetworkTrainer(device, "stacked").environment(documents[:1])
    found: dict[str, Any] = {"environment": environment}
    for part, make in (
        ("speed", lambda: speed(device, ["float32", other])),
        ("precision", lambda: precision_matters(device, other, size)),
        ("sweep", lambda: sweep(device, size, given.out / f"store-{size}")),
        ("paper", lambda: sweep(device, "paper", given.out / "store-paper")),
    ):
        if part == "paper" and (given.skip_paper or device == "cpu"):
            continue
        found[part] = make()
        (given.out / "gpu.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
        print(part, json.dumps(found[part], indent=2), flush=True)
    step.report(found["speed"])


if __name__ == "__main__":
    main()
