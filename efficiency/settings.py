"""The complete, frozen description of one run.

A run is a network trained on D pairs of an operation's table. Everything that can change its
numbers beyond rounding is here and nothing else is: device, paths, workers and the other members of
an ensemble belong to the provenance of a run, not to its settings. Two runs with equal settings are
the same run; on the same machine they agree to the last bit, on a GPU if their ensembles are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from efficiency import operations, tasks

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Regime = Literal["natural", "memorising"]


class Settings(BaseModel):
    """Base of all settings: frozen, complete, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes, checked like settings made from scratch."""
        return type(self).model_validate({**dict(self), **(update or {})})


class TaskSettings(Settings):
    """A binary operation on a finite set.

    Args:
        operation: A name from ``efficiency.operations.OPERATIONS``.
        size: The modulus p, or n for an operation on the permutations of n things.
    """

    operation: str = "addition"
    size: int = 113

    @model_validator(mode="after")
    def _the_operation_is_defined_here(self) -> Self:
        operations.check(self.operation, self.size)
        return self


class NetworkSettings(Settings):
    """The one-layer decoder-only transformer of the paper (section 4).

    Args:
        architecture: A name from ``efficiency.models.ARCHITECTURES``.
        d_model: Width of the residual stream.
        num_heads: Attention heads; must divide ``d_model``.
        d_mlp: Hidden units of the MLP (ReLU, no LayerNorm; both assumed, the paper does not say).
        precision: Floating-point type of weights, activations and optimiser state. ``tf32`` is
            float32 whose matrix products round their factors to 11 significant bits; on a GPU only.
    """

    architecture: Literal["one-layer-transformer"] = "one-layer-transformer"
    d_model: int = Field(default=128, ge=1)
    num_heads: int = Field(default=4, ge=1)
    d_mlp: int = Field(default=512, ge=1)
    precision: Literal["float32", "tf32", "float64"] = "float32"

    @property
    def dtype(self) -> torch.dtype:
        """Return the type in which weights are kept."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.d_model % self.num_heads:
            divisors = [h for h in range(1, self.d_model + 1) if self.d_model % h == 0]
            raise ValueError(
                f"num_heads = {self.num_heads} does not divide d_model = {self.d_model}; "
                f"choose num_heads from {divisors}"
            )
        return self


class OptimiserSettings(Settings):
    """Full-batch AdamW with a warm-up, a plateau and a final decay of the learning rate.

    Args:
        learning_rate: The plateau η; the paper uses 1e-3.
        weight_decay: Decoupled decay λ: each step first multiplies the weights by 1 − ηλ.
        beta1: Decay of the first moment, in [0, 1).
        beta2: Decay of the second moment, in [0, 1); the paper uses 0.98.
        epsilon: Added to the root of the second moment.
        warmup_steps: Steps of linear rise from 0 to η. A continued run begins with empty moments,
            so that its first steps have the size of η whatever the gradient; the warm-up keeps
            them from damaging the network that it starts from.
        decay_fraction: Fraction of the run, at its end, over which η falls linearly to 0.
        norm_factor: If given, the weights are scaled at the beginning and after every update to
            ‖θ‖₂ = this times the norm that the run starts with, so that the loss alone is minimised
            at one norm (Liu et al. 2022, *Omnigrok*). Weight decay must then be 0: scaling would
            undo it.
    """

    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1.0, ge=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.98, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)
    warmup_steps: int = Field(default=10, ge=0)
    decay_fraction: float = Field(default=0.0, ge=0, le=1)
    norm_factor: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _decay_has_an_effect(self) -> Self:
        if self.norm_factor is not None and self.weight_decay != 0:
            raise ValueError(
                f"weight_decay = {self.weight_decay} is given with norm_factor = "
                f"{self.norm_factor}; scaling to a fixed norm would undo the decay: set "
                "weight_decay to 0, or leave out norm_factor"
            )
        return self


