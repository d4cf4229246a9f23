"""What circuit efficiency implies exactly: one function for each result of the paper.

Circuits are lookup tables with fixed unit logits. Circuit i multiplies its logits by a weight
w_i ≥ 0, and that costs parameter norm w_i^{1/κ}·P_i: P_i is its norm at unit logit (smaller is more
efficient), κ says how logits grow with norm, like a depth. All circuits support the right answer of
every training example, so that the training loss is a function of Σ w_i alone. To it the penalty
α·Σ (w_i^{1/κ}·P_i)^q is added. (Varma et al. 2023, section 3 and appendix D.)

One appendix of the paper divides the penalty by q and another does not: here α multiplies the plain
sum, so that the other convention is α/q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from efficiency.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]


def training_loss(logit: npt.ArrayLike, num_classes: int) -> FloatArray:
    """Return log(1 + (S − 1)·e^{−logit}) in nats: all classes but the right one have logit 0.

    Args:
        logit: Σ w_i, the logit of the right class.
        num_classes: S, at least 2.
    """
    shifted = np.log(num_classes - 1) - np.asarray(logit, dtype=float)
    loss: FloatArray = np.logaddexp(0.0, shifted)
    return loss


def cross_entropy_of_scaled(
    logits_DS: npt.ArrayLike, labels_D: npt.ArrayLike, factor: float
) -> float:
    """Return the mean cross-entropy in nats of logits multiplied by ``factor``.

    Theorem D.1: where every example is classified correctly, it falls strictly with the factor.
    """
    scaled_DS = factor * np.asarray(logits_DS, dtype=float)
    right_D1 = np.take_along_axis(scaled_DS, np.asarray(labels_D)[:, None], axis=1)
    return float(np.logaddexp.reduce(scaled_DS - right_D1, axis=1).mean())


def norm_of_scaled(norm: npt.ArrayLike, factor: npt.ArrayLike, kappa: float) -> FloatArray:
    """Return the norm of a circuit whose logits are multiplied by ``factor``: factor^{1/κ}·norm."""
    scaled: FloatArray = np.asarray(factor, dtype=float) ** (1 / kappa) * np.asarray(norm)
    return scaled


def shares(norms: Sequence[float], *, kappa: float, q: float) -> FloatArray:
    """Return the shares w_i / Σ w of circuits at the optimum (theorem D.4).

    With κ ≥ q the penalty is concave in each weight or linear, and all goes to the most efficient
    circuit; equally efficient ones are indifferent at κ = q, and here the first of them takes all.
    With 0 < κ < q all survive, w_i ∝ P_i^{−qκ/(q−κ)}.

    Args:
        norms: P_i > 0.
        kappa: κ > 0.
        q: Exponent of the penalty, > 0; 2 for weight decay.

    Raises:
        ValueError: A number is not positive, or there is no circuit.
    """
    P = np.asarray(norms, dtype=float)
    if not len(P) or not (P > 0).all() or kappa <= 0 or q <= 0:
        raise InvalidInputError(
            f"norms {list(norms)}, kappa {kappa} and q {q} were given; all must be positive, and "
            "there must be at least one norm"
        )
    if kappa >= q:
        all_to_one: FloatArray = np.eye(len(P))[int(np.argmin(P))]
        return all_to_one
    # In logarithms: the exponent grows without bound as κ comes near q.
    log_share = -q * kappa / (q - kappa) * np.log(P)
    share: FloatArray = np.exp(log_share - np.logaddexp.reduce(log_share))
    return share


def optimum(
    norms: Sequence[float], *, kappa: float, q: float, alpha: float, num_classes: int
) -> FloatArray:
    """Return the weights w_i that minimise training loss plus penalty (theorem D.4).

    Args:
        norms: P_i > 0.
        kappa: κ > 0.
        q: Exponent of the penalty, > 0.
        alpha: Multiplier of the penalty, > 0.
        num_classes: S, at least 2.

    Raises:
        ValueError: A number is outside its range.
    """
    if alpha <= 0 or num_classes < 2:
        raise InvalidInputError(
            f"alpha {alpha} and num_classes {num_classes} were given; alpha must be positive and "
            "there must be at least two classes"
        )
    share = shares(norms, kappa=kappa, q=q)
    P = np.asarray(norms, dtype=float)
    used = share > 0
    # Along these shares the penalty is cost·W^{q/κ} in the total weight W.
    cost = alpha * float((share[used] ** (q / kappa) * P[used] ** q).sum())

    def objective(total: float) -> float:
        return float(training_loss(total, num_classes) + cost * total ** (q / kappa))

    # Beyond this the penalty alone exceeds the loss of doing nothing.
    most = (np.log(num_classes) / cost) ** (kappa / q)
    # With κ > q the objective has a minimum at 0 and may have another: look everywhere first.
    grid = np.concatenate([[0.0], np.geomspace(1e-6 * min(most, 1), most, 4000)])
    best = int(np.argmin([objective(total) for total in grid]))
    if best == 0:
        return np.zeros(len(P))
    # In logarithms: a light penalty puts ``most`` many orders of magnitude above the optimum.
    low, high = grid[max(best - 1, 1)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(
        lambda log_total: objective(float(np.exp(log_total))),
        bounds=(float(np.log(low)), float(np.log(high))),
        method="bounded",
        options={"xatol": 1e-9},
    )
    weights: FloatArray = float(np.exp(found.x)) * share
    return weights


@dataclass(frozen=True, kw_only=True)
class MinimalExample:
    """The three ingredients of grokking with two lookup tables (paper, figure 2).

    w_g = w_g1·w_g2 and w_m = w_m1·w_m2. On training examples both tables support the right class;
    on test examples Gen does, and Mem one wrong class. The first factors start at 0.

    Attributes:
        gen_norm: P_g.
        mem_norm: P_m; less efficient than Gen where larger.
        kappa: κ.
        multiplier: α, of the plain sum of squares. The paper's 0.005; with the other convention,
            which halves the penalty, 0.0025.
        gen_start: w_g2 at the beginning; small: Gen is learned slowly.
        mem_start: w_m2 at the beginning.
        num_classes: S.
        learning_rate: Of plain gradient descent (assumed, the paper does not say).
    """

    gen_norm: float = 1.0
    mem_norm: float = 2.0
    kappa: float = 1.2
    multiplier: float = 0.005
    gen_start: float = 0.005
    mem_start: float = 1.0
    num_classes: int = 113
    learning_rate: float = 0.01

    def optimum(self) -> FloatArray:
        """Return (w_g, w_m) at the optimum."""
        return optimum(
            (self.gen_norm, self.mem_norm),
            kappa=self.kappa,
            q=2,
            alpha=self.multiplier,
            num_classes=self.num_classes,
        )

    def training_loss(self, gen: npt.ArrayLike, mem: npt.ArrayLike) -> FloatArray:
        """Return the training loss in nats for weights of Gen and Mem."""
        return training_loss(np.add(gen, mem), self.num_classes)

    def test_loss(self, gen: npt.ArrayLike, mem: npt.ArrayLike) -> FloatArray:
        """Return log(e^{w_g} + e^{w_m} + S − 2) − w_g, the test loss in nats."""
        w_g, w_m = np.asarray(gen, dtype=float), np.asarray(mem, dtype=float)
        others = np.log(self.num_classes - 2) if self.num_classes > 2 else -np.inf
        loss: FloatArray = np.logaddexp(np.logaddexp(w_g, w_m), others) - w_g
        return loss

    def descend(self, num_steps: int) -> FloatArray:
        """Return (num_steps + 1, 2) weights (w_g, w_m) of gradient descent, before every step."""
        first, second = np.zeros(2), np.array([self.gen_start, self.mem_start])
        P, S, power = np.array([self.gen_norm, self.mem_norm]), self.num_classes, 2 / self.kappa
        weights = np.empty((num_steps + 1, 2))
        for step in range(num_steps + 1):
            w = weights[step] = first * second
            of_loss = -(S - 1) / (np.exp(w.sum()) + S - 1)
            size = np.abs(w)
            of_penalty = self.multiplier * power * size ** (power - 1) * P**2 * np.sign(w)
            slope = self.learning_rate * (of_loss + of_penalty)
            first, second = first - slope * second, second - slope * first
        return weights


def crossing(gen_norm: float, mem_intercept: float, mem_slope: float) -> float:
    """Return D_crit, where log P_mem = intercept + slope·log D equals log P_gen (section 3.2).

    Args:
        gen_norm: P_gen, the isologit norm of Gen, which does not depend on D; > 0.
        mem_intercept: log P_mem at D = 1.
        mem_slope: How log P_mem grows with log D, > 0.

    Raises:
        ValueError: Mem's norm does not grow with D, or Gen's is not positive.
    """
    if not (gen_norm > 0 and mem_slope > 0):
        raise InvalidInputError(
            f"gen_norm {gen_norm} and mem_slope {mem_slope} were given; the curves cross once if "
            "both are positive"
        )
    return float(np.exp((np.log(gen_norm) - mem_intercept) / mem_slope))
