"""The trial of networks that are not ours, before anything is planned for them.

Shapes: D examples, I inputs, T tokens, A answers, S classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.errors import InvalidInputError
from efficiency.networks.base import Network, keep_all, tokens
from efficiency.networks.program import StackedProgram

if TYPE_CHECKING:
    from efficiency.settings import NetworkSettings, TaskBase

Inputs = Callable[[npt.NDArray[np.int64]], Tensor]

NUM_TRIED = 256
"""Examples that a network is tried on, at most."""

_SPREAD = 0.3
"""Of weights that are drawn for the trial; of zero weights everything is alike."""


def try_out(one: Network, task: TaskBase, settings: NetworkSettings, inputs: Inputs) -> None:
    """Find out what is wrong with a network as far as a few examples can show it.

    Args:
        one: The network.
        task: What it is to learn.
        settings: Its settings.
        inputs: What gives (D, I) examples of it, by their indices.

    Raises:
        InvalidInputError: It does not answer as it should, cannot be vectorised, has parameters
            whose names do not say what they are or that do nothing, or answers an example by what
            else is asked.
    """
    require_answers(one, task, settings, inputs)
    chosen = np.unique(np.linspace(0, task.num_examples - 1, NUM_TRIED).astype(int))
    read = inputs(chosen)
    read = tokens(one.reads, *read.unbind(-1)) if one.reads else read
    _require_ensembles(one, read[:1], settings.architecture)
    _require_names(one, settings.architecture)
    _require_learnable(one, read, settings.architecture)


def require_answers(
    one: Network, task: TaskBase, settings: NetworkSettings, inputs: Inputs
) -> None:
    """Find out whether a network can answer an example.

    Raises:
        InvalidInputError: It fails, or answers with another shape.
    """
    name = settings.architecture
    prompt = [0 if isinstance(token, str) else token for token in one.reads]
    example = torch.tensor([prompt]) if prompt else inputs(np.zeros(1, dtype=int))
    try:
        with torch.no_grad():
            answer = one.to(settings.dtype)(example, keep_all)
        found = tuple(answer.shape)
    except Exception as error:
        shown = f"the tokens {prompt}" if prompt else f"{tuple(example.shape)} {task.gives}"
        raise InvalidInputError(
            f"the network {name!r} fails on {shown} ({type(error).__name__}: {error}); its forward "
            "takes (D, T) tokens or (D, F) features, and drop, and returns (D, S) logits"
        ) from error
    S, A = task.num_classes, task.num_answers
    wanted = (1, S) if A == 1 else (1, A, S)
    if found != wanted:
        raise InvalidInputError(
            f"the network {name!r} answers one prompt with the shape {found}; logits of "
            f"{wanted} were expected"
        )


def _require_ensembles(one: Network, example: Tensor, name: str) -> None:
    """Find out before anything is planned that a network cannot be vectorised over members."""
    two = {key: value.detach().expand(2, *value.shape) for key, value in one.named_parameters()}
    try:
        StackedProgram(one, None).logits(two, example.expand(2, *example.shape))
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise InvalidInputError(
            f"the network {name!r} answers alone, and not in an ensemble ({type(error).__name__}: "
            f"{first}); torch.func.vmap makes ensembles of it, which takes no recurrent layer, no "
            "`if` on values and no change in place of what was made in forward"
        ) from error


def _require_names(one: Network, name: str) -> None:
    """Refuse a network whose weights would be drawn as something else than they are."""
    wrong = [
        key
        for key, _ in one.named_parameters()
        if not key.rpartition(".")[2].startswith(("W_", "b_", "g_"))
    ]
    if wrong:
        raise InvalidInputError(
            f"the network {name!r} has parameters called {', '.join(wrong)}; weights are drawn by "
            "their names: call matrices W_… (inputs by outputs, and torch.nn.Linear has them the "
            "other way round), biases b_… and gains g_…"
        )


def _require_learnable(one: Network, read_D: Tensor, name: str) -> None:
    """Refuse a network that would train and be measured, and mean nothing."""
    generator = torch.Generator().manual_seed(0)
    drawn = {
        key: (_SPREAD * torch.randn(p.shape, generator=generator, dtype=torch.float64))
        for key, p in one.named_parameters()
    }
    for value in drawn.values():
        value.requires_grad_()
    # Features and buffers in the precision of these weights; tokens are whole numbers.
    read_D = read_D.double() if read_D.is_floating_point() else read_D
    try:
        together = _logits(one, drawn, read_D)
        each = range(0, len(read_D), 7)
        alone = torch.cat([_logits(one, drawn, read_D[k : k + 1]) for k in each])
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise InvalidInputError(
            f"the network {name!r} answers one example, and not {len(read_D)} with weights in "
            f"float64 ({type(error).__name__}: {first}); tensors that are no Parameter are to be "
            "buffers (register_buffer), and nothing in forward to depend on how many are asked"
        ) from error
    if together.dtype != torch.float64 or not together.isfinite().all():
        says = together.dtype if together.isfinite().all() else "what is not finite"
        raise InvalidInputError(
            f"the network {name!r} answers with {says} where its weights are drawn in float64; "
            "logits are finite numbers of the type of the weights"
        )
    if not torch.allclose(together[::7], alone, rtol=1e-9, atol=1e-9):
        raise InvalidInputError(
            f"the network {name!r} answers an example otherwise when others are asked beside it; "
            "let forward take each example for itself (no batch normalisation, no mean over D)"
        )
    if not together.requires_grad:
        raise InvalidInputError(
            f"the logits of the network {name!r} know nothing of its weights; leave out detach(), "
            "no_grad() and .data in forward"
        )
    gradients = torch.autograd.grad(together.sum(), [*drawn.values()], allow_unused=True)
    idle = [key for key, one in zip(drawn, gradients, strict=True) if one is None]
    if idle:
        raise InvalidInputError(
            f"the network {name!r} has parameters without any effect on its logits, "
            f"{', '.join(idle)}, whose norm would count; leave them out, or make them buffers"
        )


def _logits(one: Network, weights: Mapping[str, Tensor], read_D: Tensor) -> Tensor:
    constants = {
        key: value.double() if value.is_floating_point() else value
        for key, value in one.named_buffers()
    }
    found: Tensor = torch.func.functional_call(one, {**weights, **constants}, (read_D, keep_all))
    return found
