from __future__ import annotations

import json

import numpy as np

from tests.build import compiled_only
from tests.efficiency import golden

GOLDEN = json.loads(golden.PLACE.read_text(encoding="utf-8"))


def numbers(trace: dict[str, list[str]]) -> dict[str, np.ndarray]:
    return {
        name: np.array([float.fromhex(value) for value in values]) for name, values in trace.items()
    }


def test_the_numbers_of_the_stacked_engine_have_not_changed():
    # In float64 the order of additions, which is the processor's, leaves twelve digits alone.
    found, expected = numbers(golden.trace("stacked")), numbers(GOLDEN["engines"]["stacked"])
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-11, atol=1e-12, err_msg=name)


@compiled_only
def test_the_numbers_of_the_compiled_engine_have_not_changed():
    found, expected = golden.trace("compiled"), GOLDEN["engines"]["compiled"]
    if golden.maker() == GOLDEN["maker"]:
        assert found == expected, "run `python -m tests.efficiency.golden` if this was meant"
    for name, values in numbers(expected).items():
        np.testing.assert_allclose(numbers(found)[name], values, rtol=1e-4, err_msg=name)


def test_the_trace_is_no_trivial_one():
    for engine in GOLDEN["engines"].values():
        losses = numbers(engine)["train_loss"].reshape(golden.STEPS, 3)
        assert (losses[-1] < 0.7 * losses[0]).all()
        assert len(set(engine["train_loss"])) == 3 * golden.STEPS
