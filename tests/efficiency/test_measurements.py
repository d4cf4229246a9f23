from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from efficiency.measurements import PARTS, means, names, norms, readings


def brute_force(logits: torch.Tensor, label: int) -> dict[str, float]:
    o = logits.double()
    wrong = torch.cat([o[:label], o[label + 1 :]])
    s = o[label] - torch.logsumexp(wrong, 0)
    return {
        "loss": float(torch.nn.functional.cross_entropy(o[None], torch.tensor([label]))),
        "accuracy": float(o[label] > wrong.max()),
        "log_odds": float(s),
        "margin": float(o[label] - wrong.max()),
        "centred_logit": float(o[label] - o.mean()),
    }


@given(st.integers(0, 10**6))
def test_readings_are_their_definitions(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 4, 6, generator=generator)
    labels = torch.randint(6, (2, 4), generator=generator)
    found = readings(logits, labels)
    for k in range(2):
        for n in range(4):
            expected = brute_force(logits[k, n], int(labels[k, n]))
            for name, value in expected.items():
                assert float(found[name][k, n]) == pytest.approx(value, rel=1e-5, abs=1e-5), name


def test_a_tie_is_not_a_correct_answer():
    found = readings(torch.tensor([[[1.0, 1.0, 0.0]]]), torch.tensor([[0]]))
    assert found["accuracy"].item() == 0


def test_means_look_only_inside_their_part():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 6, 4, generator=generator)
    labels = torch.randint(4, (1, 6), generator=generator)
    masks = {part: torch.zeros(1, 6, dtype=torch.float64) for part in PARTS}
    masks["train"][0, :3] = 1
    masks["test"][0, 3:] = 1
    before = means(readings(logits, labels), masks)
    logits[0, 4] = torch.tensor([torch.inf, 0.0, 0.0, 0.0])
    after = means(readings(logits, labels), masks)
    for name, value in before.items():
        if name.startswith("train") or name in ("log_odds", "margin", "centred_logit"):
            assert torch.equal(after[name], value), name
    assert torch.isnan(before["removed_accuracy"]).all()


@given(st.floats(0.01, 100), st.integers(0, 10**6))
def test_norms_scale_with_the_weights_and_add_in_squares(factor, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {
        "a": torch.randn(3, 4, 5, generator=generator, dtype=torch.float64),
        "b": torch.randn(3, 2, generator=generator, dtype=torch.float64),
    }
    once = norms(weights)
    scaled = norms({name: factor * value for name, value in weights.items()})
    for name, value in once.items():
        torch.testing.assert_close(scaled[name], factor * value)
    torch.testing.assert_close(
        once["norm"].square(), once["norm_a"].square() + once["norm_b"].square()
    )


def test_the_names_are_those_of_the_measurements_in_order():
    weights = {"W_E": torch.ones(1, 2, 2)}
    masks = {part: torch.ones(1, 3, dtype=torch.float64) for part in PARTS}
    measured = means(readings(torch.randn(1, 3, 4), torch.zeros(1, 3, dtype=torch.int64)), masks)
    assert names(weights) == [*measured, *norms(weights)]
