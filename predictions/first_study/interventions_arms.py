"""The interventions of the first study, and the runs that try them (Power et al. 2022, A.1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from efficiency.settings import (
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskSettings,
    TransformerSettings,
)
from predictions.sizes import Size

WEIGHT_DECAY, BASELINE = "weight decay", "Adam"
"""The arm that the claim is about, and the one without any intervention."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One intervention: what differs from Adam on minibatches of half the examples, no decay.

    Attributes:
        optimiser: Fields of ``OptimiserSettings``.
        rate: Learning rate as a multiple of the usual one.
        dropout: Share of the MLP's output that is dropped.
        whole: Whether every step takes all examples.
    """

    optimiser: Mapping[str, Any]
    rate: float = 1.0
    dropout: float = 0.0
    whole: bool = False


ARMS: dict[str, Arm] = {
    BASELINE: Arm(optimiser={}),
    WEIGHT_DECAY: Arm(optimiser={"weight_decay": 1.0}),
    "decay towards the start": Arm(optimiser={"weight_decay": 1.0, "decay_target": "initial"}),
    "full batch": Arm(optimiser={}, whole=True),
    "learning rate / 3": Arm(optimiser={}, rate=1 / 3),
    "learning rate x 3": Arm(optimiser={}, rate=3.0),
    "dropout": Arm(optimiser={}, dropout=0.1),
    "weight noise": Arm(optimiser={"weight_noise": 0.01}),
    "update noise": Arm(optimiser={"update_noise": 1.0}),
}
"""Strengths as in the paper (A.1.2), but for update noise, whose own it does not give."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size.

    Attributes:
        task: The operation.
        network: The network.
        dataset_size: D.
        batch_size: B of the arms with minibatches, at most 512 and D/2 as in the paper.
        learning_rate: η.
        num_steps: The budget.
        num_seeds: Seeds of every arm.
    """

    task: TaskSettings
    network: TransformerSettings
    dataset_size: int
    batch_size: int
    learning_rate: float
    num_steps: int
    num_seeds: int


def in_words(name: str) -> str:
    """Return an arm with its strength."""
    arm = ARMS[name]
    strengths = [
        f"{word} {arm.optimiser[field]:g}"
        for field, word in (
            ("weight_decay", "λ ="),
            ("weight_noise", "σ ="),
            ("update_noise", "σ ="),
        )
        if field in arm.optimiser
    ]
    strengths += [f"{arm.dropout:g} of activations"] if arm.dropout else []
    return f"{name}, {', '.join(strengths)}" if strengths else name


def _one_layer(d_model: int, num_heads: int) -> TransformerSettings:
    """Return the theory's one-layer network, which can drop as well."""
    return TransformerSettings(
        d_model=d_model,
        num_heads=num_heads,
        d_mlp=4 * d_model,
        num_layers=1,
        normalisation="none",
        biases=True,
        positions="learned",
        prompt="a b =",
    )


def _division(modulus: int) -> TaskSettings:
    return TaskSettings(operation="division", size=modulus)


DESIGNS: dict[Size, Design] = {
    "smoke": Design(
        task=_division(7),
        network=_one_layer(8, 2),
        dataset_size=30,
        batch_size=15,
        learning_rate=1e-2,
        num_steps=60,
        num_seeds=2,
    ),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Design(
        task=_division(31),
        network=_one_layer(32, 4),
        dataset_size=650,
        batch_size=325,
        learning_rate=4e-3,
        num_steps=5000,
        num_seeds=10,
    ),
    # A guess, not tried.
    "standard": Design(
        task=_division(59),
        network=_one_layer(64, 4),
        dataset_size=1900,
        batch_size=512,
        learning_rate=2e-3,
        num_steps=20_000,
        num_seeds=10,
    ),
    # Their network and training; they used several operations and the S₅ product first.
    "paper": Design(
        task=_division(97),
        network=TransformerSettings(),
        dataset_size=4656,
        batch_size=512,
        learning_rate=1e-3,
        num_steps=100_000,
        num_seeds=7,
    ),
}


def run_of(design: Design, name: str, seed: int) -> RunSettings:
    """Return the run of an arm and a seed; runs of a seed share data, start and draws."""
    arm = ARMS[name]
    given = {"weight_decay": 0.0, "warmup_steps": 10, **arm.optimiser}
    optimiser = OptimiserSettings(
        learning_rate=design.learning_rate * arm.rate,
        batch_size=None if arm.whole else design.batch_size,
        **given,
    )
    random = optimiser.is_random or arm.dropout > 0
    return RunSettings(
        task=design.task,
        network=design.network.model_copy(update={"dropout": arm.dropout}),
        optimiser=optimiser,
        dataset_size=design.dataset_size,
        data_seed=seed,
        init_seed=seed,
        noise_seed=seed if random else None,
        num_steps=design.num_steps,
        recording=RecordingSettings(num_log=40, num_even=100),
    )
