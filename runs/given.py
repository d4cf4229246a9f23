"""Weights that no run of the store made: networks that were trained elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from runs.files import StoreError, explain_os_error, write_file
from runs.identity import IDENTITY_LENGTH
from runs.store import Store

Weights = Mapping[str, np.ndarray]


def digest_of(weights: Weights) -> str:
    """Return 32 hexadecimal digits that stand for weights: names, types, shapes and numbers."""
    found = hashlib.sha256()
    for name in sorted(weights):
        value = np.ascontiguousarray(weights[name])
        said = f"{name}\0{value.dtype.str}\0{value.shape}\0"
        found.update(said.encode() + value.tobytes())
    return found.hexdigest()[:IDENTITY_LENGTH]


def give(store: Store, weights: Weights) -> str:
    """Put weights into a store, once; return what stands for them in settings.

    Raises:
        StoreError: They cannot be written.
    """
    digest = digest_of(weights)
    place = _place(store, digest)
    try:
        given(store, digest)
    except StoreError:  # absent, or not what it was
        store.create()
        try:
            place.parent.mkdir(exist_ok=True)
            write_file(place, save({n: np.ascontiguousarray(w) for n, w in weights.items()}))
        except OSError as error:
            raise explain_os_error(error, place) from error
    return digest


def given(store: Store, digest: str) -> Weights:
    """Return the weights that a digest stands for.

    Raises:
        StoreError: They are not here, or are not what was given.
    """
    place = _place(store, digest)
    try:
        found: Weights = load_file(place)
    except FileNotFoundError:
        raise StoreError(
            f"the weights {digest} that a run begins with are not in {store.path}; give their "
            "file again, with --start, or runs.given.give(store, weights)"
        ) from None
    except Exception as error:  # safetensors has an error of its own for a torn file
        raise StoreError(
            f"{place} cannot be read ({error}); give its file again, with --start"
        ) from error
    if digest_of(found) != digest:
        raise StoreError(f"{place} is not what was given; give its file again, with --start")
    return found


def _place(store: Store, digest: str) -> Path:
    return store.path / "given" / f"{digest}.safetensors"
