from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from efficiency import networks
from efficiency.networks import OneLayerTransformer, Transformer
from efficiency.networks.transformer import sinusoids
from efficiency.settings import (
    MLPSettings,
    OneLayerTransformerSettings,
    TaskSettings,
    TransformerSettings,
)


def filled(network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return network.double()


def general(**changes):
    given = {
        "num_symbols": 7,
        "num_positions": 3,
        "num_layers": 1,
        "d_model": 16,
        "num_heads": 4,
        "d_mlp": 24,
        "biases": True,
        "normalisation": "none",
        "learned_positions": True,
    }
    return Transformer(**(given | changes))


def test_one_layer_without_normalisation_is_the_one_layer_transformer():
    special = filled(OneLayerTransformer(num_symbols=7, d_model=16, num_heads=4, d_mlp=24))
    network = general().double()
    names = [name for name, _ in special.named_parameters()]
    paths = [n if n in ("W_E", "W_pos", "W_U") else f"layers.0.{n}" for n in names]
    network.load_state_dict(dict(zip(paths, special.state_dict().values(), strict=True)))
    a, b = torch.cartesian_prod(torch.arange(7), torch.arange(7)).T
    tokens = torch.stack([a, b, torch.full_like(a, 7)], dim=-1)
    one, other = special(tokens), network(tokens)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    for each in (one, other):
        F.cross_entropy(each, (a + b) % 7).backward()
    gradients = dict(network.named_parameters())
    for name, path in zip(names, paths, strict=True):
        expected = special.get_parameter(name).grad
        torch.testing.assert_close(gradients[path].grad, expected, rtol=1e-10, atol=1e-12)


def textbook(network, tokens, num_heads, normalisation):
    """Compute a transformer at every position, position by position and head by head."""
    norm = (lambda part, x: x) if normalisation == "none" else lambda part, x: part(x)
    logits = []
    for row in tokens:
        x = network.W_E[row] + network.W_pos
        for layer in network.layers:
            width = x.shape[1] // num_heads
            read = norm(layer.norm_attention, x) if normalisation == "pre" else x
            attended = torch.zeros_like(x)
            for t in range(len(x)):
                for h in range(num_heads):
                    columns = slice(h * width, (h + 1) * width)
                    query = read[t] @ layer.W_Q[:, columns]
                    scores = torch.stack(
                        [query @ (read[s] @ layer.W_K[:, columns]) for s in range(t + 1)]
                    )
                    weights = (scores / math.sqrt(width)).softmax(0)
                    values = torch.stack([read[s] @ layer.W_V[:, columns] for s in range(t + 1)])
                    attended[t, columns] = weights @ values
            x = x + attended @ layer.W_O
            x = norm(layer.norm_attention, x) if normalisation == "post" else x
            read = norm(layer.norm_mlp, x) if normalisation == "pre" else x
            x = x + torch.relu(read @ layer.W_in + layer.b_in) @ layer.W_out + layer.b_out
            x = norm(layer.norm_mlp, x) if normalisation == "post" else x
        logits.append(norm(network.norm_last, x[-1]) @ network.W_U)
    return torch.stack(logits)


@pytest.mark.parametrize("normalisation", ["none", "pre", "post"])
def test_depth_and_causality_are_those_of_a_textbook(normalisation):
    network = filled(general(num_layers=3, num_positions=4, normalisation=normalisation), seed=1)
    tokens = torch.tensor([[1, 8, 2, 7], [6, 8, 0, 7]])
    with torch.no_grad():
        expected = textbook(network, tokens, 4, normalisation)
        torch.testing.assert_close(network(tokens), expected, rtol=1e-12, atol=1e-12)


def test_normalisation_leaves_mean_zero_and_variance_one_before_gain_and_bias():
    network = general(normalisation="pre")
    network.initialise(torch.Generator().manual_seed(0))
    normed = network.norm_last(3 + 5 * torch.randn(6, 16))
    torch.testing.assert_close(normed.mean(-1), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(normed.var(-1, unbiased=False), torch.ones(6), atol=1e-4, rtol=0)


def test_fixed_positions_are_sine_and_cosine_in_turns():
    found = sinusoids(4, 6)
    for t in range(4):
        for i in (0, 2, 4):
            assert found[t, i] == pytest.approx(math.sin(t / 10000 ** (i / 6)))
            assert found[t, i + 1] == pytest.approx(math.cos(t / 10000 ** (i / 6)))


def test_the_network_of_the_first_study_has_the_size_it_states():
    task = TaskSettings(operation="division", size=97)
    shapes = networks.shapes(task, TransformerSettings())
    embedding = ("W_E", "W_U")
    count = sum(math.prod(shape) for name, shape in shapes.items() if name not in embedding)
    # "about 4·10⁵ non-embedding parameters" (Power et al. 2022, A.1.2)
    assert count == pytest.approx(4e5, rel=0.05)


def test_an_mlp_is_its_formula_and_reads_nothing_but_the_operands():
    task = TaskSettings(operation="addition", size=7)
    network = filled(networks.network(task, MLPSettings(d_model=5, d_mlp=9, num_layers=2)))
    tokens = torch.tensor([[1, 2, 7], [6, 0, 7]])
    first, second = network.hidden
    for row, logits in zip(tokens, network(tokens), strict=True):
        x = torch.cat([network.W_E[row[0]], network.W_E[row[1]]])
        x = torch.relu(x @ first.W_in + first.b_in)
        x = torch.relu(x @ second.W_in + second.b_in)
        torch.testing.assert_close(logits, x @ network.W_U + network.b_U)
    assert (network(tokens) == network(tokens[:, :2])).all()


@pytest.mark.parametrize(
    "settings",
    [
        OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=12),
        TransformerSettings(d_model=8, num_heads=2, d_mlp=12, normalisation="pre"),
        MLPSettings(d_model=8, d_mlp=12),
    ],
)
def test_initial_weights_have_the_variance_of_their_fan_in_and_gains_are_one(settings):
    task = TaskSettings(operation="addition", size=113)
    network = networks.network(task, settings.model_copy(update={"d_mlp": 400}))
    network.initialise(torch.Generator().manual_seed(0))
    for path, parameter in network.named_parameters():
        name = path.rsplit(".", 1)[-1]
        if name.startswith("g_"):
            assert (parameter == 1).all()
        elif name.startswith("b_"):
            assert (parameter == 0).all()
        elif parameter.numel() > 500:
            fan_in = 8 if name in ("W_E", "W_pos") else parameter.shape[0]
            error = 5 * math.sqrt(2 / parameter.numel())
            assert float(parameter.detach().var()) * fan_in == pytest.approx(1, rel=error)
