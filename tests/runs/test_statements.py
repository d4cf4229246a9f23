"""What is said before runs are trained stays as it was said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runs import Store, StoreError, execute, identity
from runs.execution.checkpoints import Workplace
from runs.statements import state, statements
from tests.runs.fake import FakeTrainer, document


def test_to_say_the_same_again_changes_nothing_and_to_say_another_thing_leaves_both(tmp_path):
    store = Store(tmp_path / "s")
    first = state(store, {"kind": "plan", "looks": [3, 6]})
    again = state(store, {"looks": [3, 6], "kind": "plan"})
    assert again == first
    other = state(store, {"kind": "plan", "looks": [3]})
    assert [one.name for one in statements(store)] == [first.name, other.name]
    assert first.made < other.made
    assert statements(Store(tmp_path / "none")) == []


def test_it_says_which_runs_were_there_or_begun_before_it(tmp_path):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    place = Workplace(store, [document(2)])
    assert place.claim()
    place.write({"step": np.array(7), "x": np.array([7.0])})
    place.release(finished=False)
    about = [identity(document(value)) for value in (1, 2, 3)]
    assert set(state(store, {"kind": "plan"}, about).begun) == set(about[:2])
    execute([document(3)], store, FakeTrainer())
    assert set(state(store, {"kind": "plan"}, about).begun) == set(about[:2]), "as it was made"


@pytest.mark.parametrize(
    "harm",
    [
        lambda held: held["says"].update(looks=[12]),
        lambda held: held.pop("made"),
        lambda held: held.update(made="yesterday"),
        lambda held: held.update(made="2020-01-01T00:00:00+00:00"),
        lambda held: held.update(begun=["0" * 32]),
    ],
)
def test_one_that_was_changed_is_named_and_not_believed(tmp_path, harm):
    store = Store(tmp_path / "s")
    made = state(store, {"kind": "plan", "looks": [3]})
    path = store.path / "statements" / f"{made.name}.json"
    held = json.loads(path.read_text())
    harm(held)
    path.write_text(json.dumps(held))
    with pytest.raises(StoreError, match=made.name):
        statements(store)
    with pytest.raises(StoreError, match="move it out of the store"):
        state(store, {"kind": "plan", "looks": [3]})


def test_one_that_cannot_be_written_says_where(tmp_path):
    store = Store(tmp_path / "s")
    store.create()
    (store.path / "statements").write_text("")
    with pytest.raises(StoreError, match="statements"):
        state(store, {"kind": "plan"})
