"""Networks of one's own that would be drawn or stacked wrongly: refused before all else."""

from __future__ import annotations

import sys

import pytest

from efficiency import networks
from efficiency.settings import NETWORK_SETTINGS, TaskSettings


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("torch.nn.Linear(8, 7)", "has parameters called inner.weight, inner.bias"),
        ("torch.nn.GRUCell(8, 8)", "answers alone, and not in an ensemble"),
        ("None", "answers alone, and not in an ensemble"),
    ],
)
def test_a_network_that_would_be_drawn_or_stacked_wrongly_is_refused(
    tmp_path, monkeypatch, made, why
):
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(NETWORK_SETTINGS), dict(networks.ARCHITECTURES)
    (tmp_path / "inside.py").write_text(
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
    try:
        with pytest.raises(ValueError, match=why):
            networks.shapes(TaskSettings(size=7), NETWORK_SETTINGS.find("inside:Inside")(d_model=8))
    finally:
        sys.modules.pop("inside", None)
        for kind, held in zip((NETWORK_SETTINGS, networks.ARCHITECTURES), before, strict=True):
            kind.clear()
            kind.update(held)
