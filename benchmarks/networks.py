"""Time a step of networks that are written down as layers: compiled code against tensor operations.

One thread each, as ensembles train side by side. At quick sizes (p = 31, width 32, K = 12) and at
that of Power et al. (2022): two layers of width 128, p = 97, half of the table of division.
Operations are those of the plain form, every position of every layer but the last; their rate
stands beside that of the machine's own large products.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from benchmarks import machine
from benchmarks.step import interleaved, product_step
from efficiency import cost
from efficiency.engines.memory import keep_what_is_freed
from efficiency.settings import (
    MLPSettings,
    NetworkSettings,
    OptimiserSettings,
    RunSettings,
    TaskSettings,
    TransformerSettings,
)
from efficiency.training.loop import Training

ENGINES = ("stacked", "layered")
_SMALL: dict[str, Any] = {"d_model": 32, "d_mlp": 128}

QUICK: dict[str, NetworkSettings] = {
    "two layers": TransformerSettings(**_SMALL),
    "three layers": TransformerSettings(**_SMALL, num_layers=3),
    "one layer, dropout": TransformerSettings(
        **_SMALL,
        num_layers=1,
        normalisation="none",
        biases=True,
        positions="learned",
        prompt="a b =",
        dropout=0.1,
    ),
    "two layers, dropout": TransformerSettings(**_SMALL, dropout=0.1),
    "MLP": MLPSettings(**_SMALL),
    "MLP, dropout": MLPSettings(**_SMALL, dropout=0.1),
}
WAYS: dict[str, tuple[int, dict[str, Any]]] = {
    "all of 303": (303, {}),
    "325 of 650": (650, {"batch_size": 325}),
    "weight noise": (303, {"weight_noise": 0.01}),
}
"""Examples and how they are trained on."""


def quick(network: NetworkSettings, way: str, seed: int) -> RunSettings:
    """Return a run at a quick size."""
    examples, choices = WAYS[way]
    return RunSettings(
        task=TaskSettings(operation="addition", size=31),
        network=network,
        optimiser=OptimiserSettings(**choices),
        dataset_size=examples,
        data_seed=seed,
        init_seed=seed,
        noise_seed=seed if choices or network.dropout_rate else None,
        num_steps=1_000_000,
    )


def power(seed: int, batch_size: int | None) -> RunSettings:
    """Return a run of Power et al.'s first figure, with weight decay."""
    return RunSettings(
        task=TaskSettings(operation="division", size=97),
        network=TransformerSettings(),
        optimiser=OptimiserSettings(batch_size=batch_size),
        dataset_size=97 * 96 // 2,
        data_seed=seed,
        init_seed=seed,
        noise_seed=None if batch_size is None else seed,
        num_steps=1_000_000,
    )


def main() -> None:
    """Print a line for each network and way to train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    keep_what_is_freed()
    torch.set_num_threads(1)
    print(machine.description())
    print(f"{'':34}   K | ms a step of K: stacked  layered   ratio | GFLOP/s  of products")
    for name, network in QUICK.items():
        for way in WAYS:
            runs = [quick(network, way, seed) for seed in range(12)]
            _print(f"{name}, {way}", runs, rounds)
    for members, batch in ((1, None), (1, 512), (4, 512)):
        runs = [power(seed, batch) for seed in range(members)]
        _print(f"Power et al., {batch or 'all'} of 4656", runs, rounds)


def _print(name: str, runs: list[RunSettings], rounds: int) -> None:
    engines = {one: Training(runs, [None] * len(runs), engine=one).engine for one in ENGINES}
    done = dict.fromkeys(ENGINES, 0)

    def stepper(one: str) -> Any:
        def steps(number: int) -> None:
            engines[one].advance(done[one], number)
            done[one] += number

        return steps

    products = product_step("cpu", "float32")
    timed = {**{one: stepper(one) for one in ENGINES}, "product": products}
    times = interleaved(timed, rounds, "cpu")
    rate = len(runs) * cost.flops_per_step(runs[0], "layered") / times["layered"] / 1e9
    limit = products.flops / times["product"] / 1e9  # type: ignore[attr-defined]
    print(
        f"{name:34} {len(runs):3} | {1e3 * times['stacked']:23.2f} {1e3 * times['layered']:8.2f} "
        f"{times['stacked'] / times['layered']:6.2f}× | {rate:7.1f} {rate / limit:11.0%}",
        flush=True,
    )


if __name__ == "__main__":
    main()
