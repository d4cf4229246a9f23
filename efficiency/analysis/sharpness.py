"""How steeply the training loss rises around a network (Keskar et al. 2017, Metric 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from scipy import optimize

from efficiency import networks
from efficiency.settings import RunSettings
from efficiency.statistics.intervals import FloatArray
from efficiency.training.ensemble import Stack, stack_data
from efficiency.training.losses import log_odds_cross_entropy

BOX = 1e-2
"""ε. Keskar et al. use 1e-3 and 5e-4 on networks whose loss is near 0.1. Where it is near 1e-7, the
largest loss in such a box is 10⁶ times that of the network, and 300 iterations do not find it.
"""

ITERATIONS = 100
"""Of L-BFGS-B. Twice as many raise φ by a tenth, a quarter at most (measured, mod 31 and 7)."""


def sharpness(
    run: RunSettings,
    weights: Mapping[str, np.ndarray],
    box: float = BOX,
    iterations: int = ITERATIONS,
) -> float:
    """Return φ = 100 · (max f(θ + δ) − f(θ)) / (1 + f(θ)) over |δᵢ| ≤ ε(|θᵢ| + 1).

    f is the mean training loss on all D examples in nats, without weight decay, dropout or noise,
    in float64. The maximum is sought by L-BFGS-B on log f in units of the box, from the corner that
    is uphill at θ: f itself is nearly flat there, and its tolerances would stop the search at once.
    What is found is a bound from below.

    Args:
        run: The network's settings.
        weights: Its weights by name, all finite.
        box: ε > 0.
        iterations: At most, ≥ 1.
    """
    loss = training_loss(run, weights)
    theta = np.concatenate([np.ravel(value) for value in weights.values()]).astype(float)
    here, gradient = loss(theta)
    reach = box * (np.abs(theta) + 1)
    highest = here

    def downhill(u: FloatArray) -> tuple[float, FloatArray]:
        nonlocal highest
        value, slope = loss(theta + reach * u)
        highest = max(highest, value)
        return -float(np.log(value)), -slope * reach / value

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # those of torch and of BLAS take turns: two are three times slower
    try:
        optimize.minimize(
            downhill,
            np.sign(gradient),
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(np.full_like(theta, -1.0), np.full_like(theta, 1.0)),
            options={"maxiter": iterations, "maxfun": 10 * iterations, "ftol": 0.0, "gtol": 0.0},
        )
    finally:
        torch.set_num_threads(threads)
    return 100 * (highest - here) / (1 + here)


def training_loss(
    run: RunSettings, weights: Mapping[str, np.ndarray]
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    """Return the function from all weights in one array to the loss and its gradient.

    Args:
        run: A network's settings.
        weights: Its weights by name, for their order and shapes.
    """
    shapes = {name: tuple(np.shape(value)) for name, value in weights.items()}
    like = torch.zeros(1, dtype=torch.float64)
    parameters, gradients = (Stack.zeros(shapes, 1, like) for _ in range(2))
    data = stack_data([run], torch.device("cpu"))
    program = networks.program(run.task, run.network)
    examples = program.prepare(data.inputs_KDI)
    weight_KDA = torch.full_like(data.labels_KDA, 1 / data.labels_KDA.numel(), dtype=torch.float64)

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        parameters.flat.copy_(torch.as_tensor(theta))
        logits, backward = program.logits_and_backward(parameters.views, examples)
        shape, labels_KDA = logits.shape, data.labels_KDA
        losses_KDA, gradient_KDAS = log_odds_cross_entropy(
            logits.view(*labels_KDA.shape, -1), labels_KDA
        )
        value = float((losses_KDA * weight_KDA).sum())
        backward((gradient_KDAS * weight_KDA.unsqueeze(-1)).view(shape), gradients.views)
        return value, gradients.flat.numpy().copy()

    return loss
