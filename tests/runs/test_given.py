"""Weights that were trained elsewhere: put into a store once, and held to what they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from runs import Store, StoreError
from runs.given import digest_of, give, given

WEIGHTS = {"W_E": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.float32)}


def test_what_was_given_comes_back_and_is_kept_once(tmp_path):
    store = Store(tmp_path / "store")
    turned = {"W_E": np.asfortranarray(WEIGHTS["W_E"]), "b": WEIGHTS["b"]}
    digest = give(store, turned)
    assert digest == give(store, WEIGHTS) == digest_of(WEIGHTS)
    assert len(list((store.path / "given").iterdir())) == 1
    for name, value in given(store, digest).items():
        assert value.dtype == np.float32
        assert (value == WEIGHTS[name]).all()


@drawn(st.sampled_from(["name", "number", "type", "shape"]), st.integers(0, 5))
def test_whatever_is_changed_is_another_network(what, place):
    other = {name: value.copy() for name, value in WEIGHTS.items()}
    if what == "name":
        other["V_E"] = other.pop("W_E")
    elif what == "number":
        other["W_E"].flat[place] += 1e-3
    elif what == "type":
        other["W_E"] = other["W_E"].astype(np.float64)
    else:
        other["W_E"] = other["W_E"].reshape(3, 2)
    assert digest_of(other) != digest_of(WEIGHTS)
    assert digest_of(dict(reversed(WEIGHTS.items()))) == digest_of(WEIGHTS)


def test_what_is_absent_torn_or_exchanged_is_said_and_not_taken(tmp_path):
    store = Store(tmp_path / "store")
    digest = digest_of(WEIGHTS)
    with pytest.raises(StoreError, match="give their file again, with --start"):
        given(store, digest)
    give(store, WEIGHTS)
    (file,) = (store.path / "given").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    with pytest.raises(StoreError, match="cannot be read"):
        given(store, digest)
    file.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(StoreError, match="is not what was given"):
        given(store, digest)
