"""Time one network-step of the engine against a plain textbook step, interleaved in one run.

Textbook: one network, three positions, logits from autograd, cross-entropy in float64, torch's
AdamW. Engine: K networks stacked in table form. The machine's own large matrix product says how
fast the machine was while both were timed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from efficiency import cost, models
from efficiency.ensemble import initial_weights, stack_data
from efficiency.settings import NetworkSettings, OptimiserSettings, RunSettings, TaskSettings
from efficiency.training import Training


def settings(modulus: int, examples: int, width: int, seed: int) -> RunSettings:
    """Return a run of the given size with the paper's optimiser."""
    return RunSettings(
        task=TaskSettings(operation="addition", size=modulus),
        network=NetworkSettings(d_model=width, num_heads=4, d_mlp=4 * width),
        optimiser=OptimiserSettings(learning_rate=1e-3, weight_decay=1.0),
        dataset_size=examples,
        data_seed=seed,
        init_seed=seed,
        num_steps=1_000_000,
    )


def textbook_step(run: RunSettings) -> Callable[[], None]:
    """Return one full-batch step of one network, written as one would without a second thought."""
    network = models.network(run.task, run.network)
    network.load_state_dict(initial_weights(run))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=1)
    data = stack_data([run], torch.device("cpu"))
    equals = torch.full_like(data.left_KD[0], run.task.size)
    tokens_D3 = torch.stack([data.left_KD[0], data.right_KD[0], equals], dim=-1)

    def step() -> None:
        optimiser.zero_grad()
        loss = F.cross_entropy(network(tokens_D3).double(), data.labels_KD[0])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def engine_step(runs: list[RunSettings]) -> Callable[[], None]:
    """Return one step of an ensemble."""
    training = Training(runs, [None] * len(runs))
    return lambda: training.advance(1)


def matmul_gflops(size: int = 2048) -> float:
    """Return the rate of a large float32 matrix product, in 1e9 operations per second."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    began = time.perf_counter()
    for _ in range(4):
        left @ right
    return 4 * 2 * size**3 / (time.perf_counter() - began) / 1e9


def interleaved(steps: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each step, taken in turns so that noise hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    repeats = {}
    for name, step in steps.items():
        for _ in range(5):
            step()
        began = time.perf_counter()
        step()
        repeats[name] = max(1, int(0.2 / (time.perf_counter() - began)))
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            for _ in range(repeats[name]):
                step()
            times[name].append((time.perf_counter() - began) / repeats[name])
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


def measure(
    *, modulus: int, examples: int, width: int, members: int, threads: int, rounds: int
) -> dict[str, float]:
    """Return the times and rates of one configuration."""
    torch.set_num_threads(threads)
    runs = [settings(modulus, examples, width, seed) for seed in range(members)]
    before = matmul_gflops()
    times = interleaved({"textbook": textbook_step(runs[0]), "engine": engine_step(runs)}, rounds)
    rate = float(np.mean([before, matmul_gflops()]))
    engine_ms = times["engine"] / members
    gflop = cost.flops_per_step(runs[0]) / 1e9
    return {
        "modulus": modulus,
        "examples": examples,
        "width": width,
        "members": members,
        "threads": threads,
        "textbook_ms": times["textbook"],
        "engine_ms": engine_ms,
        "speedup": times["textbook"] / engine_ms,
        "gflop_per_step": gflop,
        "matmul_gflops": rate,
        "fraction_of_matmul": gflop / (engine_ms / 1e3) / rate,
    }


def main() -> None:
    """Print the times, a line for each configuration."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.step")
    parser.add_argument("--modulus", type=int)
    parser.add_argument("--examples", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--members", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    one = (given.modulus, given.examples, given.width, given.members)
    if any(one) and not all(one):
        parser.error("give all of --modulus, --examples, --width and --members, or none of them")
    configurations = (
        [one] if all(one) else [(113, 3830, 128, 2), (113, 1532, 128, 8), (31, 150, 32, 12)]
    )
    results = [
        measure(
            modulus=modulus,
            examples=examples,
            width=width,
            members=members,
            threads=given.threads,
            rounds=given.rounds,
        )
        for modulus, examples, width, members in configurations
    ]
    if given.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'p':>4} {'D':>5} {'width':>5} {'K':>3} | ms per network-step: textbook  engine  ratio")
    for r in results:
        print(
            f"{r['modulus']:4.0f} {r['examples']:5.0f} {r['width']:5.0f} {r['members']:3.0f} | "
            f"{r['textbook_ms']:29.2f} {r['engine_ms']:7.2f} {r['speedup']:6.1f}   "
            f"({r['fraction_of_matmul']:.0%} of the machine's {r['matmul_gflops']:.0f} GFLOP/s)"
        )


if __name__ == "__main__":
    main()
