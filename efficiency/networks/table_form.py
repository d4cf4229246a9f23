"""The one-layer transformer in its exact table form: the same function, about six times less work.

With three tokens and one layer, what position 0 contributes depends only on (a, 0), position 1 only
on (b, 1), and the query only on (=, 2). So keys and values are computed once for each of the
T = 2S + 1 (token, position) rows and gathered, and the residual stream, which only carries linear
maps, is never formed: W_O·W_in, W_O·W_U and W_out·W_U are multiplied once per step. Same parameters
and, up to rounding, same logits and gradients as ``OneLayerTransformer``.

The backward pass is written out because autograd would move about twice the bytes, and every array
above a few kilobytes lives in a workspace: fresh ones cost more in page faults than in arithmetic.

Shapes: K members, D examples, S symbols, T = 2S + 1 table rows (a at 0, b at 1, = at 2),
M = d_model, H heads of F = M / H, L = d_mlp. ``dX`` is the gradient of the loss by X.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from efficiency.networks.program import Backward, Parameters, Program


@dataclass(frozen=True)
class Workspace:
    """Memory that is used again at every step, by name."""

    _held: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return an uninitialised tensor, the same one at every call with this name and kind."""
        held = self._held.get(name)
        if held is None or held.dtype != like.dtype or held.shape != shape:
            held = self._held[name] = like.new_empty(shape)
        return held

    def product(self, name: str, left: Tensor, right: Tensor) -> Tensor:
        """Return the batched matrix product left @ right in the memory of this name."""
        shape = (left.shape[0], left.shape[1], right.shape[2])
        return torch.bmm(left, right, out=self(name, shape, left))


@dataclass(frozen=True)
class TableExamples:
    """Fixed examples of K members.

    Attributes:
        left_KD: First operands.
        right_KD: Second operands.
        left_rows: (K·D,) rows of (a, position 0) in the K stacked tables.
        right_rows: (K·D,) rows of (b, position 1).
        workspace: Memory for computing on them.
    """

    left_KD: Tensor
    right_KD: Tensor
    left_rows: Tensor
    right_rows: Tensor
    workspace: Workspace = field(default_factory=Workspace)
    _one_hots: dict[tuple[str, torch.dtype], Tensor] = field(default_factory=dict)

    def one_hot_KSD(self, side: str, num_symbols: int, like: Tensor) -> Tensor:
        """Return (K, S, D) indicators of the operands on one side, which sum examples by operand.

        A product with them is several times faster than ``index_add`` at these sizes, and unlike it
        gives the same bits every time on every device.
        """
        held = self._one_hots.get((side, like.dtype))
        if held is None:
            operand_KD = self.left_KD if side == "left" else self.right_KD
            K, D = operand_KD.shape
            held = like.new_zeros((K, num_symbols, D)).scatter_(1, operand_KD[:, None], 1.0)
            self._one_hots[side, like.dtype] = held
        return held


