from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency.networks import OneLayerTransformer, StackedProgram, TableForm
from efficiency.training.losses import LOSSES

TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-4}


def networks(num_members: int, dtype: torch.dtype, seed: int, *, S=7, M=16, H=4, L=24):
    """Return K textbook networks with random weights (biases too) and the same weights stacked."""
    members = []
    generator = torch.Generator().manual_seed(seed)
    for _ in range(num_members):
        network = OneLayerTransformer(num_symbols=S, d_model=M, num_heads=H, d_mlp=L).to(dtype)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
        members.append(network)
    names = [name for name, _ in members[0].named_parameters()]
    stacked = {
        n: torch.stack([dict(m.named_parameters())[n].detach() for m in members]) for n in names
    }
    return members, stacked


def examples(num_members: int, num_examples: int, seed: int, *, S=7):
    generator = torch.Generator().manual_seed(seed)
    shape = (num_members, num_examples)
    return [torch.randint(S, shape, generator=generator) for _ in range(3)]


def relative_error(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(3))
def test_logits_and_every_gradient_equal_the_textbook_network(dtype, seed):
    members, stacked = networks(3, dtype, seed)
    left, right, labels = examples(3, 20, seed)
    program = TableForm(num_symbols=7, num_heads=4)
    logits, backward = program.logits_and_backward(
        stacked, program.prepare(torch.stack([left, right], dim=-1))
    )
    logits = logits.clone()
    gradients = {name: torch.full_like(value, torch.nan) for name, value in stacked.items()}
    _, dlogits = LOSSES["log-odds"](logits.clone(), labels)
    backward(dlogits / 20, gradients)

    for k, network in enumerate(members):
        tokens = torch.stack([left[k], right[k], torch.full_like(left[k], 7)], dim=-1)
        expected = network(tokens)
        torch.nn.functional.cross_entropy(expected, labels[k]).backward()
        assert relative_error(logits[k], expected.detach()) < TOLERANCE[dtype]
        for name, parameter in network.named_parameters():
            assert parameter.grad.abs().max() > 0
            assert relative_error(gradients[name][k], parameter.grad) < TOLERANCE[dtype], name


@pytest.mark.parametrize("seed", range(3))
def test_the_stacked_module_and_the_table_form_are_one_program(seed):
    members, stacked = networks(4, torch.float64, seed)
    left, right, labels = examples(4, 15, seed)
    found = []
    for program in (
        StackedProgram(members[0], ["a", "b", 7]),
        TableForm(num_symbols=7, num_heads=4),
    ):
        prepared = program.prepare(torch.stack([left, right], dim=-1))
        logits, backward = program.logits_and_backward(stacked, prepared)
        gradients = {name: torch.zeros_like(value) for name, value in stacked.items()}
        kept = logits.clone()
        backward(LOSSES["log-odds"](logits, labels)[1], gradients)
        torch.testing.assert_close(program.logits(stacked, prepared), kept)
        found.append((kept, gradients))
    torch.testing.assert_close(found[0], found[1])


def test_the_textbook_network_is_the_one_that_torchs_own_attention_makes():
    (network,), _ = networks(1, torch.float64, 0)
    left, right, _ = examples(1, 12, 0)
    tokens = torch.stack([left[0], right[0], torch.full_like(left[0], 7)], dim=-1)
    residual = network.W_E[tokens] + network.W_pos
    query, key, value = (
        (residual @ matrix).unflatten(-1, (4, 4)).transpose(1, 2)
        for matrix in (network.W_Q, network.W_K, network.W_V)
    )
    mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    residual = residual + mixed.transpose(1, 2).flatten(2) @ network.W_O
    hidden = torch.relu(residual @ network.W_in + network.b_in)
    expected = (residual + hidden @ network.W_out + network.b_out)[:, -1] @ network.W_U
    torch.testing.assert_close(network(tokens), expected)


@hypothesis_settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_examples_of_weight_zero_change_nothing(seed, num_padding):
    _, stacked = networks(2, torch.float64, seed)
    left, right, labels = examples(2, 10, seed)
    program = TableForm(num_symbols=7, num_heads=4)

    def gradients_with(left, right, labels, weights):
        logits, backward = program.logits_and_backward(
            stacked, program.prepare(torch.stack([left, right], dim=-1))
        )
        found = {name: torch.zeros_like(value) for name, value in stacked.items()}
        backward(LOSSES["log-odds"](logits, labels)[1] * weights[..., None], found)
        return found

    weights = torch.full((2, 10), 0.1, dtype=torch.float64)
    plain = gradients_with(left, right, labels, weights)
    padding = examples(2, num_padding, seed + 1)
    padded = gradients_with(
        *(torch.cat(pair, dim=1) for pair in zip((left, right, labels), padding, strict=True)),
        torch.cat([weights, torch.zeros(2, num_padding, dtype=torch.float64)], dim=1),
    )
    torch.testing.assert_close(plain, padded)
