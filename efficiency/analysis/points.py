"""What a network computes on the way from its inputs to its logits.

Shapes: N examples of the task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from efficiency import networks
from efficiency.analysis.measured import module_of
from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.settings import NetworkSettings, TaskBase


def activations(
    task: TaskBase,
    settings: NetworkSettings,
    weights: Mapping[str, npt.ArrayLike],
    names: Sequence[str] = (),
    *,
    examples: npt.ArrayLike | None = None,
) -> dict[str, Tensor]:
    """Return what each point of a network, such as a run left in a store, says of every example.

    A point is a submodule: ``networks.Point`` where a network of ours has something to show, or any
    other. ``module_of(task, settings, weights)`` has the same ones for hooks of one's own:
    what a hook that is registered by ``register_forward_hook`` returns goes on in its place.

    Args:
        task: What it was trained on.
        settings: Its settings.
        weights: Its weights by name.
        names: The points wanted; default: all.
        examples: (N,) indices of the examples wanted; default: all.

    Returns:
        By name (N, …) in the order in which they are computed; what a network names is explained by
        its class. Of a module that is used twice, the last; none of what says something else than
        a tensor.

    Raises:
        InvalidInputError: The weights are not those of such a network, or it has no such point.
    """
    if isinstance(names, str):
        raise InvalidInputError(f"names is the text {names!r}; give a list of them: [{names!r}]")
    network = module_of(task, settings, weights).eval()
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, given: object, output: object) -> None:
            if isinstance(output, Tensor):
                found[name] = output

        return hook

    for name, module in network.named_modules():
        if name:
            module.register_forward_hook(keep(name))
    inputs_NI = networks.inputs(task, settings)
    if examples is not None:
        inputs_NI = inputs_NI[torch.as_tensor(np.asarray(examples))]
    prompt = networks.ARCHITECTURES.find(settings.architecture).reads(task, settings)
    with torch.no_grad():
        network(inputs_NI if prompt is None else networks.tokens(prompt, *inputs_NI.unbind(-1)))
    for name in names:
        if name not in found:
            raise InvalidInputError(
                f"the {settings.architecture} network has no point {name!r}; "
                f"{did_you_mean(name, found)}it has {', '.join(found) or 'none'}"
            )
    return {name: found[name] for name in names} if names else found
