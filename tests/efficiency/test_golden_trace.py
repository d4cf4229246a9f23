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
    found, expected = numbers(golden.trace("stacked")), numbers(GOLDEN["stacked"])
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-11, atol=1e-12, err_msg=name)


@compiled_only
def test_the_numbers_of_the_compiled_engine_have_not_changed():
    found, kept = golden.trace("compiled"), GOLDEN["compiled"]
    if golden.kind() in kept:
        assert found == kept[golden.kind()], "run `python -m tests.efficiency.golden` if meant"
    for expected in kept.values():
        for name, values in numbers(expected).items():
            np.testing.assert_allclose(numbers(found)[name], values, rtol=1e-4, err_msg=name)


def test_there_are_traces_of_several_kinds_of_compiled_code_that_differ_in_their_last_digits():
    kinds = GOLDEN["compiled"]
    assert len(kinds) >= 4
    assert len({json.dumps(trace) for trace in kinds.values()}) > 1


def test_the_trace_is_no_trivial_one():
    for trace in (GOLDEN["stacked"], *GOLDEN["compiled"].values()):
        losses = numbers(trace)["train_loss"].reshape(golden.STEPS, 3)
        assert (losses[-1] < 0.7 * losses[0]).all()
        assert len(set(trace["train_loss"])) == 3 * golden.STEPS
