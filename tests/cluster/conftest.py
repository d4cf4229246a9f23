from __future__ import annotations

import os

import pytest

from tests.cluster.asked import predictions


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """A store that was trained in one process; no test without `make test-cluster`."""
    if "TEST_CLUSTER" not in os.environ:  # nobody's own cluster is to be tested on
        pytest.skip("`make test-cluster` starts a Slurm, and `make test-ray` a Ray")
    place = tmp_path_factory.mktemp("local") / "store"
    answer = predictions(place)
    assert answer.returncode == 0, answer.stderr
    return place
