"""Training as it stands in a textbook: torch's own AdamW on the network itself, in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from efficiency import networks
from efficiency.settings import RunSettings
from efficiency.training.ensemble import initial_weights


def stablemax(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of −log StableMax, by its definition."""
    terms = torch.where(logits >= 0, logits + 1, 1 / (1 - logits.clamp(max=0)))
    shares = terms / terms.sum(-1, keepdim=True)
    return -shares.gather(-1, labels[:, None]).log().mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "log-odds": torch.nn.functional.cross_entropy,
    "stablemax": stablemax,
}


def norm(tensors: list[Tensor]) -> Tensor:
    return torch.sqrt(sum(t.square().sum() for t in tensors))


def scale_to(weights: list[Tensor], target: Tensor) -> None:
    with torch.no_grad():
        factor = target / norm(weights)
        for weight in weights:
            weight.mul_(factor)


def make_orthogonal(weights: list[Tensor]) -> None:
    """Change the gradients of these weights, as one vector: g − (w·g / w·w) w, as long as g was."""
    gradients = [weight.grad for weight in weights]
    before, square = norm(gradients), norm([w.detach() for w in weights]).square()
    if square > 0:
        along = sum((w.detach() * g).sum() for w, g in zip(weights, gradients, strict=True))
        for weight, gradient in zip(weights, gradients, strict=True):
            gradient.sub_(along / square * weight.detach())
    after = norm(gradients)
    for gradient in gradients:
        gradient.mul_(before / after if after > 1e-6 * before else 0.0)


def trained(run: RunSettings) -> tuple[float, list[Tensor]]:
    """Return the final cross-entropy on the training examples, and the weights."""
    network = networks.network(run.task, run.network).double()
    network.load_state_dict({n: v.double() for n, v in initial_weights(run).items()})
    table = run.task.table
    pairs, _ = run.task.split(run.dataset_size, run.data_seed)
    left, right, label = (
        torch.as_tensor(side[pairs]) for side in (table.left, table.right, table.answer)
    )
    tokens = torch.stack([left, right, torch.full_like(left, network.num_symbols)], dim=-1)
    weights, o = list(network.parameters()), run.optimiser
    target = None if o.norm_factor is None else o.norm_factor * norm(weights).detach()
    optimiser: torch.optim.Optimizer
    if o.method == "gradient-descent":
        optimiser = torch.optim.SGD(weights, lr=o.learning_rate, weight_decay=o.weight_decay)
    else:
        optimiser = torch.optim.AdamW(
            weights,
            lr=o.learning_rate,
            betas=(o.beta1, o.beta2),
            weight_decay=o.weight_decay,
            eps=o.epsilon,
        )
    if target is not None:
        scale_to(weights, target)
    for _ in range(run.num_steps):
        optimiser.zero_grad()
        LOSSES[run.loss](network(tokens), label).backward()
        if o.orthogonal_gradient == "whole":
            make_orthogonal(weights)
        elif o.orthogonal_gradient == "each":
            for weight in weights:
                make_orthogonal([weight])
        optimiser.step()
        if target is not None:
            scale_to(weights, target)
    loss = torch.nn.functional.cross_entropy(network(tokens), label)
    return float(loss.detach()), [weight.detach() for weight in weights]
