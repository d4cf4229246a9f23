"""How steeply the training loss rises around a network (Keskar et al. 2017, Metric 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from scipy import optimize

from efficiency import models
from efficiency.ensemble import Stack, stack_data
from efficiency.losses import log_odds_cross_entropy
from efficiency.settings import RunSettings
from efficiency.statistics import FloatArray

BOX = 1e-3
"""ε of Keskar et al. (section 2.2.2; they also use 5e-4)."""

ITERATIONS = 10
"""Of L-BFGS-B, as there: a bound from below on the largest loss, reached at equal effort."""


def sharpness(run: RunSettings, weights: Mapping[str, np.ndarray], box: float = BOX) -> float:
    """Return φ = 100 · (max f(θ + δ) − f(θ)) / (1 + f(θ)) over |δᵢ| ≤ ε(|θᵢ| + 1).

    f is the mean training loss on all D examples in nats, without weight decay, dropout or noise,
    in float64; the maximum is sought by at most ten iterations of L-BFGS-B from θ.

    Args:
        run: The network's settings.
        weights: Its weights by name, all finite.
        box: ε > 0.
    """
    loss = _training_loss(run, weights)
    theta = np.concatenate([np.ravel(value) for value in weights.values()]).astype(float)
    here, gradient = loss(theta)
    reach = box * (np.abs(theta) + 1)
    # A first step uphill of the box's size: at θ itself the gradient is nearly 0.
    begin = theta + 0.1 * reach * np.sign(gradient)

    def downhill(point: FloatArray) -> tuple[float, FloatArray]:
        value, slope = loss(point)
        return -value, -slope

    found = optimize.minimize(
        downhill,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=optimize.Bounds(theta - reach, theta + reach),
        options={"maxiter": ITERATIONS},
    )
    return 100 * max(-float(found.fun) - here, 0.0) / (1 + here)


def _training_loss(
    run: RunSettings, weights: Mapping[str, np.ndarray]
) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    """Return the function from all weights in one array to the loss and its gradient."""
    shapes = {name: tuple(np.shape(value)) for name, value in weights.items()}
    like = torch.zeros(1, dtype=torch.float64)
    parameters, gradients = (Stack.zeros(shapes, 1, like) for _ in range(2))
    data = stack_data([run], torch.device("cpu"))
    program = models.program(run.task, run.network)
    examples = program.prepare(data.left_KD, data.right_KD)
    weight_KD = data.weight_KD.double()

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        parameters.flat.copy_(torch.as_tensor(theta))
        logits_KDS, backward = program.logits_and_backward(parameters.views, examples)
        losses_KD, gradient_KDS = log_odds_cross_entropy(logits_KDS, data.labels_KD)
        value = float((losses_KD * weight_KD).sum())
        backward(gradient_KDS * weight_KD.unsqueeze(-1), gradients.views)
        return value, gradients.flat.numpy().copy()

    return loss
