from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.identity import canonical_json, identity
from tests.build import CHOICES, run_settings

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value, rng):
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: shuffled(value[name], rng) for name in names}
    return [shuffled(v, rng) for v in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), JSON, max_size=5), st.randoms())
def test_the_order_of_fields_does_not_change_an_identity(document, rng):
    assert identity(shuffled(document, rng)) == identity(document)


@given(JSON)
def test_canonical_json_keeps_every_value(value):
    assert json.loads(canonical_json(value)) == value


def leaves(value, path=()):
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, (*path, name))
        else:
            yield (*path, name), inner


def replaced(value, path, leaf):
    return {**value, path[0]: leaf if len(path) == 1 else replaced(value[path[0]], path[1:], leaf)}


def test_changing_any_field_changes_the_identity():
    document = run_settings(start=run_settings(), init_seed=None).document()
    fields = list(leaves(document))
    assert len(fields) > 40
    for path, value in fields:
        for other in (None, 0, 1, 0.5, "x", True):
            if (other, type(other)) != (value, type(value)):
                assert identity(replaced(document, path, other)) != identity(document), path


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        identity({"value": value})


@pytest.mark.parametrize(
    ("settings", "frozen"),
    [
        (run_settings(), "29ba3de105fd78a7e2ddbc440bd42ded"),
        (run_settings(**CHOICES["everything"]), "d5f40421081b5e903a474a647470f599"),
        (
            run_settings(start=run_settings(), init_seed=None, dataset_size=10),
            "08153a0f4e8624bfdc0b539213da9897",
        ),
    ],
)
def test_identities_never_change_whatever_the_versions_of_libraries(settings, frozen):
    # With pydantic before 2.12 settings that are not used were in the document: other identities,
    # and a full store looked empty. Hence the lower bound in pyproject.toml.
    assert identity(settings.document()) == frozen
