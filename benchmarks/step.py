"""Time one network-step of the engine against a plain textbook step, interleaved in one run.

(a) Textbook: one network, three positions, logits from autograd, cross-entropy in float64, torch's
AdamW. (b) Engine: K networks, as `efficiency.train` trains them. (c) The machine's own large
matrix product in the same precision says how fast the machine was while both were timed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import machine, memory
from efficiency import cost, engines, networks
from efficiency.settings import (
    OneLayerTransformerSettings,
    OptimiserSettings,
    RunSettings,
    TaskSettings,
)
from efficiency.training.ensemble import initial_weights, stack_data
from efficiency.training.loop import Training

CONFIGURATIONS = ((113, 3830, 128, 2), (113, 1532, 128, 8), (41, 200, 48, 32), (31, 150, 32, 12))


def settings(
    modulus: int, examples: int, width: int, seed: int, precision: str = "float32"
) -> RunSettings:
    """Return a run of the given size with the paper's optimiser."""
    return RunSettings(
        task=TaskSettings(operation="addition", size=modulus),
        network=OneLayerTransformerSettings.model_validate(
            {"d_model": width, "num_heads": 4, "d_mlp": 4 * width, "precision": precision}
        ),
        optimiser=OptimiserSettings(learning_rate=1e-3, weight_decay=1.0),
        dataset_size=examples,
        data_seed=seed,
        init_seed=seed,
        num_steps=1_000_000,
    )


def textbook_step(
    run: RunSettings, device: str, weights: Mapping[str, Tensor] | None = None
) -> Callable[[int], None]:
    """Return full-batch steps of one network, written as one would without a second thought.

    Args:
        run: Its settings.
        device: Where it trains.
        weights: What it begins with; fresh ones unless given.
    """
    network = networks.network(run.task, run.network).to(device)
    network.load_state_dict(initial_weights(run) if weights is None else dict(weights))
    o = run.optimiser
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=o.learning_rate, betas=(0.9, 0.98), weight_decay=o.weight_decay
    )
    data = stack_data([run], torch.device(device))
    prompt = ("a", "b", run.task.num_classes)
    tokens_D3 = networks.tokens(prompt, *data.inputs_KDI[0].unbind(-1))

    def steps(number: int) -> None:
        for _ in range(number):
            optimiser.zero_grad()
            loss = F.cross_entropy(network(tokens_D3).double(), data.labels_KDA[0, :, 0])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    return steps


def product_step(device: str, precision: str, size: int = 2048) -> Callable[[int], None]:
    """Return large matrix products; on a GPU batched ones, as the engine's are."""
    batch = 16 if device == "cuda" else 1
    dtype = torch.float64 if precision == "float64" else torch.float32
    left, right = (torch.randn(batch, size, size, device=device, dtype=dtype) for _ in range(2))
    result = torch.empty_like(left)

    def products(number: int) -> None:
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        for _ in range(number):
            torch.bmm(left, right, out=result)

    products.flops = 2.0 * batch * size**3  # type: ignore[attr-defined]
    return products


def interleaved(
    steps: dict[str, Callable[[int], None]], rounds: int, device: str, seconds: float = 0.3
) -> dict[str, float]:
    """Return the median seconds of one of each, taken in turns so that noise hits all alike."""

    def timed(step: Callable[[int], None], number: int) -> float:
        _wait(device)
        began = time.perf_counter()
        step(number)
        _wait(device)
        return (time.perf_counter() - began) / number

    repeats, times = {}, {}
    for name, step in steps.items():
        step(3)
        repeats[name] = max(1, int(seconds / timed(step, 2)))
        times[name] = [0.0] * 0
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(timed(step, repeats[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def measure(
    *,
    modulus: int,
    examples: int,
    width: int,
    members: int,
    threads: int,
    rounds: int,
    device: str = "cpu",
    engine: str = "auto",
    precision: str = "float32",
) -> dict[str, Any]:
    """Return the times and rates of one configuration."""
    torch.set_num_threads(threads)
    runs = [settings(modulus, examples, width, seed, precision) for seed in range(members)]
    training = Training(runs, [None] * members, device, engine)
    # No recording between: what that costs is measured apart.
    advance = training.engine.advance
    done = 0

    def engine_steps(number: int) -> None:
        nonlocal done
        advance(done, number)
        done += number

    product = product_step(device, precision)
    times = interleaved(
        {
            "textbook": textbook_step(runs[0], device),
            "engine": engine_steps,
            "product": product,
        },
        rounds,
        device,
    )
    each = times["engine"] / members
    rate = product.flops / times["product"]  # type: ignore[attr-defined]
    flops = cost.flops_per_step(runs[0], training.engine_name)
    return {
        "modulus": modulus,
        "examples": examples,
        "width": width,
        "members": members,
        "threads": threads,
        "device": device,
        "precision": precision,
        "engine": training.engine_name,
        "textbook_ms": 1e3 * times["textbook"],
        "engine_ms": 1e3 * each,
        "speedup": times["textbook"] / each,
        "textbook_over_product": times["textbook"] * rate / flops,
        "gflop_per_step": flops / 1e9,
        "matmul_gflops": rate / 1e9,
        "fraction_of_matmul": flops / each / rate,
        "peak_mib": memory.peak_bytes(runs, device, training.engine_name, threads) / 2**20,
    }


def report(results: list[dict[str, Any]]) -> None:
    """Print results, a line for each."""
    print(machine.description())
    print("   p     D  width    K | ms per network-step            | operations, share | peak")
    print("                       | textbook  engine         ratio | of matrix product | MiB")
    for r in results:
        print(
            f"{r['modulus']:4d} {r['examples']:5d} {r['width']:6d} {r['members']:4d} | "
            f"{r['textbook_ms']:8.2f} {r['engine_ms']:7.3f} {r['speedup']:12.1f}× | "
            f"{r['gflop_per_step']:6.3f} G {r['fraction_of_matmul']:9.0%} | {r['peak_mib']:5.0f}"
        )
    rates = ", ".join(f"{r['matmul_gflops']:.0f}" for r in results)
    first = results[0]
    print(
        f"engine: {first['engine']}; {first['threads']} threads, {first['device']}, "
        f"{first['precision']}; matrix product meanwhile: {rates} GFLOP/s"
    )


def main() -> None:
    """Print the times, a line for each configuration."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.step")
    for name, meaning in (
        ("modulus", "p"),
        ("examples", "D, the number of training examples"),
        ("width", "d_model; the hidden layer is four times as wide"),
        ("members", "K, the number of networks trained together"),
    ):
        parser.add_argument(f"--{name}", type=_positive, help=meaning)
    parser.add_argument("--threads", type=_positive, default=2)
    parser.add_argument("--rounds", type=_positive, default=5)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--engine", choices=["auto", *engines.ENGINES], default="auto")
    parser.add_argument("--precision", choices=["float32", "tf32", "float64"], default="float32")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    one = (given.modulus, given.examples, given.width, given.members)
    if any(one) and not all(one):
        parser.error("give all of --modulus, --examples, --width and --members, or none of them")
    try:
        results = [
            measure(
                modulus=modulus,
                examples=examples,
                width=width,
                members=members,
                threads=given.threads,
                rounds=given.rounds,
                device=given.device,
                engine=given.engine,
                precision=given.precision,
            )
            for modulus, examples, width, members in ([one] if all(one) else CONFIGURATIONS)
        ]
    except ValueError as error:
        parser.error(str(error))
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        report(results)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


if __name__ == "__main__":
    main()
