"""Start networks that were trained elsewhere, as files of their weights.

A file is that of a run of this project (``weights.safetensors``), or the state of a one-layer
transformer of TransformerLens or of Nanda et al. (2023): safetensors, or what ``torch.save`` wrote.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from efficiency import networks
from efficiency.errors import InvalidInputError
from efficiency.networks.foreign import from_progress_measures, from_transformer_lens
from efficiency.settings import NetworkSettings, TaskSettings
from runs.given import digest_of

NEARLY = 0.01
"""Two networks whose weights differ by a smaller part of their norm are one, saved twice."""

_ENDINGS = (".safetensors", ".pt", ".pth")
_ATTENTION = "blocks.0.attn"


@dataclass(frozen=True)
class GivenNetwork:
    """A network by its weights.

    Attributes:
        digest: What stands for the weights in settings of runs.
        path: The file that they were read from.
        weights: In float32, by the names that this project gives them.
        num_heads: Its attention heads; ``None`` where the file does not say.
    """

    digest: str
    path: str = field(compare=False)
    weights: Mapping[str, np.ndarray] = field(compare=False, repr=False)
    num_heads: int | None = field(compare=False, default=None)

    def require_fitting(self, task: TaskSettings, network: NetworkSettings) -> None:
        """Refuse weights that are not of a network on a task.

        Raises:
            InvalidInputError: They are of another.
        """
        hint = "widths, heads and table are chosen in a design file, see predictions show --toml"
        heads = getattr(network, "num_heads", None)
        if self.num_heads not in (None, heads):
            raise InvalidInputError(
                f"{self.path} has {self.num_heads} attention heads, and {heads} are asked for; "
                f"{hint}"
            )
        try:
            networks.require_weights(task, network, self.weights)
        except InvalidInputError as error:
            raise InvalidInputError(f"{self.path}: {error}; {hint}") from error


def require_different(given: Sequence[GivenNetwork]) -> None:
    """Refuse networks of which two are one: each counts once. All are of one shape.

    Raises:
        InvalidInputError: Two have nearly the same weights.
    """
    flat = [np.concatenate([one.weights[n].ravel() for n in sorted(one.weights)]) for one in given]
    for (a, first), (b, second) in itertools.combinations(zip(given, flat, strict=True), 2):
        if np.linalg.norm(first - second) < NEARLY * np.linalg.norm(first):
            raise InvalidInputError(
                f"{a.path} and {b.path} are the same network, and each counts once; give networks "
                "that were trained apart"
            )


def read(path: Path) -> GivenNetwork:
    """Return the network that a file has.

    Raises:
        InvalidInputError: It cannot be read, or is of no network that is known here.
    """
    state, heads = _state(path), None
    if f"{_ATTENTION}.W_Q" in state:
        # Of both W_Q has an axis for the heads; W_O has one in TransformerLens alone.
        embedding, out = state.get("embed.W_E"), state.get(f"{_ATTENTION}.W_O")
        if embedding is None or out is None or embedding.ndim != 2:
            raise InvalidInputError(
                f"{path} has {_ATTENTION}.W_Q, and is of neither TransformerLens nor Nanda et al. "
                "(2023)"
            )
        lens = out.ndim == 3
        convert = from_transformer_lens if lens else from_progress_measures
        try:
            settings, converted = convert(state, embedding.shape[0 if lens else 1] - 1)
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error}") from error
        state, heads = converted, settings.num_heads
    if bad := [name for name, value in state.items() if not np.isfinite(value).all()]:
        raise InvalidInputError(f"{path}: {', '.join(bad)} is not finite: the network has diverged")
    return GivenNetwork(digest_of(state), str(path), state, heads)


def _state(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, in float32."""
    if path.suffix not in _ENDINGS:
        raise InvalidInputError(
            f"--start {path} does not end with {', '.join(_ENDINGS)}; give the weights of a network"
        )
    if not path.is_file():
        raise InvalidInputError(f"--start {path} is no file; give the weights of a network")
    found: Any
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            # Numbers only: anything else in such a file could run code.
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a torn or hostile file raises in the readers
        raise InvalidInputError(
            f"--start {path} is no file of weights alone ({type(error).__name__}); save "
            "module.state_dict(), with torch.save or as safetensors"
        ) from error
    # What training scripts save is often a table with the state as one entry.
    if isinstance(found, Mapping):
        for name in ("model", "state_dict", "model_state_dict"):
            if isinstance(found.get(name), Mapping):
                found = found[name]
    if not isinstance(found, Mapping) or not found:
        raise InvalidInputError(f"--start {path} holds no arrays by name; save module.state_dict()")
    return {str(name): _dense(path, name, value) for name, value in found.items()}


def _dense(path: Path, name: object, value: object) -> np.ndarray:
    """Return one array of a state, in float32."""
    usual = (
        isinstance(name, str)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_complex()
        and value.untyped_storage().nbytes() >= value.numel() * value.element_size()
    )
    if not usual:
        raise InvalidInputError(
            f"--start {path}: {name!r} is no array of real numbers; save module.state_dict()"
        )
    assert isinstance(value, torch.Tensor)
    found: np.ndarray = value.detach().to(torch.float32).numpy()
    return found
