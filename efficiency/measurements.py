"""What is read off a network: losses, accuracies, three readings of logit size, norms.

Shapes: K members, N examples of the task, A answers to each, S classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from efficiency.training.losses import relative_to_correct

PARTS = ("train", "test", "removed", "never_seen", "novel", "clean", "corrupted")
"""Parts of a task's examples, relative to one run.

``train``: trained on now. ``test``: all the rest. ``removed``: of the rest, what a network that
this run started from (or any before it) was trained on. ``never_seen``: what none of them was.
``novel``: of the test set, examples whose mirror image, (b, a) of (a, b), is not trained on now
either; all of it where there are none. ``clean`` and ``corrupted``: of the training set, where some
of it has wrong labels, the examples with a true and those with a wrong one.
"""

_OF_ANSWERS = tuple(
    (part, reading) for part in ("train", "test", "novel") for reading in ("loss", "accuracy")
)
"""What is said of each answer alone, where there are several."""


def readings(logits_KNS: Tensor, labels_KN: Tensor) -> dict[str, Tensor]:
    """Return readings of each answer, all of the shape of the labels, in float64.

    ``log_odds`` s = o^{y*} − log Σ_{y≠y*} e^{o^y} (nats), ``loss`` log(1 + e^{−s}) (nats),
    ``margin`` o^{y*} − max_{y≠y*} o^y (nats), ``centred_logit`` o^{y*} − mean_y o^y (nats),
    ``accuracy`` 1 where the margin is positive: a tie counts as wrong.

    Args:
        logits_KNS: (K, N, S) or (K, N, A, S) logits, not changed.
        labels_KN: (K, N) or (K, N, A) integers in [0, S).
    """
    correct_KN = logits_KNS.gather(-1, labels_KN.unsqueeze(-1)).squeeze(-1)
    relative_KNS = relative_to_correct(logits_KNS, labels_KN)
    s_KN = -torch.logsumexp(relative_KNS, dim=-1).double()
    margin_KN = -relative_KNS.amax(-1).double()
    return {
        "loss": (-s_KN).clamp(min=0) + torch.log1p(torch.exp(-s_KN.abs())),
        "accuracy": (margin_KN > 0).double(),
        "log_odds": s_KN,
        "margin": margin_KN,
        "centred_logit": (correct_KN - logits_KNS.mean(-1)).double(),
    }


def whole(readings: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return (K, N) readings of examples from (K, N, A) of their answers.

    Losses and logits are means over answers. An example is right if all its answers are, and its
    margin is the smallest.
    """
    return {
        name: one.amin(-1) if name in ("accuracy", "margin") else one.mean(-1)
        for name, one in readings.items()
    }


def of_answers(
    readings: Mapping[str, Tensor], part_masks: Mapping[str, Tensor], answers: Sequence[str]
) -> dict[str, Tensor]:
    """Return the mean loss and accuracy of each answer by part, (K,) in float64.

    Args:
        readings: (K, N, A), from ``readings``.
        part_masks: See ``means``.
        answers: The name of each answer; none if there is one only.
    """
    return {
        f"{part}_{answer}_{reading}": _mean(readings[reading][..., a], part_masks[part])
        for a, answer in enumerate(answers)
        for part, reading in _OF_ANSWERS
    }


def names(parameters: Iterable[str], answers: Sequence[str] = ()) -> list[str]:
    """Return the names of all quantities of the functions here, in their order."""
    return [
        *(f"{part}_loss" for part in ("train", "test")),
        *(f"{part}_accuracy" for part in PARTS),
        *("log_odds", "margin", "centred_logit", "novel_log_odds", "novel_centred_logit"),
        *(f"{part}_{answer}_{reading}" for answer in answers for part, reading in _OF_ANSWERS),
        *("norm", *(f"norm_{name}" for name in parameters)),
    ]


def means(readings: Mapping[str, Tensor], part_masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the means over parts of the examples, each (K,) in float64, NaN where a part is empty.

    Loss on train and test, accuracy on every part, logit readings on the training set and, for what
    memory adds to them there (see ``efficiency.analysis.logit_subspaces``), two of them on novel
    pairs.

    Args:
        readings: From ``readings``.
        part_masks: For each of ``PARTS`` (K, N), 1 inside the part and 0 outside.
    """

    def mean(reading: str, part: str) -> Tensor:
        return _mean(readings[reading], part_masks[part])

    return {
        **{f"{part}_loss": mean("loss", part) for part in ("train", "test")},
        **{f"{part}_accuracy": mean("accuracy", part) for part in PARTS},
        **{name: mean(name, "train") for name in ("log_odds", "margin", "centred_logit")},
        **{f"novel_{name}": mean(name, "novel") for name in ("log_odds", "centred_logit")},
    }


def _mean(reading_KN: Tensor, mask_KN: Tensor) -> Tensor:
    # Outside the part a reading may be infinite; it must not reach the sum as 0·∞.
    inside_KN = torch.where(mask_KN > 0, reading_KN, 0.0)
    return inside_KN.sum(-1) / mask_KN.sum(-1)


def norms(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ‖θ‖₂ as ``norm`` and that of every weight matrix as ``norm_NAME``, (K,) in float64.

    Args:
        parameters: Each parameter with a leading axis for the members.
    """
    each = {
        f"norm_{name}": torch.linalg.vector_norm(value.flatten(1), dim=1, dtype=torch.float64)
        for name, value in parameters.items()
    }
    total = torch.stack(list(each.values())).square().sum(0).sqrt()
    return {"norm": total, **each}
