"""The closed forms against numbers known beforehand and against numerical optimisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from efficiency import theory
from efficiency.theory import FloatArray, MinimalExample

CLASSES = 113
NORMS = st.lists(st.floats(0.3, 4.0), min_size=1, max_size=3)
EXPONENT = st.floats(1.0, 4.0)
ALPHA = st.floats(1e-4, 0.05)


def objective(weights: FloatArray, P: FloatArray, kappa: float, q: float, alpha: float) -> float:
    """Training loss plus penalty, as the paper writes it (section 3.2)."""
    penalty = ((weights ** (1 / kappa) * P) ** q).sum()
    return float(theory.training_loss(weights.sum(), CLASSES) + alpha * penalty)


def lowest_found(P: FloatArray, kappa: float, q: float, alpha: float) -> tuple[FloatArray, float]:
    """Minimise over w ≥ 0 from every corner and from the middle, knowing nothing of D.4."""
    n = len(P)
    corners = [total * share for share in (*np.eye(n), np.ones(n) / n) for total in (1, 9)]
    found = [
        optimize.minimize(
            # In square roots, so that the bound w ≥ 0 needs no constraint.
            lambda root: objective(root**2, P, kappa, q, alpha),
            np.sqrt(start) + 1e-3,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 20_000, "maxfev": 20_000},
        )
        for start in corners
    ]
    best = min(found, key=lambda result: result.fun)
    return best.x**2, float(best.fun)


@given(norms=NORMS, q=EXPONENT, ratio=st.floats(0.2, 0.85), alpha=ALPHA)
def test_below_q_every_circuit_survives_with_the_shares_of_d4(
    norms: list[float], q: float, ratio: float, alpha: float
) -> None:
    P, kappa = np.array(norms), ratio * q
    exact = theory.optimum(norms, kappa=kappa, q=q, alpha=alpha, num_classes=CLASSES)
    weights, value = lowest_found(P, kappa, q, alpha)
    assert objective(exact, P, kappa, q, alpha) <= value + 1e-9
    assert (exact > 0).all()
    if len(P) <= 2:
        # The simplex method places more weights less surely than it values them.
        np.testing.assert_allclose(exact, weights, atol=2e-3 * exact.sum())


@given(norms=NORMS, q=EXPONENT, ratio=st.floats(1.05, 2.5), alpha=ALPHA)
def test_from_q_on_the_most_efficient_circuit_takes_all(
    norms: list[float], q: float, ratio: float, alpha: float
) -> None:
    P, kappa = np.array(norms), ratio * q
    exact = theory.optimum(norms, kappa=kappa, q=q, alpha=alpha, num_classes=CLASSES)
    _, value = lowest_found(P, kappa, q, alpha)
    assert objective(exact, P, kappa, q, alpha) <= value + 1e-9
    assert np.count_nonzero(exact) <= 1
    if exact.any():
        assert exact[np.argmin(P)] > 0


def test_shares_other_than_those_of_d4_cost_more() -> None:
    P, kappa, q, alpha = np.array([1.0, 2.0]), 1.2, 2.0, 0.005
    exact = theory.optimum(P.tolist(), kappa=kappa, q=q, alpha=alpha, num_classes=CLASSES)
    best = objective(exact, P, kappa, q, alpha)
    for moved in (-0.05, 0.05):
        assert objective(exact + np.array([moved, -moved]), P, kappa, q, alpha) > best + 1e-6


@pytest.mark.parametrize(
    ("multiplier", "gen", "mem", "train", "test"),
    [(0.005, 7.248, 0.906, 0.0317, 0.0777), (0.0025, 7.832, 0.979, 0.0166, 0.0441)],
)
def test_the_minimal_example_has_its_known_optimum(
    multiplier: float, gen: float, mem: float, train: float, test: float
) -> None:
    example = MinimalExample(multiplier=multiplier)
    optimum = example.optimum()
    np.testing.assert_allclose(optimum, [gen, mem], atol=1e-3)
    assert optimum[0] / optimum[1] == pytest.approx(8, rel=1e-9)
    assert float(example.training_loss(*optimum)) == pytest.approx(train, abs=1e-4)
    assert float(example.test_loss(*optimum)) == pytest.approx(test, abs=1e-4)


def test_a_less_efficient_gen_never_generalises() -> None:
    example = MinimalExample(gen_norm=4)
    np.testing.assert_allclose(example.optimum(), [0.756, 6.047], atol=1e-3)
    assert float(example.test_loss(*example.optimum())) == pytest.approx(5.53, abs=5e-3)


def test_descent_groks_late_with_a_slow_gen_and_at_once_with_an_equal_one() -> None:
    slow = MinimalExample(multiplier=0.0025)
    gen, mem = slow.descend(9_400).T
    assert int(np.argmax(slow.training_loss(gen, mem) < 0.1)) == pytest.approx(304, abs=2)
    behind = np.flatnonzero(gen <= mem)
    assert int(behind[-1]) + 1 == pytest.approx(9_302, abs=2)
    equal = MinimalExample(multiplier=0.0025, gen_start=1.0)
    gen, mem = equal.descend(10).T
    # The first factors start at 0, so that one step is needed before the weights are told apart.
    assert (gen[2:] > mem[2:]).all()


@given(
    logits=st.lists(
        st.lists(st.floats(-5, 5), min_size=4, max_size=4), min_size=1, max_size=5
    ).filter(lambda rows: all(np.ptp(row) > 0.1 for row in rows)),
    factor=st.floats(1.01, 10),
)
def test_scaling_lowers_the_loss_of_a_perfect_classifier(
    logits: list[list[float]], factor: float
) -> None:
    logits_DS = np.array(logits)
    labels_D = logits_DS.argmax(axis=1)
    before = theory.cross_entropy_of_scaled(logits_DS, labels_D, 1)
    assert theory.cross_entropy_of_scaled(logits_DS, labels_D, factor) < before


def test_scaling_raises_the_loss_of_a_wrong_classifier() -> None:
    logits_DS = np.array([[2.0, 0.0, 0.0]])
    losses = [theory.cross_entropy_of_scaled(logits_DS, np.array([1]), c) for c in (1.0, 2.0)]
    assert losses[1] > losses[0]


@given(norm=st.floats(0.1, 50), factor=st.floats(0.1, 10), kappa=st.floats(0.5, 6))
def test_scaling_twice_costs_what_scaling_at_once_costs(
    norm: float, factor: float, kappa: float
) -> None:
    twice = theory.norm_of_scaled(theory.norm_of_scaled(norm, factor, kappa), factor, kappa)
    assert float(twice) == pytest.approx(float(theory.norm_of_scaled(norm, factor**2, kappa)))


def test_the_curves_cross_where_their_norms_are_equal() -> None:
    size = theory.crossing(20.0, mem_intercept=1.0, mem_slope=0.35)
    assert 1.0 + 0.35 * np.log(size) == pytest.approx(np.log(20.0))
    with pytest.raises(ValueError, match="mem_slope -1"):
        theory.crossing(20.0, 1.0, -1)


@pytest.mark.parametrize(
    "wrong", [{"kappa": 0.0}, {"q": -1.0}, {"alpha": 0.0}, {"num_classes": 1}, {"norms": []}]
)
def test_numbers_outside_their_range_are_named(wrong: dict[str, object]) -> None:
    good = {"norms": [1.0], "kappa": 1.0, "q": 2.0, "alpha": 0.01, "num_classes": 5}
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("norms", "at least one norm")):
        theory.optimum(**(good | wrong))  # type: ignore[arg-type]
