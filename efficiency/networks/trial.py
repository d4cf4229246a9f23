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

_LIFT = 0.01
"""By which weights are raised, at most: gains stay near 1 and nothing is 0."""


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
    name = settings.architecture
    if single := [key for key, value in one.named_parameters() if value.dim() == 0]:
        raise InvalidInputError(
            f"the network {name!r} has parameters of no dimension, {', '.join(single)}; give them "
            "the shape (1,)"
        )
    try:
        one.initialise(torch.Generator().manual_seed(0))
    except Exception as error:
        raise InvalidInputError(
            f"the weights of the network {name!r} cannot be drawn ({_told(error)})"
        ) from error
    require_answers(one, task, settings, inputs)
    chosen = np.unique(np.linspace(0, task.num_examples - 1, NUM_TRIED).astype(int))
    read = inputs(chosen)
    read = tokens(one.reads, *read.unbind(-1)) if one.reads else read
    _require_ensembles(one, read[:1], name)
    _require_names(one, name)
    _require_learnable(one, read, settings)


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
    if answer.dtype != settings.dtype:
        raise InvalidInputError(
            f"the network {name!r} answers with {answer.dtype}; its logits are to be of the type "
            f"of its weights, {settings.dtype}"
        )
    S, A = task.num_classes, task.num_answers
    wanted = (1, S) if A == 1 else (1, A, S)
    if found != wanted:
        raise InvalidInputError(
            f"the network {name!r} answers one prompt with the shape {found}; logits of "
            f"{wanted} were expected"
        )


def _require_ensembles(one: Network, example: Tensor, name: str) -> None:
    """Find out before anything is planned that a network cannot be vectorised over members."""
    two = {key: torch.stack([value.detach()] * 2) for key, value in one.named_parameters()}
    try:
        with torch.no_grad():  # as in training, where the trace has other operations than else
            StackedProgram(one, None).logits_and_backward(two, torch.stack([example] * 2))
    except Exception as error:
        raise InvalidInputError(
            f"the network {name!r} answers alone, and not in an ensemble ({_told(error)}); "
            "torch.func.vmap makes ensembles of it, which takes no recurrent layer, no `if` on "
            "values and no change in place of what was made in forward, as clamp, norm and "
            "functional.normalize do inside: torch.minimum, square().sum().sqrt() do not"
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


def _require_learnable(one: Network, read_D: Tensor, settings: NetworkSettings) -> None:
    """Refuse a network that would train and be measured, and mean nothing."""
    name = settings.architecture
    generator = torch.Generator().manual_seed(1)
    # As training begins, but for what begins at 0, of which nothing could be seen.
    drawn = {
        key: p.detach().double() + _LIFT * torch.rand(p.shape, generator=generator).double()
        for key, p in one.named_parameters()
    }
    try:
        _logits(one, drawn, read_D, settings.dtype)
    except Exception as error:
        raise InvalidInputError(
            f"the network {name!r} answers one example, and not {len(read_D)} ({_told(error)}); "
            "nothing in forward may depend on how many are asked"
        ) from error
    try:
        together = _logits(one, drawn, read_D, torch.float64)
    except Exception as error:
        raise InvalidInputError(
            f"the network {name!r} fails with weights in float64, by which runs are known again "
            f"({_told(error)}); what forward makes should be of their type, "
            "x.to(self.W_….dtype), and tensors that are no Parameter should be buffers "
            "(register_buffer)"
        ) from error
    if together.dtype != torch.float64 or not together.isfinite().all():
        says = together.dtype if together.isfinite().all() else "what is not finite"
        raise InvalidInputError(
            f"the network {name!r} answers with {says} when its weights have just been drawn; "
            "logits are finite numbers of the type of the weights"
        )
    some = range(0, len(read_D), 7)
    alone = torch.cat([_logits(one, drawn, read_D[k : k + 1], torch.float64) for k in some])
    if not torch.allclose(together[::7], alone, rtol=1e-9, atol=1e-9):
        raise InvalidInputError(
            f"the network {name!r} answers an example otherwise when others are asked beside it; "
            "let forward take each example for itself (no batch normalisation, no mean over D)"
        )
    _require_gradients(one, drawn, read_D, name)


def _require_gradients(
    one: Network, drawn: Mapping[str, Tensor], read_D: Tensor, name: str
) -> None:
    """Refuse a network with weights that no training reaches."""
    held = {key: value.clone().requires_grad_() for key, value in drawn.items()}
    together = _logits(one, held, read_D, torch.float64)
    if not together.requires_grad:
        raise InvalidInputError(
            f"no gradient reaches the weights of the network {name!r}; leave out detach(), "
            "no_grad() and .data in forward"
        )
    # Not their sum, which a softmax or a normalisation may fix.
    weighed = torch.rand(together.shape, generator=torch.Generator().manual_seed(1)).double()
    gradients = torch.autograd.grad((together * weighed).sum(), [*held.values()], allow_unused=True)
    idle = [
        key
        for key, gradient in zip(held, gradients, strict=True)
        if gradient is None or not gradient.any()
    ]
    if idle:
        raise InvalidInputError(
            f"no gradient reaches {', '.join(idle)} of the network {name!r}: its logits do not "
            "depend on that, or it is detached, and its norm would count; leave it out, or make it "
            "a buffer (register_buffer)"
        )


def _logits(
    one: Network, weights: Mapping[str, Tensor], read_D: Tensor, dtype: torch.dtype
) -> Tensor:
    """Return logits in some precision; tokens are whole numbers whatever it is."""
    held = {**weights, **dict(one.named_buffers())}
    there = {k: v.to(dtype) if v.is_floating_point() else v for k, v in held.items()}
    read_D = read_D.to(dtype) if read_D.is_floating_point() else read_D
    found: Tensor = torch.func.functional_call(one, there, (read_D, keep_all))
    return found


def _told(error: Exception) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}"
