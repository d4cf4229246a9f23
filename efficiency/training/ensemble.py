"""Many runs as one program: what may share one, and how it is stacked.

A result never depends on who shared the ensemble, beyond rounding: members are padded to the
largest dataset with examples of weight zero, and nothing else connects them.

Shapes: K members, D examples of the largest member, N examples of the task, I numbers read of each,
A answers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from efficiency import networks, tasks
from efficiency.measurements import PARTS
from efficiency.operations import IntArray
from efficiency.settings import RunSettings, leaves

MAX_PADDING = 0.10
"""Largest share of an ensemble's work that may be spent on padding."""

MOST_EXAMPLES = 4096
"""Largest K·D of an ensemble, unless an engine says otherwise; one member may exceed it."""


_FREE = frozenset(
    (
        *("regime", "dataset_size", "data_seed", "label_seed", "num_corrupted"),
        *("init_seed", "noise_seed", "start", "given"),
        *("optimiser.learning_rate", "optimiser.weight_decay", "optimiser.norm_factor"),
        *("optimiser.warmup_steps", "optimiser.decay_fraction"),
    )
)
"""Settings in which members of an ensemble may differ; in all others they must not."""

_FREE_IF_GIVEN = frozenset(
    (
        *("optimiser.update_noise", "optimiser.weight_noise"),
        *("optimiser.embedding_learning_rate", "optimiser.embedding_weight_decay"),
    )
)
"""Settings that must be given by all members or by none."""


def _shared(run: RunSettings) -> list[tuple[str, object]]:
    """Return the settings that runs must have in common to share a program, by their path."""
    return [
        (path, value is not None if path in _FREE_IF_GIVEN else value)
        for path, value in leaves(run)
        if path not in _FREE
    ]


def shape_key(run: RunSettings) -> str:
    """Return what runs must have in common to share a program."""
    return repr(_shared(run))


def unlike(runs: Sequence[RunSettings]) -> list[str]:
    """Return the settings, by their path, that keep runs from sharing a program."""
    first, *others = (dict(_shared(run)) for run in runs)
    return [
        path
        for path, value in first.items()
        if any(path not in other or other[path] != value for other in others)
    ]


def step_size(run: RunSettings) -> int:
    """Return the examples of one step: a minibatch, or all D."""
    return run.optimiser.batch_size or run.dataset_size


def pack(
    runs: Sequence[RunSettings],
    max_examples: int = MOST_EXAMPLES,
    fits: Callable[[Sequence[RunSettings]], bool] = lambda group: True,
) -> list[list[int]]:
    """Return groups of indices that train together, like sizes with like.

    Greedy over runs sorted by shape and dataset size; groups of runs alike in both are then made
    equally large, so that none is a small remainder. What does not fit into a group keeps
    out everything larger, so that leaving out whole groups changes no other: an interrupted sweep
    goes on with the same ensembles, and its results keep their last bit.

    Args:
        runs: The runs.
        max_examples: Largest K·D of a group, D the examples of a step.
        fits: Whether a group fits into memory; must depend on the number of members and the
            largest of them alone. A single run is taken whether it fits or not.
    """
    keys = [shape_key(run) for run in runs]
    order = sorted(range(len(runs)), key=lambda i: (keys[i], runs[i].dataset_size))
    groups: list[list[int]] = []
    for i in order:
        run = runs[i]
        if groups and keys[groups[-1][0]] == keys[i]:
            sizes = [step_size(runs[j]) for j in groups[-1]] + [step_size(run)]
            work = len(sizes) * step_size(run)
            like = work <= max_examples and work - sum(sizes) <= MAX_PADDING * work
            if like and fits([runs[j] for j in groups[-1]] + [run]):
                groups[-1].append(i)
                continue
        groups.append([i])

    def kinds(group: list[int]) -> frozenset[tuple[str, int]]:
        return frozenset((keys[i], runs[i].dataset_size) for i in group)

    packed: list[list[int]] = []
    for kind, alike in itertools.groupby(groups, key=kinds):
        together = list(alike)
        packed.extend(_even(together) if len(kind) == 1 else together)
    return packed


