"""How cost grows, and whether what is promised of time and memory holds.

Time by K, D and p; the shares of recording and checkpoints; peak memory against the budget that
ensembles were packed for; the time of a quick ungrokking run against its estimate.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import memory
from benchmarks.step import settings
from efficiency import cost
from efficiency.settings import RunSettings
from efficiency.training import ensemble
from efficiency.training.loop import Training
from efficiency.training.record_steps import recorded_steps
from predictions.registry import find
from predictions.trainer import NetworkTrainer
from runs import Store, estimated_seconds, execute, plan
from runs.execution.checkpoints import Workplace

# What varies, and everything else.
GROWTH = {
    "K": [(31, 150, 32, K) for K in (1, 2, 8, 32, 128, 512)],
    "D": [(59, D, 64, 2) for D in (50, 100, 200, 400, 800, 1600, 3200)],
    "p": [(p, p * p // 4, 64, 2) for p in (13, 23, 31, 59, 83, 113)],
}
TRAINED = ((31, 50, 32, 8), (31, 303, 32, 8), (59, 900, 64, 4), (113, 1532, 128, 2))
MEMBERS = (1, 2, 8, 32, 128, 512)


def seconds_of(action: Callable[[], object], enough: float = 0.3) -> float:
    """Return the median time of one call."""
    action()
    times: list[float] = []
    while sum(times) < enough or len(times) < 3:
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _training(modulus: int, examples: int, width: int, members: int) -> Training:
    runs = [settings(modulus, examples, width, seed) for seed in range(members)]
    return Training(runs, [None] * members)


def _seconds_per_step(training: Training, number: int = 10) -> float:
    each = seconds_of(lambda: training.engine.advance(0, number))
    return each / number / len(training.members)


def growth() -> list[dict[str, Any]]:
    """Return milliseconds per network-step as one size varies, and what the cost model says."""
    results = []
    for varied, configurations in GROWTH.items():
        for modulus, examples, width, members in configurations:
            training = _training(modulus, examples, width, members)
            run = training.members[0]
            number = 10 if modulus > 31 else 200
            modelled = cost.slowness() * cost.seconds([run]) / run.num_steps
            results.append(
                {
                    "varied": varied,
                    "modulus": modulus,
                    "examples": examples,
                    "width": width,
                    "members": members,
                    "engine_ms": 1e3 * _seconds_per_step(training, number),
                    "model_ms": 1e3 * modelled / min(torch.get_num_threads(), members),
                }
            )
    return results


def shares() -> list[dict[str, Any]]:
    """Return the shares of recording, in runs of 3,000 steps, and of checkpoints; one thread."""
    results = []
    torch.set_num_threads(1)  # as ensembles are trained side by side
    for modulus, examples, width, members in TRAINED:
        training = _training(modulus, examples, width, members)
        run = training.members[0].model_copy(update={"num_steps": 3000})
        records = len(recorded_steps(run.recording, run.num_steps))
        step = _seconds_per_step(training) * members * run.num_steps
        record = seconds_of(training.engine.measure) * records
        with tempfile.TemporaryDirectory() as folder:
            place = Workplace(Store(Path(folder) / "store"), [{"benchmark": True}])
            place.claim()
            state = training.state()
            checkpoint = seconds_of(lambda p=place, s=state: p.write(s))  # type: ignore[misc]
            place.release(finished=True)
        results.append(
            {
                "modulus": modulus,
                "examples": examples,
                "members": members,
                "recording_share": record / (record + step),
                "checkpoint_seconds": checkpoint,
                "checkpoint_share": checkpoint / (60 + checkpoint),
            }
        )
    return results


def memory_by_budget(
    modulus: int = 113, examples: int = 1532, width: int = 128
) -> list[dict[str, float]]:
    """Return the peak of an ensemble packed for a budget, by the number of members it allows."""
    results = []
    bare = memory.bare_bytes()
    for members in MEMBERS:
        runs = [settings(modulus, examples, width, seed) for seed in range(members + 1)]
        budget = bare + cost.group_bytes(runs[:members])

        def fits(group: Sequence[RunSettings], budget: float = budget) -> bool:
            return bare + cost.group_bytes(group) <= budget

        (first, *_) = ensemble.pack(runs, max_examples=10**9, fits=fits)
        peak = memory.peak_bytes([runs[i] for i in first], "cpu", "compiled", threads=1)
        results.append(
            {
                "members": len(first),
                "budget_mib": budget / 2**20,
                "peak_mib": (bare + peak) / 2**20,
                "ensemble_budget_mib": (budget - bare) / 2**20,
                "ensemble_peak_mib": peak / 2**20,
            }
        )
    return results


def estimate() -> dict[str, float]:
    """Return the estimated and the real time of a quick ungrokking run."""
    documents = [run.document() for run in find("ungrokking").settings("quick")]
    trainer = NetworkTrainer("cpu")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        estimated = estimated_seconds(plan(documents, store, trainer), trainer)
        took = execute(documents, store, trainer).seconds
    return {"estimated_seconds": estimated, "seconds": took, "error": estimated / took - 1}


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.growth")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(2)
    grown, shared, budgets, e = growth(), shares(), memory_by_budget(), estimate()
    if given.json:
        found = {"growth": grown, "shares": shared, "memory": budgets, "estimate": e}
        print(json.dumps(found, indent=2))
        return
    print("varied    p     D  width    K | ms per network-step, two threads: measured, cost model")
    for r in grown:
        print(
            f"{r['varied']:>6} {r['modulus']:4d} {r['examples']:5d} {r['width']:6d} "
            f"{r['members']:4d} | {r['engine_ms']:8.4f} {r['model_ms']:8.4f}"
        )
    print("\n   p     D    K | share of recording in 3,000 steps, of checkpoints every 60 s")
    for r in shared:
        print(
            f"{r['modulus']:4d} {r['examples']:5d} {r['members']:4d} | "
            f"{r['recording_share']:6.1%}   {r['checkpoint_share']:8.3%}"
        )
    print("\nMiB at p = 113, K | budget, peak: whole process | ensemble alone")
    for r in budgets:
        print(
            f"{r['members']:17.0f} | {r['budget_mib']:6.0f} {r['peak_mib']:6.0f} "
            f"{r['peak_mib'] / r['budget_mib'] - 1:+7.1%}      | "
            f"{r['ensemble_budget_mib']:6.0f} {r['ensemble_peak_mib']:6.0f}"
        )
    verdict = "within" if abs(e["error"]) <= 0.3 else "BEYOND"
    print(
        f"\nquick ungrokking: estimated {e['estimated_seconds']:.1f} s, took {e['seconds']:.1f} s "
        f"({e['error']:+.0%}, {verdict} 30%)"
    )


if __name__ == "__main__":
    main()
