"""A traced function and its backward pass do what autograd does, number for number."""

from __future__ import annotations

import threading

import pytest
import torch

from efficiency.models.traced import passes


def _inputs(seed: int) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    places = torch.randint(0, 4, (6,))
    return [torch.randn(4, 3), torch.randn(3), torch.randn(5), places]


def _network(table, gain, unused, places):
    rows = torch.relu(table[places] * gain)
    return torch.exp(rows @ table.T)  # backward reads the output of exp, which is the result


def _by_autograd(inputs, cotangent):
    weights = [value.clone().requires_grad_() for value in inputs[:3]]
    output = _network(*weights, inputs[3])
    gradients = torch.autograd.grad(output, weights, cotangent, materialize_grads=True)
    return output.detach(), gradients


def test_both_passes_equal_autograd_on_other_numbers_than_were_traced():
    forward, backward = passes(_network, _inputs(0), 3)
    for seed in range(1, 4):
        inputs = _inputs(seed)
        cotangent = torch.randn(6, 4)
        expected, gradients = _by_autograd(inputs, cotangent)
        output, *kept = forward(*inputs)
        torch.testing.assert_close(output, expected, rtol=0, atol=0)
        output.fill_(torch.nan)  # the caller may overwrite it
        found = backward(*kept, cotangent)
        for one, other in zip(found, gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_gradient_that_waits_for_nothing_is_zero():
    # The second weight is never used: its gradient does not depend on the cotangent.
    forward, backward = passes(_network, _inputs(0), 3)
    _, *kept = forward(*_inputs(1))
    assert (backward(*kept, torch.ones(6, 4))[2] == 0).all()


def test_what_depends_on_numbers_is_refused():
    def branches(x):
        return x if x.sum() > 0 else -x

    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        passes(branches, [torch.ones(3)], 1)


def test_threads_may_trace_at_once():
    found = {}

    def work(seed: int) -> None:
        forward, backward = passes(_network, _inputs(seed), 3)
        output, *kept = forward(*_inputs(seed))
        found[seed] = (output, backward(*kept, torch.ones(6, 4)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, (output, gradients) in found.items():
        expected, wanted = _by_autograd(_inputs(seed), torch.ones(6, 4))
        assert torch.equal(output, expected)
        assert all(torch.equal(one, other) for one, other in zip(gradients, wanted, strict=True))
    assert len(found) == 4
