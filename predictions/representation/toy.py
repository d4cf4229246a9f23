"""The toy that all claims about representations share: addition of whole numbers, a sum decoder.

Liu et al. 2022, *Towards understanding grokking: an effective theory of representation learning*
(arXiv 2205.10343), section 2, with learning rates, initial weights and targets as in their code.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from efficiency.analysis import parallelograms
from efficiency.operations import IntArray
from efficiency.settings import (
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    SumDecoderSettings,
    TaskBase,
    WholeNumberAdditionSettings,
)
from efficiency.training.ensemble import initial_weights
from predictions.cells import Run
from predictions.sizes import Size

FOUND = 0.95
"""Share of parallelograms from which on embeddings count as a line (their RQI > 0.95)."""

EMBEDDING_RATE = 1e-3
"""η of the embeddings, and of the decoder of a network that is continued."""

DECODER_RATE = 1e-4
"""η of the decoder of a network from scratch."""

WARMUP_STEPS = 10

MEASURES = ("parallelograms", "parallelograms-read", "known-answer")

LINE = (
    f"Embeddings count as a line if they close at least {FOUND:.0%} of all parallelograms at the "
    "end (median of the last quarter of learning time)."
)
"""What rules say of it."""

ASSUMPTIONS = (
    "The line is E_k = e + kd: embeddings of 0, 1, 2, … at equal distances in their order. Four of "
    "them close a parallelogram if E_i + E_n − E_j − E_m, where i + n = j + m, is less than a "
    "tenth of the standard deviation of all.",
    "The toy is theirs but for these: targets are the same in all networks, so that all that is "
    "said is of one draw of them; every step takes all examples, theirs 45 at most; η rises over "
    f"the first {WARMUP_STEPS} steps; and at the sizes smoke and quick the decoder is narrower "
    "(theirs has two layers of 200 units).",
    "A seed decides data and initial weights together: seeds are independent, runs of one are not.",
)


@dataclass(frozen=True, kw_only=True)
class Toy:
    """One size.

    Attributes:
        operands: p.
        width: Units of a hidden layer.
        outputs: Numbers that are compared with targets.
    """

    operands: int
    width: int
    outputs: int

    @property
    def task(self) -> WholeNumberAdditionSettings:
        """What is learned."""
        return WholeNumberAdditionSettings(size=self.operands)

    def describe(self) -> str:
        """Return task and network in a phrase."""
        return (
            f"Whole numbers below {self.operands}, {self.task.num_examples} pairs; one number as "
            f"embedding, a decoder of two layers of {self.width} units and {self.outputs} outputs, "
            "squared error to a random target for each sum"
        )

    def run(
        self,
        dataset_size: int,
        seed: int,
        num_steps: int,
        *,
        learning_rate: float = DECODER_RATE,
        weight_decay: float = 0.0,
        embedding_weight_decay: float | None = None,
        start: RunSettings | None = None,
    ) -> RunSettings:
        """Return a run; those of one seed share data and initial weights.

        Args:
            dataset_size: D.
            seed: Of data and initial weights.
            num_steps: Its length.
            learning_rate: η of the decoder.
            weight_decay: λ.
            embedding_weight_decay: λ of the embeddings, if another.
            start: What it continues, if anything.
        """
        return RunSettings(
            task=self.task,
            network=SumDecoderSettings(d_mlp=self.width, num_outputs=self.outputs),
            optimiser=OptimiserSettings(
                learning_rate=learning_rate,
                embedding_learning_rate=EMBEDDING_RATE,
                weight_decay=weight_decay,
                embedding_weight_decay=embedding_weight_decay,
                beta2=0.999,
                warmup_steps=WARMUP_STEPS,
            ),
            dataset_size=dataset_size,
            data_seed=seed,
            init_seed=seed if start is None else None,
            start=start,
            num_steps=num_steps,
            loss="squared-error",
            recording=RecordingSettings(num_log=40, num_even=100, measures=MEASURES),
        )


TOYS: dict[Size, Toy] = {
    "smoke": Toy(operands=5, width=16, outputs=8),
    "quick": Toy(operands=10, width=100, outputs=30),
    "standard": Toy(operands=10, width=200, outputs=30),
    "paper": Toy(operands=10, width=200, outputs=30),
}


def is_line(run: Run) -> bool:
    """Return whether a network's embeddings are a line at the end; never if it diverged."""
    return (run.found("parallelograms") or 0.0) >= FOUND


def is_line_where_read(run: Run) -> bool:
    """Return the same of the embeddings of those operands that its examples have."""
    return (run.found("parallelograms_read") or 0.0) >= FOUND


@functools.lru_cache(maxsize=4096)
def determined(task: TaskBase, data_seed: int) -> int:
    """Return the smallest D at which the examples of a seed leave nothing but a line (n₀ = 2)."""
    order, _ = task.split(task.num_examples, data_seed)
    found = parallelograms.first_determined(
        task.inputs[order], task.targets[order, 0], task.num_tokens
    )
    assert found is not None, "all pairs leave a line"
    return found


@functools.lru_cache(maxsize=4096)
def determined_where_read(task: TaskBase, data_seed: int) -> int:
    """Return D from which on examples leave a line and nothing else to the operands they have."""
    order, _ = task.split(task.num_examples, data_seed)
    pairs, answers = task.inputs[order], task.targets[order, 0]
    V, left = task.num_tokens, 0
    for D in range(1, task.num_examples + 1):
        unread = V - len(np.unique(pairs[:D]))
        if parallelograms.nullity(pairs[:D], answers[:D], V) - unread > parallelograms.NUM_FREE:
            left = D
    return left + 1


def slowest_rate(run: RunSettings) -> float:
    """Return λ₃ of the examples that a run is trained on, 0 where they leave more than a line."""
    return parallelograms.slowest_rate(*_examples(run), run.task.num_tokens)


@functools.lru_cache(maxsize=4096)
def flow_time(run: RunSettings) -> float:
    """Return when the first embeddings of a run are a line by the effective theory alone."""
    first = initial_weights(run)["W_E"][:, 0].double().numpy()
    return parallelograms.flow_time(first, *_examples(run), closed=FOUND)


def _examples(run: RunSettings) -> tuple[IntArray, IntArray]:
    """Return the pairs that a run is trained on, and their sums."""
    trained, _ = run.task.split(run.dataset_size, run.data_seed)
    return run.task.inputs[trained], run.task.targets[trained, 0]


def step_found(run: Run) -> float:
    """Return the first recorded step from which embeddings are a line, infinite if none is."""
    history = run.history
    there = history["parallelograms"].to_numpy() >= FOUND
    return float(history["step"].to_numpy()[int(np.argmax(there))]) if there.any() else float("inf")
