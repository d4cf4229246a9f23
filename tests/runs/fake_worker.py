"""A worker of a job that trains without networks."""

import sys

from runs import Store, identity
from runs.execution.jobs import read_job
from runs.execution.local import train
from tests.runs.fake import FakeTrainer

if __name__ == "__main__":
    path, name, level = sys.argv[1:]
    store = Store(path)
    groups = read_job(store, name).groups(store, int(level))
    wanted = {identity(document) for group in groups for document in group}
    train([groups], wanted, store, FakeTrainer(), patient=False)
