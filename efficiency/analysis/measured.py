"""Measuring a network that was trained elsewhere, as runs of this project are measured.

Shapes: N pairs of the table, T tokens of a prompt, S symbols.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from scipy import optimize, stats
from torch import Tensor, nn

from efficiency import measurements, networks
from efficiency.analysis import logit_subspaces
from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from efficiency.operations import IntArray
from efficiency.settings import NetworkSettings, TaskBase, TaskSettings

_BATCH = 4096
"""Examples whose logits are computed at once."""

_FARTHEST = 8.0
"""Largest factor, either way, that weights are multiplied by to reach a logit."""


def module_of(
    task: TaskBase, settings: NetworkSettings, weights: Mapping[str, npt.ArrayLike]
) -> networks.Network:
    """Return the network of some weights, such as a run left in a store.

    Args:
        task: What it was trained on.
        settings: Its settings.
        weights: Its weights by name.

    Raises:
        InvalidInputError: The weights are not those of such a network.
    """
    network = networks.network(task, settings).to(settings.dtype)
    networks.require_weights(task, settings, weights)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.as_tensor(np.asarray(weights[name])))
    return network


def measure(
    network: nn.Module,
    task: TaskSettings,
    *,
    trained: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    prompt: Sequence[str | int] | None = None,
    at: float | None = None,
) -> dict[str, Estimate]:
    """Return what a network knows and what its weights cost, by the names that histories use.

    Norms, and on the examples trained on loss, accuracy, log-odds, margin and centred logit; loss
    and accuracy on the rest, accuracy and logits on novel pairs (see ``efficiency.measurements``);
    ``gen_share_SUBSPACE`` where the operation has such a subspace, and, if all labels trained on
    are the answers, ``gen_logit`` and ``mem_logit``, Gen's and Mem's part of the right logit with
    95% intervals (see ``efficiency.analysis.logit_subspaces.Split`` for what they assume).
    Intervals are Student's over examples, as if these were independent; of other networks they say
    nothing.

    Args:
        network: From (N, T) tokens to (N, S) logits, or to (N, T, V) of which the last position and
            the first S count. It is measured in evaluation mode, and left as it was.
        task: The operation.
        trained: Which pairs of the table, in the order of ``task.table``, it was trained on:
            (N,) booleans or indices. Default: all.
        labels: (N,) labels that it was trained on; default: the answers.
        prompt: Tokens that it reads, ``"a"``, ``"b"`` and numbers; default: those of a network of
            this project, and ``a b S`` of any other, where S is the token of =.
        at: ŝ, nats: adds ``scaled_norm``, the norm that it has with all parameters multiplied
            alike, gains of a normalisation too, so that its mean log-odds on ``trained`` are ŝ.
            (``efficiency.analysis.isologit`` interpolates between networks that were trained.)

    Raises:
        InvalidInputError: The network does not answer so, or ŝ is not reached.
    """
    if not isinstance(task, TaskSettings):
        raise InvalidInputError(
            "efficiency.measure is of networks on the table of an operation; given: "
            f"{type(task).__name__}"
        )
    table = task.table
    train_N = _mask(trained, table.num_pairs)
    labels_N = table.answer if labels is None else np.asarray(labels, dtype=np.int64)
    if labels_N.shape != (table.num_pairs,):
        raise InvalidInputError(
            f"labels have the shape {labels_N.shape}; give one for each of {table.num_pairs} pairs"
        )
    reads = getattr(network, "reads", ("a", "b", table.num_symbols))
    left_N, right_N = (torch.as_tensor(side) for side in (table.left, table.right))
    tokens_NT = networks.tokens(reads if prompt is None else prompt, left_N, right_N)
    parameters = {name: one.detach() for name, one in network.named_parameters()}
    if not parameters:
        raise InvalidInputError("the network has no parameters, so there is no norm to measure")
    with _evaluating(network):
        logits_NS = _logits(network, parameters, tokens_NT, table.num_symbols)
        if not logits_NS.isfinite().all():
            raise InvalidInputError(
                "some logits of the network are not finite: it has diverged, and there is nothing "
                "to measure"
            )
        numbers = _readings(task, logits_NS, labels_N, train_N)
        norms = measurements.norms({name: one.unsqueeze(0) for name, one in parameters.items()})
        numbers |= {name: _exact(float(norm[0]), 1) for name, norm in norms.items()}
        by_heart = bool((labels_N != table.answer)[train_N].any())
        numbers |= _circuits(task, logits_NS.numpy(), train_N, by_heart=by_heart)
        if at is not None:
            norm = float(norms["norm"][0])
            chosen = torch.as_tensor(train_N)

            def log_odds(scale: float) -> float:
                scaled = {name: scale * one for name, one in parameters.items()}
                logits = _logits(network, scaled, tokens_NT[chosen], table.num_symbols)
                of = torch.as_tensor(labels_N)[chosen]
                found = measurements.readings(logits[None], of[None])["log_odds"]
                return float(found.mean())

            numbers["scaled_norm"] = _exact(norm * _scale_at(log_odds, at), int(train_N.sum()))
    return numbers


def _mask(trained: npt.ArrayLike | None, num_pairs: int) -> np.ndarray:
    """Return (N,) booleans from booleans, indices or nothing."""
    if trained is None:
        return np.ones(num_pairs, dtype=bool)
    given = np.asarray(trained)
    if given.dtype == bool and given.shape == (num_pairs,):
        mask: np.ndarray = given
    elif given.ndim == 1 and np.issubdtype(given.dtype, np.integer):
        if given.size and not (given.min() >= 0 and given.max() < num_pairs):
            raise InvalidInputError(
                f"trained has indices from {given.min()} to {given.max()}; there are pairs "
                f"0 … {num_pairs - 1}"
            )
        mask = np.zeros(num_pairs, dtype=bool)
        mask[given] = True
    else:
        raise InvalidInputError(
            f"trained has the shape {given.shape} and type {given.dtype}; give {num_pairs} "
            "booleans or the indices of pairs"
        )
    if not mask.any():
        raise InvalidInputError("no pair is trained on; mark at least one in trained")
    return mask


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Switch a network to evaluation, and back to what each part of it was in."""
    before = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in before.items():
            module.training = training