def _even(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the same members in as many groups, none larger than another by more than one."""
    members = [i for group in groups for i in group]
    return [[int(i) for i in part] for part in np.array_split(members, len(groups))]


def trained_on(run: RunSettings) -> np.ndarray:
    """Return (N,) booleans: trained on in this run."""
    train = np.zeros(run.task.num_examples, dtype=bool)
    train[run.task.split(run.dataset_size, run.data_seed)[0]] = True
    return train


def seen_mask(run: RunSettings) -> np.ndarray:
    """Return (N,) booleans: trained on in this run or in any that it started from."""
    return trained_on(run) if run.start is None else trained_on(run) | seen_mask(run.start)


def labels(run: RunSettings) -> IntArray:
    """Return (N, A) the labels that a run is trained on and measured by."""
    right, S = run.task.targets, run.task.num_classes
    if run.label_seed is None:
        return right
    if run.num_corrupted is None:
        drawn = tasks.random_labels(right, S, run.label_seed)
        if run.regime != "mirrored":
            return drawn
        mirror = run.task.mirror
        assert mirror is not None
        return tasks.mirrored_labels(drawn, mirror)
    found = right.copy()
    corrupted = _corrupted(run)
    found[corrupted] = tasks.wrong_labels(right, S, run.label_seed)[corrupted]
    return found


def _corrupted(run: RunSettings) -> IntArray:
    """Return the examples with a wrong label, none but in the corrupted regime."""
    if run.num_corrupted is None or run.label_seed is None:
        return np.array([], dtype=np.int64)
    train, _ = run.task.split(run.dataset_size, run.data_seed)
    return tasks.corrupted(train, run.task.num_examples, run.num_corrupted, run.label_seed)


def part_masks(run: RunSettings) -> dict[str, np.ndarray]:
    """Return (N,) booleans for each of ``PARTS``: which examples belong to it."""
    train, seen = trained_on(run), seen_mask(run)
    # Without a start nothing was removed and "never seen" would repeat "test".
    continued = run.start is not None
    wrong = np.zeros_like(train)
    wrong[_corrupted(run)] = True
    return {
        "train": train,
        "test": ~train,
        "removed": seen & ~train & continued,
        "never_seen": ~seen & continued,
        "novel": run.task.novel(train),
        # Where nothing is corrupted "clean" would repeat "train".
        "clean": train & ~wrong & wrong.any(),
        "corrupted": wrong,
    }


def measured_examples(run: RunSettings) -> IntArray:
    """Return (n,) indices of the examples that a run is measured on, see ``RecordingSettings``."""
    most = run.recording.most_examples
    if most is None:
        return np.arange(run.task.num_examples)
    sides = run.task.split(run.dataset_size, run.data_seed)
    # In even distances: what was removed comes before what was never seen.
    spread = [np.linspace(0, len(side), min(most, len(side)), endpoint=False) for side in sides]
    return np.concatenate([side[at.astype(int)] for side, at in zip(sides, spread, strict=True)])


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the members of an ensemble learn from.

    Attributes:
        inputs_KDI: What is read; padded examples repeat example 0.
        labels_KDA: Labels.
        weight_KD: 1/(D·A) of the member on its examples, 0 on padding: the mean loss is the sum of
            weight·loss over examples and answers.
    """

    inputs_KDI: Tensor
    labels_KDA: Tensor
    weight_KD: Tensor


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the members of an ensemble are measured on.

    Attributes:
        inputs_KNI: What is read of the examples that are measured: all N of the task, the same
            memory for every member, or fewer, of which padded ones are in no part.
        labels_KNA: Their labels.
        part_masks: For each part of the examples (K, N), 1 inside and 0 outside.
    """

    inputs_KNI: Tensor
    labels_KNA: Tensor
    part_masks: dict[str, Tensor]


def _tensor(array: np.ndarray, device: torch.device, dtype: torch.dtype = torch.int64) -> Tensor:
    return torch.as_tensor(array).to(device=device, dtype=dtype)


def stack_data(members: Sequence[RunSettings], device: torch.device) -> Data:
    """Build the members' datasets and their labels."""
    task = members[0].task
    K, D = len(members), max(run.dataset_size for run in members)
    chosen_KD = np.zeros((K, D), dtype=np.int64)
    weight_KD = np.zeros((K, D))
    labels_KDA = np.zeros((K, D, task.num_answers), dtype=np.int64)
    for k, run in enumerate(members):
        train, _ = run.task.split(run.dataset_size, run.data_seed)
        chosen_KD[k, : len(train)] = train
        weight_KD[k, : len(train)] = 1 / (len(train) * task.num_answers)
        labels_KDA[k] = labels(run)[chosen_KD[k]]
    inputs_NI = networks.inputs(task, members[0].network).to(device)
    return Data(
        inputs_KDI=inputs_NI[_tensor(chosen_KD, device)],
        labels_KDA=_tensor(labels_KDA, device),
        weight_KD=_tensor(weight_KD, device, members[0].network.dtype),
    )


def stack_measured(members: Sequence[RunSettings], device: torch.device) -> Measured:
    """Build the examples that members are measured on, their labels and masks."""
    task = members[0].task
    every = [measured_examples(run) for run in members]
    most = max(map(len, every))
    measured_Kn = np.zeros((len(members), most), dtype=np.int64)
    labels_KnA = np.zeros((len(members), most, task.num_answers), dtype=np.int64)
    masks: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    for k, run in enumerate(members):
        measured_Kn[k, : len(every[k])] = every[k]
        labels_KnA[k] = labels(run)[measured_Kn[k]]
        for part, mask_N in part_masks(run).items():
            masks[part].append(mask_N[measured_Kn[k]] & (np.arange(most) < len(every[k])))
    inputs_NI = networks.inputs(task, members[0].network).to(device)
    everything = members[0].recording.most_examples is None
    return Measured(
        inputs_KNI=(
            inputs_NI.expand(len(members), -1, -1)
            if everything
            else inputs_NI[_tensor(measured_Kn, device)]
        ),
        labels_KNA=_tensor(labels_KnA, device),
        part_masks={
            part: _tensor(np.stack(each), device, torch.float64) for part, each in masks.items()
        },
    )


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One tensor for each parameter, a leading axis for the members, all in one piece of memory.

    Each parameter is contiguous over the members: batched products are twice as fast on contiguous
    operands as on slices of members that are contiguous each for themselves.

    Attributes:
        flat: (K·P,) all values.
        views: The same memory as (K, …) by parameter.
    """

    flat: Tensor
    views: dict[str, Tensor]

    @classmethod
    def zeros(cls, shapes: Mapping[str, tuple[int, ...]], num_members: int, like: Tensor) -> Stack:
        """Return a stack of zeros with the type and device of ``like``.

        Args:
            shapes: Shape of each parameter of one network.
            num_members: K.
            like: Any tensor.
        """
        sizes = [num_members * math.prod(shape) for shape in shapes.values()]
        flat = like.new_zeros(sum(sizes))
        pieces = zip(shapes.items(), torch.split(flat, sizes), strict=True)
        return cls(
            flat=flat,
            views={name: piece.view(num_members, *shape) for (name, shape), piece in pieces},
        )

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """Return other values of ``flat`` as (K, …) by parameter."""
        pieces = torch.split(flat, [view.numel() for view in self.views.values()])
        return {
            name: piece.view(view.shape)
            for (name, view), piece in zip(self.views.items(), pieces, strict=True)
        }

    def clone(self) -> Stack:
        """Return a copy in memory of its own."""
        shapes = {name: tuple(view.shape[1:]) for name, view in self.views.items()}
        copy = Stack.zeros(shapes, len(next(iter(self.views.values()))), self.flat)
        copy.flat.copy_(self.flat)
        return copy


def initial_weights(run: RunSettings) -> dict[str, Tensor]:
    """Return the weights that a run without ``start`` begins with, decided by its ``init_seed``."""
    assert run.init_seed is not None
    network = networks.network(run.task, run.network).to(run.network.dtype)
    network.initialise(torch.Generator().manual_seed(run.init_seed))
    return {name: parameter.detach() for name, parameter in network.named_parameters()}