class RecordingSettings(Settings):
    """When a run is measured: step 0, then log-spaced steps, then evenly spaced ones to the end.

    Args:
        num_log: Log-spaced steps from 1 to ``num_steps``.
        num_even: Even steps; the last is ``num_steps``. At least 16, so that both halves of the
            tail (see ``efficiency.outcome``) are measured whatever the schedule.
    """

    num_log: int = Field(default=20, ge=0)
    num_even: int = Field(default=40, ge=16)


class RunSettings(Settings):
    """One run.

    Args:
        task: The operation and its size; its table has N pairs.
        network: The network that is trained.
        optimiser: How it is trained.
        regime: ``natural`` (true labels) or ``memorising`` (labels drawn at random once and fixed).
        dataset_size: D, the number of pairs trained on, 1 ≤ D ≤ N.
        data_seed: Decides which pairs. Sets of one seed are nested: a smaller D is a subset.
        label_seed: Decides the random labels; given if and only if the regime is memorising.
        init_seed: Decides the initial weights; given if and only if there is no ``start``.
        start: Settings of the run whose final weights this one starts from, if any.
        num_steps: Optimiser steps.
        loss: A name from ``efficiency.losses.LOSSES``.
        recording: When to measure.

    Raises:
        pydantic.ValidationError: (a ``ValueError``) a value is outside its range, a name is not
            known, or a setting would have no effect.
    """

    task: TaskSettings
    network: NetworkSettings = NetworkSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    regime: Regime = "natural"
    dataset_size: int
    data_seed: Seed
    label_seed: Seed | None = None
    init_seed: Seed | None = None
    start: RunSettings | None = None
    num_steps: int = Field(ge=1)
    loss: Literal["log-odds", "float64", "plain"] = "log-odds"
    recording: RecordingSettings = RecordingSettings()

    @model_validator(mode="after")
    def _dataset_fits_the_table(self) -> Self:
        num_pairs = tasks.num_pairs(self.task.operation, self.task.size)
        if not 1 <= self.dataset_size <= num_pairs:
            raise ValueError(
                f"dataset_size D = {self.dataset_size} is outside 1 … N = {num_pairs}, the number "
                f"of pairs in the table of {self.task.operation} at size {self.task.size}; "
                "choose D inside it"
            )
        return self

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> Self:
        if (self.label_seed is None) == (self.regime == "memorising"):
            given = "is missing" if self.label_seed is None else f"= {self.label_seed} is given"
            raise ValueError(
                f"label_seed {given} in the {self.regime} regime; the memorising regime needs one, "
                "in the natural regime it would have no effect"
            )
        if (self.init_seed is None) == (self.start is None):
            raise ValueError(
                "exactly one of init_seed and start must be given: a run either draws its initial "
                f"weights or takes them from another run (init_seed = {self.init_seed}, "
                f"start {'is' if self.start else 'is not'} given)"
            )
        return self

    @model_validator(mode="after")
    def _start_has_the_same_shape(self) -> Self:
        if self.start is not None:
            for name in ("task", "network"):
                if getattr(self, name) != getattr(self.start, name):
                    raise ValueError(
                        f"{name} differs from that of start ({getattr(self, name)!r} against "
                        f"{getattr(self.start, name)!r}); weights can only be continued in an "
                        "equal network on an equal table"
                    )
        return self

    def document(self) -> dict[str, Any]:
        """Return the settings as JSON types; ``from_document`` inverts it exactly."""
        return self.model_dump(mode="json")

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> RunSettings:
        """Return the settings that ``document`` describes.

        Raises:
            ValueError: The document does not describe a valid run.
        """
        return cls.model_validate(document)


def explain(error: ValidationError) -> str:
    """Return pydantic's complaints as one line each: field, what was given, what is allowed."""
    lines = []
    for complaint in error.errors(include_url=False):
        field = ".".join(str(part) for part in complaint["loc"])
        message = complaint["msg"].removeprefix("Value error, ")
        given = "" if complaint["type"] == "value_error" else f" (given: {complaint['input']!r})"
        lines.append(f"{field}: {message}{given}" if field else f"{message}{given}")
    return "\n".join(lines)
