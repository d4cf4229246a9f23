"""Which examples of a task are trained on, and with which labels.

Shapes: N examples, D of them trained on, A answers of each, S classes.
"""

from __future__ import annotations

import numpy as np

from efficiency.operations import IntArray


def order(num_examples: int, data_seed: int) -> IntArray:
    """Return (N,) the order in which examples enter a dataset: its first D are trained on.

    One permutation per seed serves every D, so that the datasets of a seed are nested: a smaller
    dataset takes examples away and never exchanges them.
    """
    return np.random.default_rng([0, data_seed]).permutation(num_examples)


def split(num_examples: int, dataset_size: int, data_seed: int) -> tuple[IntArray, IntArray]:
    """Return the indices trained on, (D,), and the rest, (N − D,): a partition of all examples."""
    indices = order(num_examples, data_seed)
    return indices[:dataset_size], indices[dataset_size:]


def random_labels(targets: IntArray, num_classes: int, label_seed: int) -> IntArray:
    """Return (N, A) labels independent of the inputs, uniform on the classes, fixed by the seed.

    The memorising regime: the paper's way to train a network whose only circuit is Mem (Figure 3).

    Args:
        targets: (N, A), of which only the shape counts.
        num_classes: S.
        label_seed: Decides them.
    """
    rng = np.random.default_rng([1, label_seed])
    return rng.integers(0, num_classes, size=targets.shape)


def mirrored_labels(labels: IntArray, mirror: IntArray) -> IntArray:
    """Return (N, A) labels of which an example and its mirror image share those of the earlier one.

    Args:
        labels: (N, A).
        mirror: (N,) the index of each mirror image, −1 where it is not among the examples.
    """
    own = np.arange(len(mirror))
    found: IntArray = labels[np.where(mirror < 0, own, np.minimum(own, mirror))]
    return found


def corrupted(train: IntArray, num_examples: int, num_corrupted: int, label_seed: int) -> IntArray:
    """Return (k,) the examples of a training set whose labels are wrong.

    All examples stand in one queue, whatever the training set: those of a smaller k are among those
    of a larger one, and one that is wrong in a training set is wrong in every smaller one with it.

    Args:
        train: (D,) examples that are trained on.
        num_examples: N.
        num_corrupted: k ≤ D.
        label_seed: Decides which.
    """
    place_N = np.random.default_rng([2, label_seed]).permutation(num_examples)
    return train[np.argsort(place_N[train])[:num_corrupted]]


def wrong_labels(targets: IntArray, num_classes: int, label_seed: int) -> IntArray:
    """Return (N, A) labels that are uniform on the wrong classes of each answer.

    Args:
        targets: (N, A) the right ones.
        num_classes: S.
        label_seed: Decides them.
    """
    rng = np.random.default_rng([3, label_seed])
    return (targets + rng.integers(1, num_classes, size=targets.shape)) % num_classes
