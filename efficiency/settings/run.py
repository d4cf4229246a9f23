"""The complete, frozen description of one run.

A run is a network trained on D of the N examples of a task, pairs of an operation's table say.
Everything that can change its numbers beyond rounding is here and nothing else is: device, paths,
workers and the other members of an ensemble belong to the provenance of a run, not to its settings.
Two runs with equal settings are the same run; compiled for one instruction set by one compiler they
agree to the last bit, and on a GPU if their ensembles are equal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from efficiency.errors import InvalidInputError
from efficiency.settings.base import Seed, Settings, absent
from efficiency.settings.networks import (
    NETWORK_SETTINGS,
    NetworkBase,
    NetworkSettings,
    OneLayerTransformerSettings,
)
from efficiency.settings.optimiser import OptimiserSettings
from efficiency.settings.task import AnyTask, TaskSettings

Step = Annotated[int, Field(ge=0)]
"""Updates made."""

Regime = Literal["natural", "memorising", "mirrored", "corrupted"]


class RecordingSettings(Settings):
    """When a run is measured: step 0, then log-spaced steps, then evenly spaced ones to the end.

    Args:
        num_log: Log-spaced steps from 1 to ``num_steps``.
        num_even: Even steps; the last is ``num_steps``. At least 16, so that both halves of the
            tail (see ``efficiency.training.outcome``) are measured whatever the schedule.
        measures: What is recorded beside the usual quantities: names from
            ``efficiency.measures.MEASURES``, or ``mymodule:function``.
        snapshots: When all weights are kept: at the ``log`` or the ``even`` steps, with the first
            and the last, or at a list of steps, which are measured too.
        most_examples: How many of the examples trained on, and of all others, are measured at
            most, for tasks with more of them than measuring has time for: those in even distances
            of the order in which examples are chosen. Left out, all are. A part of few examples
            (see ``efficiency.measurements.PARTS``) may be missed.
    """

    num_log: int = Field(default=20, ge=0)
    num_even: int = Field(default=40, ge=16)
    measures: tuple[str, ...] | None = Field(default=None, exclude_if=absent, min_length=1)
    snapshots: Literal["log", "even"] | Annotated[tuple[Step, ...], Field(min_length=1)] | None = (
        Field(default=None, exclude_if=absent)
    )
    most_examples: int | None = Field(default=None, exclude_if=absent, ge=16)

    @field_validator("measures")
    @classmethod
    def _are_known(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from efficiency.measures import MEASURES  # noqa: PLC0415 - it needs settings itself

        for name in names or ():
            MEASURES.find(name)
        if names is not None and len(set(names)) < len(names):
            raise InvalidInputError(f"measures has a name twice: {', '.join(names)}")
        return names

    @field_validator("snapshots")
    @classmethod
    def _in_order(cls, asked: str | tuple[int, ...] | None) -> str | tuple[int, ...] | None:
        # The same steps are the same run.
        return tuple(sorted(set(asked))) if isinstance(asked, tuple) else asked


def usual_training(network: NetworkBase) -> dict[str, Any]:
    """Return the optimiser and the loss of a network that is asked for nothing in particular."""
    if network.solved:
        return {
            "optimiser": OptimiserSettings(method="least-squares"),
            "loss": "squared-error",
        }
    return {"optimiser": OptimiserSettings(), "loss": "log-odds"}


class RunSettings(Settings):
    """One run.

    Args:
        task: What is learned, an operation and its size say; it has N examples.
        network: The network that is trained.
        optimiser: How it is trained.
        regime: ``natural`` (true labels), ``memorising`` (labels drawn at random once and fixed),
            ``mirrored`` (the same, but (a, b) and (b, a) share theirs: the fair comparator where
            the operation commutes, because true labels then say as little twice) or ``corrupted``
            (a given number of training examples have a wrong label, fixed; pairs that are not
            trained on keep the true one).
        dataset_size: D, the number of examples trained on, 1 ≤ D ≤ N.
        data_seed: Decides which examples. Sets of one seed are nested: a smaller D is a subset.
        label_seed: Decides the random or wrong labels; given unless the regime is natural.
        num_corrupted: Training examples with a wrong label, 1 ≤ k ≤ D; given if and only if the
            regime is corrupted.
        init_seed: Decides the initial weights; given if and only if there is no ``start`` and no
            ``given``.
        noise_seed: Decides minibatches, dropout and noise; given if and only if there is any.
        start: Settings of the run whose final weights this one starts from, if any.
        given: What stands for weights that were trained elsewhere and that this one starts from, if
            any: see ``runs.given``.
        num_steps: Optimiser steps.
        loss: A name from ``efficiency.LOSSES``, what is trained by. What is recorded as
            ``train_loss`` and read off logits is of softmax for all of them; ``train_loss_peak``
            is of the loss that is trained by.
        recording: When to measure.

    Raises:
        pydantic.ValidationError: (a ``ValueError``) a value is outside its range, a name is not
            known, or a setting would have no effect.
    """

    task: AnyTask
    network: NetworkSettings = OneLayerTransformerSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    regime: Regime = "natural"
    dataset_size: int
    data_seed: Seed
    label_seed: Seed | None = None
    num_corrupted: int | None = Field(default=None, exclude_if=absent)
    init_seed: Seed | None = None
    noise_seed: Seed | None = Field(default=None, exclude_if=absent)
    start: RunSettings | None = None
    given: str | None = Field(default=None, exclude_if=absent, pattern="^[0-9a-f]{32}$")
    num_steps: int = Field(ge=1)
    loss: Literal["log-odds", "float64", "plain", "stablemax", "squared-error"] = "log-odds"
    recording: RecordingSettings = RecordingSettings()

    @model_validator(mode="after")
    def _dataset_fits_the_task(self) -> Self:
        num_examples = self.task.num_examples
        if not 1 <= self.dataset_size <= num_examples:
            raise InvalidInputError(
                f"dataset_size D = {self.dataset_size} is outside 1 … N = {num_examples}, the "
                f"number of examples of {self.task.words}; choose D inside it"
            )
        return self

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> Self:
        if (self.label_seed is None) != (self.regime == "natural"):
            given = "is missing" if self.label_seed is None else f"= {self.label_seed} is given"
            raise InvalidInputError(
                f"label_seed {given} in the {self.regime} regime; all regimes but the "
                "natural one need one, and there it would have no effect"
            )
        if (self.num_corrupted is None) == (self.regime == "corrupted"):
            raise InvalidInputError(
                f"num_corrupted = {self.num_corrupted} in the {self.regime} regime; the corrupted "
                "regime needs a number, elsewhere it would have no effect"
            )
        if self.num_corrupted is not None and not 1 <= self.num_corrupted <= self.dataset_size:
            raise InvalidInputError(
                f"num_corrupted = {self.num_corrupted} is outside 1 … D = {self.dataset_size}"
            )
        if (self.noise_seed is None) == self.is_random:
            raise InvalidInputError(
                f"noise_seed = {self.noise_seed}, and the run has "
                f"{'some' if self.is_random else 'none'} of batch_size, dropout, update_noise and "
                "weight_noise; give a noise_seed if and only if it has one of them"
            )
        batch = self.optimiser.batch_size
        if batch is not None and batch >= self.dataset_size:
            raise InvalidInputError(
                f"batch_size = {batch} is not below D = {self.dataset_size}; leave it out to take "
                "all examples at every step"
            )
        beginnings = (self.init_seed, self.start, self.given)
        if sum(one is not None for one in beginnings) != 1:
            raise InvalidInputError(
                "exactly one of init_seed, start and given must be given: a run draws its initial "
                "weights, takes them from another run, or is handed them (init_seed = "
                f"{self.init_seed}, start {'is' if self.start else 'is not'} given, given = "
                f"{self.given})"
            )
        return self

    @model_validator(mode="after")
    def _snapshots_lie_within_the_run(self) -> Self:
        asked = self.recording.snapshots
        if isinstance(asked, tuple) and max(asked) > self.num_steps:
            raise InvalidInputError(
                f"snapshots = {list(asked)} go beyond the {self.num_steps} steps of the run; "
                "choose steps from 0 to that"
            )
        return self

    @model_validator(mode="after")
    def _start_has_the_same_shape(self) -> Self:
        if self.start is not None:
            goes_on = {
                "task": self.task.continues(self.start.task),
                "network": self.network == self.start.network,
            }
            for name, does in goes_on.items():
                if not does:
                    raise InvalidInputError(
                        f"{name} differs from that of start ({getattr(self, name)!r} against "
                        f"{getattr(self.start, name)!r}); weights can only be continued in an "
                        "equal network on an equal task"
                    )
        return self

    @model_validator(mode="after")
    def _mirrored_labels_have_mirror_images(self) -> Self:
        if self.regime == "mirrored" and not self.task.has_mirrors:
            raise InvalidInputError(
                f"the regime mirrored gives (a, b) and (b, a) one label; {self.task.words} "
                "does not commute: choose the memorising regime"
            )
        return self

    @model_validator(mode="after")
    def _other_labels_can_be_learned(self) -> Self:
        if self.regime != "natural" and not self.task.relabels:
            raise InvalidInputError(
                f"the regime {self.regime} gives other labels than the true ones, which are "
                f"part of what is read in {self.task.words}; choose the natural regime"
            )
        return self

    @model_validator(mode="after")
    def _the_network_reads_what_the_task_gives(self) -> Self:
        if self.network.takes != self.task.gives:
            fitting = [
                name for name, kind in NETWORK_SETTINGS.items() if kind.takes == self.task.gives
            ]
            raise InvalidInputError(
                f"{self.network.architecture} reads {self.network.takes}, and {self.task.words} "
                f"gives {self.task.gives}; choose a network from {', '.join(sorted(fitting))}"
            )
        return self

    @model_validator(mode="after")
    def _the_loss_has_a_least_value(self) -> Self:
        if self.loss == "squared-error" and not self.network.logits_are_distances:
            raise InvalidInputError(
                f"loss = {self.loss!r} is of networks whose logits are minus squared distances, "
                f"and those of this {self.network.architecture} have no largest value; choose "
                "another loss, or a sum-decoder with num_outputs, or random-features"
            )
        return self

    @model_validator(mode="after")
    def _what_is_linear_is_solved(self) -> Self:
        solved = self.optimiser.method == "least-squares"
        if solved != self.network.solved:
            linear = ", ".join(name for name, kind in NETWORK_SETTINGS.items() if kind.solved)
            raise InvalidInputError(
                f"{linear} is linear in all that it learns, and solved: it needs method = "
                "'least-squares' (in optimiser) and loss = 'squared-error', and no other network "
                f"takes this method; given are {self.network.architecture} with method = "
                f"{self.optimiser.method or 'that of Adam'} and loss = {self.loss!r}"
            )
        if solved and self.loss != "squared-error":
            raise InvalidInputError(
                f"loss = {self.loss!r} with method = 'least-squares'; give 'squared-error'"
            )
        if solved and self.continues:
            raise InvalidInputError(
                "a network that is solved by least squares would be the same from any weights; "
                "leave out start and given, and give an init_seed"
            )
        return self

    @property
    def table_task(self) -> TaskSettings:
        """The task, where only the table of an operation will do.

        Raises:
            InvalidInputError: It is another kind of task.
        """
        if not isinstance(self.task, TaskSettings):
            raise InvalidInputError(
                f"this needs the table of an operation, and the run learns {self.task.words}"
            )
        return self.task

    @property
    def continues(self) -> bool:
        """Whether it begins with weights that were trained before."""
        return self.init_seed is None

    @property
    def is_random(self) -> bool:
        """Return whether training depends on random draws after the initial weights."""
        return self.optimiser.is_random or self.network.dropout_rate > 0

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