@final
class TableForm(Program):
    """K one-layer transformers in table form.

    Args:
        num_symbols: S.
        num_heads: H.
    """

    def __init__(self, *, num_symbols: int, num_heads: int) -> None:
        self._S, self._H = num_symbols, num_heads

    def prepare(self, inputs_KDI: Tensor, last: TableExamples | None = None) -> TableExamples:
        """Return the examples as rows of the members' stacked tables."""
        left_KD, right_KD = inputs_KDI.unbind(-1)
        first_row_K1 = torch.arange(len(left_KD), device=left_KD.device)[:, None] * (
            2 * self._S + 1
        )
        return TableExamples(
            left_KD=left_KD,
            right_KD=right_KD,
            left_rows=(first_row_K1 + left_KD).flatten(),
            right_rows=(first_row_K1 + self._S + right_KD).flatten(),
            workspace=Workspace() if last is None else last.workspace,
        )

    def logits(self, parameters: Parameters, examples: TableExamples) -> Tensor:
        """See ``Program.logits``."""
        return self.logits_and_backward(parameters, examples)[0]

    @torch.no_grad()
    def logits_and_backward(
        self, parameters: Parameters, examples: TableExamples, keys_K: Tensor | None = None
    ) -> tuple[Tensor, Backward]:
        """See ``Program.logits_and_backward``; nothing is ever dropped."""
        p, work, S, H = parameters, examples.workspace, self._S, self._H
        K, D = examples.left_KD.shape
        M = p["W_E"].shape[-1]
        F = M // H

        # Once per table row. A score is x·(W_K q) per head: the keys themselves are not needed.
        equals_K1M = p["W_E"][:, S:] + p["W_pos"][:, 2:]
        X_KTM = work("X", (K, 2 * S + 1, M), equals_K1M)
        torch.add(p["W_E"][:, :S], p["W_pos"][:, :1], out=X_KTM[:, :S])
        torch.add(p["W_E"][:, :S], p["W_pos"][:, 1:2], out=X_KTM[:, S : 2 * S])
        X_KTM[:, 2 * S :] = equals_K1M
        query_K1M = equals_K1M @ p["W_Q"]
        by_column_KMM = torch.mul(p["W_K"], query_K1M, out=work("MM", (K, M, M), X_KTM))
        key_KMH = by_column_KMM.view(K, M, H, F).sum(-1) / math.sqrt(F)
        scores_KTH = work.product("scores", X_KTM, key_KMH)
        V_KTM = work.product("V", X_KTM, p["W_V"])
        # Once per step: the linear maps between attention, hidden layer and logits.
        in_KML = work.product("in", p["W_O"], p["W_in"])
        direct_KMS = work.product("direct", p["W_O"], p["W_U"])
        out_KLS = work.product("out", p["W_out"], p["W_U"])
        constant_K1M = equals_K1M + p["b_out"][:, None]
        in_bias_K1L = equals_K1M @ p["W_in"] + p["b_in"][:, None]
        logit_bias_K1S = constant_K1M @ p["W_U"]

        # Per example.
        def gathered(name: str, table_KTX: Tensor, rows: Tensor) -> Tensor:
            width = table_KTX.shape[-1]
            held = work(name, (K, D, width), table_KTX)
            torch.index_select(table_KTX.view(-1, width), 0, rows, out=held.view(-1, width))
            return held

        score_a_KDH = gathered("score of a", scores_KTH, examples.left_rows)
        score_b_KDH = gathered("score of b", scores_KTH, examples.right_rows)
        score_eq_KDH = scores_KTH[:, 2 * S :].expand(K, D, H)
        attention_3KDH = torch.stack([score_a_KDH, score_b_KDH, score_eq_KDH]).softmax(0)
        weight_a, weight_b, weight_eq = attention_3KDH.unsqueeze(-1)
        Va_KDHF = gathered("value of a", V_KTM, examples.left_rows).view(K, D, H, F)
        Vb_KDHF = gathered("value of b", V_KTM, examples.right_rows).view(K, D, H, F)
        Veq_K1HF = V_KTM[:, 2 * S :].view(K, 1, H, F)
        z_KDHF = torch.mul(weight_a, Va_KDHF, out=work("z", (K, D, H, F), V_KTM))
        z_KDHF.addcmul_(weight_b, Vb_KDHF).addcmul_(weight_eq, Veq_K1HF)
        z_KDM = z_KDHF.view(K, D, M)
        hidden_KDL = work.product("hidden", z_KDM, in_KML).add_(in_bias_K1L).relu_()
        logits_KDS = work.product("logits", hidden_KDL, out_KLS)
        logits_KDS.baddbmm_(z_KDM, direct_KMS).add_(logit_bias_K1S)

        @torch.no_grad()
        def backward(dlogits_KDS: Tensor, gradients: Parameters) -> None:
            g = gradients
            dout_KLS = work.product("dout", hidden_KDL.mT, dlogits_KDS)
            dhidden_KDL = work.product("dhidden", dlogits_KDS, out_KLS.mT)
            # The gradient of ReLU: nothing where the unit is off.
            torch.ops.aten.threshold_backward.grad_input(
                dhidden_KDL, hidden_KDL, 0, grad_input=dhidden_KDL
            )
            din_KML = work.product("din", z_KDM.mT, dhidden_KDL)
            ddirect_KMS = work.product("ddirect", z_KDM.mT, dlogits_KDS)
            din_bias_K1L = dhidden_KDL.sum(1, keepdim=True)
            dlogit_bias_K1S = dlogits_KDS.sum(1, keepdim=True)
            dz_KDM = work.product("dz", dhidden_KDL, in_KML.mT)
            dz_KDHF = dz_KDM.baddbmm_(dlogits_KDS, direct_KMS.mT).view(K, D, H, F)

            # Attention: the softmax over the three positions, then back to table rows.
            weighted_KDHF = work("weighted", (K, D, H, F), V_KTM)
            dattention_3KDH = torch.stack(
                [
                    torch.mul(dz_KDHF, value, out=weighted_KDHF).sum(-1)
                    for value in (Va_KDHF, Vb_KDHF, Veq_K1HF)
                ]
            )
            dscores_3KDH = attention_3KDH * (
                dattention_3KDH - (attention_3KDH * dattention_3KDH).sum(0)
            )
            dV_KTM = work("dV", V_KTM.shape, V_KTM)
            dscores_KTH = work("dscores", scores_KTH.shape, scores_KTH)
            for side, rows, weight, dscore_KDH in (
                ("left", slice(0, S), weight_a, dscores_3KDH[0]),
                ("right", slice(S, 2 * S), weight_b, dscores_3KDH[1]),
            ):
                one_hot_KSD = examples.one_hot_KSD(side, S, V_KTM)
                torch.mul(weight, dz_KDHF, out=weighted_KDHF)
                torch.bmm(one_hot_KSD, weighted_KDHF.view(K, D, M), out=dV_KTM[:, rows])
                torch.bmm(one_hot_KSD, dscore_KDH, out=dscores_KTH[:, rows])
            torch.mul(weight_eq, dz_KDHF, out=weighted_KDHF)
            dV_KTM[:, 2 * S] = weighted_KDHF.sum(1).view(K, M)
            dscores_KTH[:, 2 * S] = dscores_3KDH[2].sum(1)

            # From the merged maps back to the matrices they were made of.
            g["b_in"].copy_(din_bias_K1L[:, 0])
            g["b_out"].copy_((dlogit_bias_K1S @ p["W_U"].mT)[:, 0])
            torch.bmm(din_KML, p["W_in"].mT, out=g["W_O"])
            g["W_O"].baddbmm_(ddirect_KMS, p["W_U"].mT)
            torch.bmm(p["W_O"].mT, din_KML, out=g["W_in"])
            g["W_in"].baddbmm_(equals_K1M.mT, din_bias_K1L)
            torch.bmm(dout_KLS, p["W_U"].mT, out=g["W_out"])
            torch.bmm(p["W_O"].mT, ddirect_KMS, out=g["W_U"])
            g["W_U"].baddbmm_(p["W_out"].mT, dout_KLS).baddbmm_(constant_K1M.mT, dlogit_bias_K1S)
            torch.bmm(X_KTM.mT, dV_KTM, out=g["W_V"])
            dkey_KMH1 = work.product("dkey", X_KTM.mT, dscores_KTH).div_(math.sqrt(F)).unsqueeze(-1)
            torch.mul(dkey_KMH1, query_K1M.view(K, 1, H, F), out=g["W_K"].view(K, M, H, F))
            dquery_K1M = (dkey_KMH1 * p["W_K"].view(K, M, H, F)).sum(1).view(K, 1, M)
            torch.bmm(equals_K1M.mT, dquery_K1M, out=g["W_Q"])

            dX_KTM = work.product("dX", dV_KTM, p["W_V"].mT).baddbmm_(dscores_KTH, key_KMH.mT)
            dequals_K1M = dX_KTM[:, 2 * S :]
            dequals_K1M += dquery_K1M @ p["W_Q"].mT
            dequals_K1M += din_bias_K1L @ p["W_in"].mT + dlogit_bias_K1S @ p["W_U"].mT
            torch.add(dX_KTM[:, :S], dX_KTM[:, S : 2 * S], out=g["W_E"][:, :S])
            g["W_E"][:, S:] = dequals_K1M
            g["W_pos"][:, 0] = dX_KTM[:, :S].sum(1)
            g["W_pos"][:, 1] = dX_KTM[:, S : 2 * S].sum(1)
            g["W_pos"][:, 2] = dequals_K1M[:, 0]

        return logits_KDS, backward
