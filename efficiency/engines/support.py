"""What an engine says that it can do: everything else is refused, none of it ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from efficiency import networks
from efficiency.settings import RunSettings, leaves

ANY: Final = object()
"""Every value that the settings allow."""

Support = Mapping[str, Any]
"""Settings by their path, like ``optimiser.beta1``: ``ANY``, or a tuple of the values known."""


def unsupported(run: RunSettings, support: Support) -> str | None:
    """Return which setting of a run is not supported, and why; ``None`` if all are.

    A setting that is not named is not known: it must be ``None``, which stands for its absence.
    """
    for path, value in leaves(run):
        known = support.get(path)
        if known is None:
            if value is not None:
                return f"it does not know the setting {path} (given: {value!r})"
        elif known is not ANY and value not in known:
            return f"{path} is {value!r}, it knows {' and '.join(map(repr, known))}"
    return None


def unsupported_by_network(run: RunSettings, support: Support) -> str | None:
    """Return the same for an engine that leaves a network's own settings to its architecture.

    Not dropout, which is a matter of training: an engine that drops names ``network.dropout``.
    """
    rate = run.network.dropout_rate
    if rate > 0 and "network.dropout" not in support:
        return f"it does not drop activations (dropout given: {rate:g})"
    own = networks.ARCHITECTURES.find(run.network.architecture).knows
    return unsupported(run, {**{f"network.{name}": ANY for name in own}, **support})


EVERY_RUN: Final[Support] = dict.fromkeys(
    (
        *("task.operation", "task.size", "regime", "dataset_size", "num_steps"),
        *("data_seed", "label_seed", "num_corrupted", "init_seed", "noise_seed", "start", "given"),
        *("recording.num_log", "recording.num_even", "recording.measures", "recording.snapshots"),
    ),
    ANY,
)
"""What is done for every engine: tables, datasets, labels, first weights, when to measure."""

OPTIMISER: Final[Support] = {"optimiser.method": (None, "gradient-descent")} | dict.fromkeys(
    (
        *("optimiser.learning_rate", "optimiser.weight_decay", "optimiser.epsilon"),
        *("optimiser.beta1", "optimiser.beta2"),
        *("optimiser.warmup_steps", "optimiser.decay_fraction", "optimiser.norm_factor"),
        *("optimiser.decay_form", "optimiser.decay_target", "optimiser.batch_size"),
        *("optimiser.update_noise", "optimiser.weight_noise", "optimiser.orthogonal_gradient"),
    ),
    ANY,
)
"""The optimiser as all engines have it."""
