"""Networks of one's own that would be drawn or stacked wrongly: refused before all else."""

from __future__ import annotations

import contextlib
import sys

import pytest

from efficiency import networks
from efficiency.settings import NETWORK_SETTINGS, TaskSettings


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module, and forget what it registered."""
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(NETWORK_SETTINGS), dict(networks.ARCHITECTURES)
    yield (tmp_path / "inside.py").write_text
    sys.modules.pop("inside", None)
    for kind, held in zip((NETWORK_SETTINGS, networks.ARCHITECTURES), before, strict=True):
        kind.clear()
        kind.update(held)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("torch.nn.Linear(8, 7)", "has parameters called inner.weight, inner.bias"),
        ("torch.nn.GRUCell(8, 8)", "answers alone, and not in an ensemble"),
        ("None", "answers alone, and not in an ensemble"),
    ],
)
def test_a_network_that_would_be_drawn_or_stacked_wrongly_is_refused(module, made, why):
    module(
        "import torch\nfrom efficiency.networks import Network, keep_all\n\n\n"
        "class Inside(Network):\n"
        "    def __init__(self, num_symbols, d_model):\n"
        "        super().__init__()\n"
        "        self.W_E = torch.nn.Parameter(torch.empty(num_symbols, d_model))\n"
        "        self.W_U = torch.nn.Parameter(torch.empty(d_model, num_symbols))\n"
        f"        self.inner = {made}\n\n"
        "    @classmethod\n    def of(cls, num_symbols, settings):\n"
        "        return cls(num_symbols, settings.d_model)\n\n"
        "    def forward(self, tokens, drop=keep_all):\n"
        "        x = self.W_E[tokens].sum(1)\n"
        "        if isinstance(self.inner, torch.nn.Linear):\n            return self.inner(x)\n"
        "        if self.inner is None:\n            return x @ self.W_U if x.sum() > -1e9 else x\n"
        "        return self.inner(x) @ self.W_U\n"
    )
    with pytest.raises(ValueError, match=why):
        networks.shapes(TaskSettings(size=7), NETWORK_SETTINGS.find("inside:Inside")(d_model=8))


PLAIN = """
import torch
from efficiency.networks import Network, keep_all
from efficiency.settings import NetworkBase


class Inside(Network):
    def __init__(self, num_symbols, settings):
        super().__init__()
        self.W_E = torch.nn.Parameter(torch.empty(num_symbols, settings.d_model))
        self.W_U = torch.nn.Parameter(torch.empty(settings.d_model, num_symbols))
        self.held = torch.ones(settings.d_model)

    def forward(self, tokens, drop=keep_all):
        x = self.W_E[tokens].sum(1)
        return x @ self.W_U
"""

LAST = "return x @ self.W_U"

CHANGES = {
    "as it is": ("", "", None),
    "detached": (LAST, "return (x @ self.W_U).detach()", "no gradient reaches the weights"),
    "by its company": (
        LAST,
        "return (x - x.mean(0)) @ self.W_U",
        "otherwise when others are asked beside it",
    ),
    "idle": (
        "self.held = ",
        "self.W_extra = torch.nn.Parameter(torch.empty(3)); self.held = ",
        "no gradient reaches W_extra of the network",
    ),
    "idle in all but its formula": (
        LAST,
        "return self.W_E[tokens].sum(1).sum(1, keepdim=True) + 0 * self.W_U.sum(0)",
        "no gradient reaches W_U of the network",
    ),
    "no dimension": (
        "self.held = ",
        "self.g_all = torch.nn.Parameter(torch.ones(())); self.held = ",
        "parameters of no dimension, g_all; give them the shape",
    ),
    "in place": (LAST, "x *= 2; return x @ self.W_U", "must not change a tensor in place"),
    "in place inside": (
        LAST,
        "return torch.nn.functional.normalize(x, dim=-1) @ self.W_U",
        "must not change a tensor in place, .* square\\(\\).sum\\(\\).sqrt\\(\\) do not",
    ),
    "gated": (LAST, "return (x * torch.nn.functional.silu(x)) @ self.W_U", None),
    "soft": (LAST, "return torch.nn.functional.gelu(x).softmax(-1) @ self.W_U", None),
    "normalised by hand": (
        LAST,
        "return x / (x.square().sum(-1, keepdim=True) + 1e-6).sqrt() @ self.W_U",
        None,
    ),
    "a plain tensor": (
        LAST,
        "return (x @ torch.diag(self.held)) @ self.W_U",
        "should be buffers",
    ),
    "a type of its own": (
        LAST,
        "return (torch.nn.functional.one_hot(tokens, len(self.W_E)).float() @ self.W_E).sum(1) "
        "@ self.W_U",
        r"x\.to\(self\.W_….dtype\)",
    ),
    "the type of its weights": (
        LAST,
        "return (torch.nn.functional.one_hot(tokens, len(self.W_E)).to(self.W_E.dtype) "
        "@ self.W_E).sum(1) @ self.W_U",
        None,
    ),
    "the root of what begins at 0": (
        LAST,
        "return (x * self.W_E.abs().sum().sqrt()) @ self.W_U",
        None,
    ),
    "a buffer": (
        "self.held = torch.ones(settings.d_model)",
        "self.register_buffer('held', torch.ones(settings.d_model))",
        None,
    ),
    "few at once": (
        LAST,
        "assert len(x) < 9, 'too many'; return x @ self.W_U",
        "answers one example, and not 49 .*too many",
    ),
    "not a number": (LAST, "return (x @ self.W_U) * float('nan')", "what is not finite"),
    "whole numbers": (LAST, "return (x @ self.W_U).long()", "answers with torch.int64"),
    "no settings": ("num_symbols, settings):", "num_symbols):", "cannot be made"),
    "no forward": ("def forward", "def backward", "cannot be made"),
    "a list": (
        "    def __init__",
        "    class Settings(NetworkBase):\n        gates: list = []\n\n    def __init__",
        "the setting 'gates' of inside:Inside is a list, .* declare a tuple",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_network_that_would_train_and_mean_nothing_is_refused(module, change):
    old, new, why = CHANGES[change]
    assert old in PLAIN
    module(PLAIN.replace(old, new, 1))
    refused = contextlib.nullcontext() if why is None else pytest.raises(ValueError, match=why)
    with refused:
        found = networks.shapes(
            TaskSettings(size=7), NETWORK_SETTINGS.find("inside:Inside")(d_model=8)
        )
        assert found == {"W_E": (7, 8), "W_U": (8, 7)}
