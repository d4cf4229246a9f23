"""A worker of a job that trains without networks."""

import os
import signal
import sys
import time

from runs import Store, identity
from runs.execution.jobs import read_job
from runs.execution.local import train
from tests.runs.fake import FakeTrainer


class Limited(FakeTrainer):
    """Is told to end once a group has made so many steps."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def begin(self, documents, starts):
        group = super().begin(documents, starts)
        advance, left, told = group.advance, self.steps, False

        def limited(num_steps):
            nonlocal left, told
            if made := min(num_steps, left):
                advance(made)
                left -= made
            if left == 0 and not told:
                told = True
                os.kill(os.getpid(), signal.SIGUSR1)
            elif left == 0:
                time.sleep(0.01)  # it is asked again until the signal has been seen

        group.advance = limited
        return group


if __name__ == "__main__":
    path, name, level = sys.argv[1:]
    store = Store(path)
    groups = read_job(store, name).groups(store, int(level))
    wanted = {identity(document) for group in groups for document in group}
    # A limit of time that ends every worker after some steps.
    limit = os.environ.get("FAKE_LIMIT")
    trainer = FakeTrainer() if limit is None else Limited(int(limit))
    train([groups], wanted, store, trainer, patient=False)
