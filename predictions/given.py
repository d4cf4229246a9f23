"""Start networks that were trained elsewhere, as files of their weights.

A file is that of a run of this project (``weights.safetensors``), or the state of a one-layer
transformer of TransformerLens or of Nanda et al. (2023): safetensors, or what ``torch.save`` wrote.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file

from efficiency import networks
from efficiency.errors import InvalidInputError
from efficiency.networks.foreign import from_progress_measures, from_transformer_lens
from efficiency.settings import NetworkSettings, TaskSettings
from runs.given import digest_of

_ENDINGS = (".safetensors", ".pt", ".pth")
_QUERIES = "blocks.0.attn.W_Q"


@dataclass(frozen=True)
class GivenNetwork:
    """A network by its weights.

    Attributes:
        digest: What stands for the weights in settings of runs.
        path: The file that they were read from.
        weights: By the names that this project gives them.
    """

    digest: str
    path: str = field(compare=False)
    weights: Mapping[str, np.ndarray] = field(compare=False, repr=False)

    def require_fitting(self, task: TaskSettings, network: NetworkSettings) -> None:
        """Refuse weights that are not of a network on a task.

        Raises:
            InvalidInputError: They are of another.
        """
        try:
            networks.require_weights(task, network, self.weights)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{self.path}: {error}; widths, operation and size are chosen in a design file, "
                "see predictions show NAME --toml"
            ) from error


def read(path: Path) -> GivenNetwork:
    """Return the network that a file has.

    Raises:
        InvalidInputError: It cannot be read, or is of no network that is known here.
    """
    state = _state(path)
    if _QUERIES not in state:
        weights = {name: np.asarray(value) for name, value in state.items()}
    else:
        # Of S symbols and =: TransformerLens has a row for each token, Nanda et al. a column.
        embedding, queries = state.get("embed.W_E"), np.shape(state[_QUERIES])
        if embedding is None or len(queries) != 3:
            raise InvalidInputError(
                f"{path} has {_QUERIES}, and is of neither TransformerLens nor Nanda et al. (2023)"
            )
        rows, columns = np.shape(embedding)
        by_rows = columns == queries[1]
        convert = from_transformer_lens if by_rows else from_progress_measures
        _, weights = convert(state, (rows if by_rows else columns) - 1)
    if bad := [name for name, value in weights.items() if not np.isfinite(value).all()]:
        raise InvalidInputError(f"{path}: {', '.join(bad)} is not finite: the network has diverged")
    return GivenNetwork(digest_of(weights), str(path), weights)


def _state(path: Path) -> Mapping[str, Any]:
    """Return the arrays of a file by name."""
    if path.suffix not in _ENDINGS:
        raise InvalidInputError(
            f"--start {path} does not end with {', '.join(_ENDINGS)}; give the weights of a network"
        )
    if not path.is_file():
        raise InvalidInputError(f"--start {path} is no file; give the weights of a network")
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InvalidInputError(f"--start {path} cannot be read: {error.strerror}") from error
    except (SafetensorError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InvalidInputError(
            f"--start {path} is no file of weights ({type(error).__name__}: {error})"
        ) from error
    # What training scripts save is often a table with the state as one entry.
    if isinstance(found, Mapping):
        for name in ("model", "state_dict", "model_state_dict"):
            if isinstance(found.get(name), Mapping):
                found = found[name]
    if not isinstance(found, Mapping) or not all(
        isinstance(value, np.ndarray | torch.Tensor) for value in found.values()
    ):
        raise InvalidInputError(f"--start {path} holds no arrays by name; save a state_dict")
    return found
