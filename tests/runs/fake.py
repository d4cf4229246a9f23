"""Training without networks: exact arithmetic that shows who was trained and from what."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from runs import Result, identity


def document(value: int, *, start: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"value": value, "num_steps": 20, "start": start, **more}


class FakeGroup:
    """Adds its value to a number at every step."""

    def __init__(self, documents, starts, seconds_per_step=0.0):
        self.documents = documents
        self.num_steps = documents[0]["num_steps"]
        self.step = 0
        self.seconds_per_step = seconds_per_step
        begin = [0.0 if start is None else float(start["x"][0]) for start in starts]
        self.x = np.array(begin)

    def advance(self, num_steps):
        for _ in range(min(num_steps, self.num_steps - self.step)):
            time.sleep(self.seconds_per_step)
            self.x = self.x + [d["value"] for d in self.documents]
            self.step += 1

    def state(self):
        return {"step": np.array(self.step), "x": self.x.copy()}

    def restore(self, state):
        self.step, self.x = int(state["step"]), np.array(state["x"])

    def results(self):
        return [
            Result(
                history=pd.DataFrame({"step": [0, self.num_steps], "x": [0.0, x]}),
                weights={"x": np.array([x])},
                outcome={"status": d.get("ends", "settled")},
            )
            for d, x in zip(self.documents, self.x, strict=True)
        ]


class FakeTrainer:
    workers = 1

    def __init__(self, seconds_per_step=0.0, stop_after=None):
        self.begun = []
        self.seconds_per_step = seconds_per_step
        self.stop_after = stop_after

    def pack(self, documents):
        order = sorted(range(len(documents)), key=lambda i: documents[i]["value"])
        return [order[i : i + 2] for i in range(0, len(order), 2)]

    def begin(self, documents, starts):
        if self.stop_after is not None and len(self.begun) >= self.stop_after:
            raise RuntimeError("the power went out")
        self.begun.append([identity(d) for d in documents])
        return FakeGroup(documents, starts, self.seconds_per_step)

    def seconds(self, documents):
        return float(len(documents))

    def memory_bytes(self, groups):
        return 1e8

    def definition(self, document):
        return {"adds": document["value"]}

    def environment(self, documents):
        return {"device": "imagination", "device_name": "", "threads": 1, "workers": 1}
