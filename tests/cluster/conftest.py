from __future__ import annotations

import os

import pytest

from tests.cluster.asked import predictions


@pytest.fixture(scope="session", autouse=True)
def _only_where_it_is_asked_for():
    """Nobody's own cluster is to be tested on."""
    if "TEST_CLUSTER" not in os.environ:
        pytest.skip("`make test-cluster` starts a Slurm, and `make test-ray` a Ray")


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """A store that was trained in one process."""
    place = tmp_path_factory.mktemp("local") / "store"
    answer = predictions(place)
    assert answer.returncode == 0, answer.stderr
    return place
