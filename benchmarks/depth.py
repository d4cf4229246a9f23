"""Time a step of the two-layer transformer of Power et al. (2022) against the machine's products.

p = 97, half of the table of division: all of it at every step, and minibatches of 512. Operations
are those of the plain form, every position of every layer but the last.
"""

from __future__ import annotations

import argparse

from benchmarks.step import interleaved, product_step
from efficiency import cost
from efficiency.engines.memory import keep_what_is_freed
from efficiency.settings import OptimiserSettings, RunSettings, TaskSettings, TransformerSettings
from efficiency.training import Training

CONFIGURATIONS = ((1, None), (2, None), (1, 512), (4, 512), (8, 512))


def settings(seed: int, batch_size: int | None) -> RunSettings:
    """Return a run of their first figure, with weight decay."""
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
    """Print a line for each configuration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    keep_what_is_freed()
    print("members  batch  ms/step  GFLOP/s  products  share")
    for members, batch in CONFIGURATIONS:
        runs = [settings(seed, batch) for seed in range(members)]
        engine = Training(runs, [None] * members).engine
        done = 0

        def steps(number: int) -> None:
            nonlocal done
            engine.advance(done, number)  # noqa: B023
            done += number

        products = product_step("cpu", "float32")
        times = interleaved({"step": steps, "product": products}, rounds, "cpu")
        rate = members * cost.flops_per_step(runs[0], "stacked") / times["step"] / 1e9
        limit = products.flops / times["product"] / 1e9  # type: ignore[attr-defined]
        print(
            f"{members:7}  {batch or 'all':>5}  {1e3 * times['step']:7.1f}  {rate:7.1f}  "
            f"{limit:8.1f}  {rate / limit:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
