from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from efficiency.training.losses import LOSSES, relative_to_correct

mp.dps = 40

SOFTMAX = sorted(LOSSES.keys() - {"stablemax", "squared-error"})


def logits_with_loss(loss: float, num_classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float32 logits (1, S) and a label whose cross-entropy is about ``loss``."""
    rng = np.random.default_rng(seed)
    wrong = rng.normal(size=num_classes - 1)
    log_odds = -math.log(math.expm1(loss))
    correct = log_odds + math.log(np.exp(wrong).sum())
    label = int(rng.integers(num_classes))
    logits = torch.tensor(np.insert(wrong, label, correct)[None], dtype=torch.float32)
    return logits, torch.tensor([label])


def exact(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, list[float]]:
    """Return loss and gradient of one example in 40 digits."""
    values = [mpf(float(x)) for x in logits[0]]
    label = int(labels[0])
    odds = [mp.exp(x - values[label]) for x in values]
    rest = sum(o for i, o in enumerate(odds) if i != label)
    gradient = [o / (1 + rest) for o in odds]
    gradient[label] = -rest / (1 + rest)
    return float(mp.log1p(rest)), [float(g) for g in gradient]


@pytest.mark.parametrize("name", ["log-odds", "float64"])
@given(exponent=st.floats(-12, 1), num_classes=st.integers(2, 113), seed=st.integers(0, 10**6))
def test_cross_entropy_and_gradient_are_accurate_from_10_down_to_1e_12(
    name, exponent, num_classes, seed
):
    logits, labels = logits_with_loss(10**exponent, num_classes, seed)
    expected_loss, expected_gradient = exact(logits, labels)
    loss, gradient = LOSSES[name](logits.clone(), labels)
    assert float(loss[0]) == pytest.approx(expected_loss, rel=1e-5)
    assert gradient[0].tolist() == pytest.approx(expected_gradient, rel=1e-5)


@given(margin=st.floats(0, 86), num_classes=st.integers(2, 20))
def test_no_gradient_vanishes_before_the_float32_probability_does(margin, num_classes):
    logits = torch.zeros(1, num_classes)
    logits[0, 0] = margin
    _, gradient = LOSSES["log-odds"](logits.clone(), torch.tensor([0]))
    probability_of_a_wrong_class = torch.exp(torch.tensor(-margin))
    assert probability_of_a_wrong_class > 0
    assert (gradient[0, 1:] > 0).all()
    assert gradient[0, 0] < 0


def test_plain_float32_cross_entropy_collapses_where_the_accurate_one_does_not():
    logits, labels = logits_with_loss(1e-10, 31, seed=0)
    plain_loss, plain_gradient = LOSSES["plain"](logits.clone(), labels)
    accurate_loss, accurate_gradient = LOSSES["log-odds"](logits.clone(), labels)
    assert plain_loss[0] == 0
    assert plain_gradient[0, labels[0]] == 0
    assert accurate_loss[0] == pytest.approx(1e-10, rel=1e-3)
    assert accurate_gradient[0, labels[0]] < 0


@pytest.mark.parametrize("name", SOFTMAX)
def test_every_loss_of_softmax_is_torchs_cross_entropy_where_that_is_accurate(name):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 11, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randint(11, (3, 5), generator=generator)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    expected.backward()
    loss, gradient = LOSSES[name](logits.detach().clone(), labels)
    assert float(loss.mean()) == pytest.approx(float(expected.detach()))
    torch.testing.assert_close(gradient / 15, logits.grad)


@given(
    logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=12),
    label=st.integers(0, 11),
)
def test_stablemax_and_its_gradient_are_those_of_its_definition(logits, label):
    label %= len(logits)
    values = [mpf(x) for x in logits]
    terms = [x + 1 if x >= 0 else 1 / (1 - x) for x in values]
    slopes = [mpf(1) if x >= 0 else 1 / (1 - x) ** 2 for x in values]
    total, right = sum(terms), terms[label]
    expected = [slope / total for slope in slopes]
    expected[label] -= slopes[label] / right
    given_logits = torch.tensor([logits], dtype=torch.float32)
    loss, gradient = LOSSES["stablemax"](given_logits.clone(), torch.tensor([label]))
    assert float(loss[0]) == pytest.approx(float(-mp.log(right / total)), rel=1e-5)
    assert gradient[0].tolist() == pytest.approx([float(g) for g in expected], rel=1e-5)


@pytest.mark.parametrize("name", SOFTMAX)
def test_huge_logits_of_either_sign_stay_finite(name):
    logits = torch.tensor([[2000.0, -2000.0, 0.0], [-2000.0, 2000.0, 0.0]])
    loss, gradient = LOSSES[name](logits, torch.tensor([0, 0]))
    assert loss.tolist() == pytest.approx([0.0, 4000.0])
    assert torch.isfinite(gradient).all()


def test_relative_logits_leave_the_logits_alone():
    logits = torch.randn(4, 6)
    before = logits.clone()
    relative = relative_to_correct(logits, torch.tensor([0, 1, 2, 3]))
    assert torch.equal(logits, before)
    assert torch.isinf(relative[torch.arange(4), torch.arange(4)]).all()


@given(
    spread=st.floats(90, 400),
    right=st.floats(-30, 30),
    num_classes=st.integers(3, 20),
    seed=st.integers(0, 10**6),
)
def test_terms_that_are_cut_off_change_nothing_that_could_be_seen(spread, right, num_classes, seed):
    # Most wrong classes lie below what float32 can hold beside the largest.
    rng = np.random.default_rng(seed)
    wrong = np.append(-spread * rng.random(num_classes - 2), 0.0)
    logits = torch.tensor(np.append(wrong, right)[None], dtype=torch.float32)
    labels = torch.tensor([num_classes - 1])
    expected_loss, expected_gradient = exact(logits, labels)
    loss, gradient = LOSSES["log-odds"](logits.clone(), labels)
    assert float(loss[0]) == pytest.approx(expected_loss, rel=1e-5)
    assert gradient[0].tolist() == pytest.approx(expected_gradient, rel=1e-5, abs=1e-37)
