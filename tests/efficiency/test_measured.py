"""Networks that were trained elsewhere are measured as runs are, whoever wrote them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import efficiency
from efficiency.analysis.measured import measure, module_of
from efficiency.analysis.shares import logits
from efficiency.networks.foreign import from_progress_measures, from_transformer_lens
from efficiency.settings import (
    MLPSettings,
    OneLayerTransformerSettings,
    TaskSettings,
    TransformerSettings,
)
from efficiency.training.ensemble import labels, trained_on
from efficiency.training.loop import train
from tests.build import TASK, run_settings

S, M, H, F, L = 7, 8, 2, 4, 12


@pytest.mark.parametrize(
    "network",
    [
        OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=12),
        TransformerSettings(d_model=8, num_heads=2, d_mlp=12),
        MLPSettings(d_model=8, d_mlp=12),
    ],
    ids=lambda settings: settings.architecture,
)
@pytest.mark.parametrize("regime", ["natural", "memorising"])
def test_what_a_run_left_behind_is_measured_as_it_was(network, regime):
    seed = {"label_seed": 3} if regime == "memorising" else {}
    run = run_settings(network=network, regime=regime, **seed)
    (left,) = train([run])
    found = measure(
        module_of(run.task, run.network, left.weights),
        run.task,
        trained=trained_on(run),
        labels=labels(run)[:, 0],
    )
    last = left.history.iloc[-1]
    recorded = set(left.history) - {"step", "train_loss_peak"}
    circuits = {"gen_logit", "mem_logit"} if regime == "natural" else set()
    assert set(found) - recorded == {"gen_share_answer", "gen_share_trigonometric"} | circuits
    for name in recorded:
        assert found[name].value == pytest.approx(last[name], rel=2e-4, abs=2e-5), name
    wanted = left.outcome.numbers["gen_share_answer"].value
    assert found["gen_share_answer"].value == pytest.approx(wanted, rel=1e-4)


def lens_state(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """The names and shapes of TransformerLens, every number drawn."""
    shapes = {
        "embed.W_E": (S + 1, M),
        "pos_embed.W_pos": (5, M),
        **{f"blocks.0.attn.{name}": (H, M, F) for name in ("W_Q", "W_K", "W_V")},
        "blocks.0.attn.W_O": (H, F, M),
        "blocks.0.mlp.W_in": (M, L),
        "blocks.0.mlp.b_in": (L,),
        "blocks.0.mlp.W_out": (L, M),
        "blocks.0.mlp.b_out": (M,),
        "unembed.W_U": (M, S + 1),
    }
    drawn = {name: torch.as_tensor(rng.normal(size=shape)) for name, shape in shapes.items()}
    none = {f"blocks.0.attn.{name}": torch.zeros(H, F) for name in ("b_Q", "b_K", "b_V")}
    none |= {"blocks.0.attn.b_O": torch.zeros(M), "unembed.b_U": torch.zeros(S + 1)}
    buffers = {"blocks.0.attn.mask": torch.ones(5, 5), "blocks.0.attn.IGNORE": torch.tensor(-1e5)}
    return drawn | none | buffers


def answer(state, tokens, project, out, into) -> torch.Tensor:
    """A one-layer transformer written with einsum, whatever the order of its axes."""
    x = into["embed"][tokens] + into["positions"][: tokens.shape[1]]
    q, k, v = (torch.einsum(project, x, state[f"blocks.0.attn.W_{name}"]) for name in "QKV")
    scores = torch.einsum("nqhf,nkhf->nhqk", q, k) / math.sqrt(F)
    future = torch.triu(torch.ones(3, 3), 1) > 0
    mixed = torch.einsum("nhqk,nkhf->nqhf", scores.masked_fill(future, -1e10).softmax(-1), v)
    x = x + torch.einsum(out, mixed, into["out"])
    hidden = torch.relu(x @ into["W_in"] + state["blocks.0.mlp.b_in"])
    x = x + hidden @ into["W_out"] + state["blocks.0.mlp.b_out"]
    return x @ state["unembed.W_U"]


def every_prompt() -> torch.Tensor:
    table = TASK.table
    return torch.as_tensor(np.stack([table.left, table.right, np.full_like(table.left, S)], 1))


def test_weights_of_transformer_lens_answer_as_there():
    state = lens_state(np.random.default_rng(0))
    settings, weights = from_transformer_lens(state, S)
    into = {
        "embed": state["embed.W_E"],
        "positions": state["pos_embed.W_pos"],
        "out": state["blocks.0.attn.W_O"],
        "W_in": state["blocks.0.mlp.W_in"],
        "W_out": state["blocks.0.mlp.W_out"],
    }
    theirs = answer(state, every_prompt(), "npm,hmf->nphf", "nqhf,hfm->nqm", into)
    ours = module_of(TASK, settings, weights)(every_prompt())
    torch.testing.assert_close(ours, theirs[:, -1, :S])


def test_weights_of_the_progress_measures_answer_as_there():
    rng, lens = np.random.default_rng(1), lens_state(np.random.default_rng(1))
    state = {
        "embed.W_E": lens["embed.W_E"].T,
        "pos_embed.W_pos": lens["pos_embed.W_pos"][:3],
        **{
            f"blocks.0.attn.{name}": torch.as_tensor(rng.normal(size=(H, F, M)))
            for name in ("W_Q", "W_K", "W_V")
        },
        "blocks.0.attn.W_O": torch.as_tensor(rng.normal(size=(M, H * F))),
        "blocks.0.attn.mask": torch.ones(3, 3),
        "blocks.0.mlp.W_in": lens["blocks.0.mlp.W_in"].T,
        "blocks.0.mlp.W_out": lens["blocks.0.mlp.W_out"].T,
        **{name: lens[name] for name in ("blocks.0.mlp.b_in", "blocks.0.mlp.b_out", "unembed.W_U")},
    }
    settings, weights = from_progress_measures(state, S)
    into = {
        "embed": lens["embed.W_E"],
        "positions": state["pos_embed.W_pos"],
        "out": state["blocks.0.attn.W_O"].reshape(M, H, F),
        "W_in": lens["blocks.0.mlp.W_in"],
        "W_out": lens["blocks.0.mlp.W_out"],
    }
    theirs = answer(state, every_prompt(), "npm,hfm->nphf", "nqhf,mhf->nqm", into)
    ours = module_of(TASK, settings, weights)(every_prompt())
    torch.testing.assert_close(ours, theirs[:, -1, :S])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"blocks.0.attn.b_V": torch.ones(H, F)}, "b_V is not zero"),
        ({"blocks.0.ln1.w": torch.ones(M)}, "also has blocks.0.ln1.w"),
        ({"blocks.1.mlp.b_in": torch.ones(L)}, "also has blocks.1.mlp.b_in"),
        ({"embed.W_E": torch.ones(S + 3, M)}, "of 10 tokens, and 7 symbols"),
        ({"pos_embed.W_pos": torch.ones(2, M)}, "has 2 positions"),
        ({"unembed.W_U": torch.ones(M, S - 1)}, "answers 6 tokens, fewer than 7"),
        ({"blocks.0.attn.W_O": torch.ones(H, M, F)}, "has the shape (2, 8, 4), and (2, 4, 8)"),
        ({"blocks.0.attn.W_Q": torch.ones(M, M)}, "no blocks.0.attn.W_Q of 3 dimensions"),
    ],
)
def test_what_cannot_be_converted_is_told(change, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        from_transformer_lens(lens_state(np.random.default_rng(0)) | change, S)


class Answers(nn.Module):
    """Log-odds that are a multiple of its one weight, of all positions and more tokens than S."""

    def __init__(self, scale: float = 3.0):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([scale]))
        self.drop = nn.Dropout(0.5)

    def forward(self, tokens):
        right = nn.functional.one_hot((tokens[:, 0] + tokens[:, 1]) % S, S + 1).float()
        logits = self.drop(self.scale * right)
        return torch.stack([torch.zeros_like(logits), logits], dim=1)


def test_any_module_is_measured_at_its_last_position_and_left_as_it_was():
    module = Answers().train()
    found = measure(module, TASK, trained=np.arange(20), prompt=("a", "b"))
    assert module.training
    assert module.drop.training
    # One logit of 3, six of 0: nothing was dropped, and the token of = is none of them.
    assert found["log_odds"].value == pytest.approx(3 - math.log(6), rel=1e-6)
    assert found["margin"].value == pytest.approx(3)
    assert (found["train_accuracy"].value, found["novel_accuracy"].value) == (1, 1)
    assert found["norm"].value == pytest.approx(3)
    assert found["train_accuracy"].n == 20
    assert found["gen_share_answer"].value == pytest.approx(1)
    assert found["mem_logit"].value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("at", [0.5, 3 - math.log(6), 9.0])
def test_the_scaled_norm_is_that_at_which_the_logit_is_reached(at):
    found = measure(Answers(), TASK, prompt=("a", "b"), at=at)
    assert found["scaled_norm"].value == pytest.approx(at + math.log(6), rel=1e-5)


def test_a_network_that_knows_some_pairs_by_heart_has_mem_there():
    table, known = TASK.table, np.zeros(49, dtype=bool)
    known[:15] = True

    class Lookup(nn.Module):
        def __init__(self):
            super().__init__()
            self.stored = nn.Parameter(torch.zeros(49, S))
            with torch.no_grad():
                answers = torch.as_tensor(table.answer[:15])
                self.stored[:15] = 5.0 * nn.functional.one_hot(answers, S)

        def forward(self, tokens):
            return self.stored[tokens[:, 0] * S + tokens[:, 1]]

    found = measure(Lookup(), TASK, trained=known, prompt=("a", "b"))
    gen, mem = found["gen_logit"], found["mem_logit"]
    assert mem.low > 3
    assert mem.value == pytest.approx(5 * (1 - 1 / S), rel=0.05)
    assert gen.value == pytest.approx(0, abs=0.5)
    assert gen.n == 49 - len(set(range(15)) | {int(TASK.mirror[i]) for i in range(15)})
    # Of labels that are not the answers, the right logit is not the one that is stored.
    other = measure(Lookup(), TASK, trained=known, labels=(table.answer + 1) % S, prompt=("a", "b"))
    assert "mem_logit" not in other
    assert "gen_share_answer" in other


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trained": [0, 49]}, "indices from 0 to 49; there are pairs 0 … 48"),
        ({"trained": np.zeros(49, dtype=bool)}, "no pair is trained on"),
        ({"trained": [0.5]}, "give 49 booleans or the indices"),
        ({"labels": [1, 2]}, "give one for each of 49 pairs"),
        ({"prompt": ("a", "c")}, "the prompt has 'c'"),
        ({"at": 1e9}, "log-odds of 1e+09 are not reached"),
        ({"network": nn.Identity()}, "no parameters"),
        ({"network": Answers(math.inf)}, "not finite: it has diverged"),
        ({"network": nn.Embedding(S, S), "prompt": None}, "say what it reads with prompt="),
        ({"network": nn.Embedding(S, 3), "prompt": ("a",)}, "there are 7 possible answers"),
        ({"network": nn.Bilinear(1, 1, 1)}, "missing"),
    ],
)
def test_what_cannot_be_measured_is_told(changes, told):
    given = {"network": Answers(), "task": TASK, "prompt": ("a", "b")} | changes
    error = TypeError if told == "missing" else ValueError
    with pytest.raises(error) as raised:
        measure(**given)
    assert told in str(raised.value)


def test_weights_of_another_network_are_refused():
    (left,) = train([run_settings()])
    with pytest.raises(ValueError, match="do not fit mlp on addition at size 7"):
        module_of(TASK, MLPSettings(d_model=8, d_mlp=12), left.weights)
    with pytest.raises(ValueError, match="W_E"):
        module_of(TaskSettings(size=11), run_settings().network, left.weights)


def test_it_is_part_of_the_public_api():
    run = run_settings()
    (left,) = train([run])
    module = efficiency.module_of(run.task, run.network, left.weights)
    wanted = np.concatenate([one for one, _ in logits(run, left.weights)])
    found = efficiency.measure(module, run.task)
    right = wanted[np.arange(49), run.task.table.answer]
    assert found["centred_logit"].value == pytest.approx((right - wanted.mean(1)).mean(), rel=1e-4)
