from __future__ import annotations

import json
import re

import numpy as np
import pytest

from efficiency.engines import compiled, compiling, layered
from tests.build import compiled_only
from tests.efficiency import golden

GOLDEN = json.loads(golden.PLACE.read_text(encoding="utf-8"))


def numbers(trace: dict[str, list[str]]) -> dict[str, np.ndarray]:
    return {
        name: np.array([float.fromhex(value) for value in values]) for name, values in trace.items()
    }


def test_the_numbers_of_the_stacked_engine_have_not_changed():
    # In float64 the order of additions, which is the processor's, leaves twelve digits alone.
    found, expected = numbers(golden.trace("stacked")), numbers(GOLDEN["stacked"])
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-11, atol=1e-12, err_msg=name)


@compiled_only
@pytest.mark.parametrize("engine", golden.COMPILED)
def test_the_numbers_of_compiled_code_have_not_changed(engine):
    found, kept = golden.trace(engine), GOLDEN[engine]
    if golden.kind() in kept:
        assert found == kept[golden.kind()], "run `python -m tests.efficiency.golden` if meant"
    for expected in kept.values():
        for name, values in numbers(expected).items():
            np.testing.assert_allclose(numbers(found)[name], values, rtol=1e-4, err_msg=name)


WIDE = ("-march=x86-64-v4", "-march=x86-64-v3 -DLANES=16 -DREGISTERS=32")
"""Code for vectors of sixteen, and for as many in the registers of a processor without them."""


@compiled_only
def test_bits_are_those_of_the_width_of_vectors_and_not_of_the_processor(monkeypatch):
    here = golden.kind()
    kind = re.sub("^-march=x86-64-v[34],", WIDE[0] + ",", here)
    if kind not in GOLDEN["compiled"]:
        pytest.skip(f"no trace of sixteen lanes by what compiles here: {here}")
    monkeypatch.setattr(compiling, "_candidates", compiling._candidates)
    try:
        found = golden.compiled_for(WIDE[1])
    finally:
        monkeypatch.undo()
        for code in (compiled.CODE, layered.CODE):
            code.forget()
    assert found["compiled"] == GOLDEN["compiled"][kind]
    as_such = re.sub("^-march=x86-64-v[34],", WIDE[1] + ",", here)
    assert found["layered"] == GOLDEN["layered"][as_such]


def test_there_are_traces_of_several_kinds_of_compiled_code_that_differ_in_their_last_digits():
    assert len(GOLDEN["compiled"]) >= 4
    kinds = GOLDEN["compiled"]
    assert len(GOLDEN["layered"]) >= 2
    assert len({json.dumps(trace) for trace in kinds.values()}) > 1


def test_the_trace_is_no_trivial_one():
    of_code = [trace for engine in golden.COMPILED for trace in GOLDEN[engine].values()]
    for trace in (GOLDEN["stacked"], *of_code):
        losses = numbers(trace)["train_loss"].reshape(golden.STEPS, 3)
        assert (losses[-1] < 0.7 * losses[0]).all()
        assert len(set(trace["train_loss"])) == 3 * golden.STEPS