def _logits(
    network: nn.Module, parameters: Mapping[str, Tensor], tokens_NT: Tensor, num_symbols: int
) -> Tensor:
    """Return (N, S) logits in float64, on the CPU."""
    device = next(iter(parameters.values())).device
    found = []
    for tokens_BT in torch.split(tokens_NT, _BATCH):
        try:
            answer = torch.func.functional_call(network, dict(parameters), (tokens_BT.to(device),))
        except (IndexError, RuntimeError) as error:
            raise InvalidInputError(
                f"the network fails on prompts of {tokens_BT.shape[1]} tokens from 0 to "
                f"{int(tokens_BT.max())} ({type(error).__name__}: {error}); say what it reads with "
                "prompt=, such as ('a', 'b'), or ('a', 'b', S) where = is token S"
            ) from error
        if not isinstance(answer, Tensor) or answer.dim() not in (2, 3):
            given = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise InvalidInputError(
                f"the network answers {len(tokens_BT)} prompts with {given}; it must return logits "
                "(N, S), or (N, T, V) of which the last position is read"
            )
        logits_BV = answer[:, -1] if answer.dim() == 3 else answer
        if logits_BV.shape[0] != len(tokens_BT) or logits_BV.shape[1] < num_symbols:
            raise InvalidInputError(
                f"the network answers {len(tokens_BT)} prompts with {tuple(logits_BV.shape)}; "
                f"there are {num_symbols} possible answers"
            )
        found.append(logits_BV[:, :num_symbols].double().cpu())
    return torch.cat(found)


def _readings(
    task: TaskSettings, logits_NS: Tensor, labels_N: IntArray, train_N: np.ndarray
) -> dict[str, Estimate]:
    nobody = np.zeros_like(train_N)
    masks = dict.fromkeys(measurements.PARTS, nobody)
    masks |= {"train": train_N, "test": ~train_N, "novel": task.novel(train_N)}
    parts = {part: torch.as_tensor(mask)[None] for part, mask in masks.items()}
    readings = measurements.readings(logits_NS[None], torch.as_tensor(labels_N)[None])
    means = measurements.means(readings, parts)
    sizes = {part: int(mask.sum()) for part, mask in masks.items()}
    return {
        name: _exact(float(mean[0]), size, "1" if name.endswith("_accuracy") else "nats")
        for name, mean in means.items()
        if (size := sizes.get(name.partition("_")[0], sizes["train"])) > 0
        and not name.startswith(("removed", "never_seen", "clean", "corrupted"))
    }


def _circuits(
    task: TaskSettings, logits_NS: np.ndarray, train_N: np.ndarray, *, by_heart: bool
) -> dict[str, Estimate]:
    """Return Gen's and Mem's part of the logits, as far as the operation says where Gen lives."""
    found: dict[str, Estimate] = {}
    for subspace in logit_subspaces.SUBSPACES:
        if not logit_subspaces.defined(task, subspace):
            continue
        split = logit_subspaces.split(logits_NS, train_N, task, subspace)
        found[f"gen_share_{subspace}"] = _exact(split.share, len(train_N))
        if by_heart:
            continue  # the right logit is not the one that is stored
        num_novel = int(task.novel(train_N).sum())
        for name, value, error, n in (
            ("gen_logit", split.gen_corrected, split.gen_error, num_novel),
            ("mem_logit", split.mem_corrected, split.mem_error, min(num_novel, train_N.sum())),
        ):
            if value is not None and error is not None:
                reach = error * float(stats.t.ppf(0.975, int(n) - 1))
                found[name] = Estimate(
                    value=value, low=value - reach, high=value + reach, n=int(n), unit="nats"
                )
    return found


def _scale_at(log_odds: Callable[[float], float], at: float) -> float:
    """Return by what weights are multiplied to reach a logit."""
    ends = [log_odds(1 / _FARTHEST) - at, log_odds(_FARTHEST) - at]
    if not (np.isfinite(ends).all() and ends[0] * ends[1] < 0):
        raise InvalidInputError(
            f"log-odds of {at:g} are not reached: with all weights divided and multiplied by "
            f"{_FARTHEST:g} they are {ends[0] + at:.3g} and {ends[1] + at:.3g}"
        )
    scale = optimize.brentq(
        lambda x: log_odds(math.exp(x)) - at, -math.log(_FARTHEST), math.log(_FARTHEST), xtol=1e-6
    )
    return math.exp(scale)


def _exact(value: float, n: int, unit: str = "1") -> Estimate:
    return Estimate(value=value, low=None, high=None, n=n, unit=unit)
