"""What many workers, some of which die, make of a plan of a million runs: a simulation.

    python -m benchmarks.cluster [RUNS …] [--workers 100] [--deaths 0.01]

The plan is the real one (`runs.plan`: generations, packing, the longest first, estimated times), of
ungrokking at quick with as many seeds as make so many runs. Time is simulated: a worker takes the
first group of its generation that is free, as `runs.execution.sharing` does; checkpoints and leases
are those of the code, and a worker that finds nothing waits for what the dead have left. A worker
dies at a constant rate, without a signal; another begins after `RESTART` seconds; its group waits
for the end of the lease, and goes on from its last checkpoint. Generations are those of jobs: the
next begins when one has ended.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from predictions.circuit_efficiency.ungrokking.claim import Ungrokking
from predictions.registry import find
from predictions.trainer import NetworkTrainer
from predictions.variants import Variant
from runs import Document, Store
from runs.execution.claims import LEASE_SECONDS
from runs.execution.planning import plan

CHECKPOINT = 60.0
"""Seconds between two checkpoints, as ``runs.execute`` has it."""

AT_ONCE = 20
"""Seeds of one command."""

START, RESTART = 10.0, 120.0
"""Seconds for a worker to import and find the first group, and for another to be begun after a
death: the time for which Slurm holds back what it requeues."""


@dataclass
class Outcome:
    """What came of a simulation; times in seconds.

    Attributes:
        makespan: From the first submission to the last run.
        ideal: The work of all groups, divided among workers that never die or wait.
        bound: The least that any order could take: the ideal, or the longest group of each
            generation after that of the one before.
        deaths: Workers that died.
        lost: Training that was done again.
        waited: Time for which groups waited for the lease of a worker that had died.
    """

    makespan: float
    ideal: float
    bound: float
    deaths: int = 0
    lost: float = 0.0
    waited: float = 0.0


def simulated(
    levels: list[list[float]], workers: int, deaths_per_hour: float, seed: int
) -> Outcome:
    """Return what workers make of groups.

    Args:
        levels: By generation, how long each group takes one worker, in the order of the plan.
        workers: How many there are at any time, but for restarts.
        deaths_per_hour: Chance of a worker to die in an hour, as a rate.
        seed: Of the deaths.
    """
    rng = np.random.default_rng(seed)
    work = sum(map(sum, levels))
    out = Outcome(0.0, work / workers, max(work / workers, sum(map(max, levels))))
    now = 0.0
    for groups in levels:
        # What is free: its place in the plan, and how much of it is left.
        free = [(order, left) for order, left in enumerate(groups)]
        held: list[tuple[float, int, float]] = []  # groups of the dead, by the end of their lease
        free.reverse()
        idle = [(now + START, worker) for worker in range(min(workers, len(groups)))]
        heapq.heapify(idle)
        ended = now
        while free or held:
            begins, worker = heapq.heappop(idle)
            while held and held[0][0] <= begins:
                _, order, left = heapq.heappop(held)
                free.append((order, left))  # the longest first: it was early in the plan
            if not free:
                heapq.heappush(idle, (held[0][0], worker))
                continue
            order, left = free.pop()
            dies = rng.exponential(3600.0 / deaths_per_hour) if deaths_per_hour else np.inf
            if dies >= left:
                ended = max(ended, begins + left)
                heapq.heappush(idle, (begins + left, worker))
                continue
            kept = CHECKPOINT * np.floor(dies / CHECKPOINT)
            lease = rng.uniform(LEASE_SECONDS, LEASE_SECONDS + 30.0)
            heapq.heappush(held, (begins + dies + lease, order, left - kept))
            heapq.heappush(idle, (begins + dies + RESTART + START, worker))
            out.deaths += 1
            out.lost += dies - kept
            out.waited += lease
        now = ended
    out.makespan = now
    return out


def planned(runs: int, size: Any) -> tuple[list[list[float]], dict[str, float]]:
    """Return how long the groups of a plan take, and what planning took."""
    trainer = NetworkTrainer("cpu", workers=1)
    trainer.seconds([find("ungrokking").settings("smoke")[0].document()])  # reads the code it needs
    began = time.perf_counter()
    documents: list[Document] = []
    for first_seed in itertools.count(10_000, AT_ONCE):
        claim = Ungrokking(Variant(first_seed=first_seed))
        documents += [run.document() for run in claim.settings(size, AT_ONCE)]
        if len(documents) >= runs:
            break
    del documents[runs:]
    made = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        groups_by_level = plan(documents, Store(Path(folder) / "store"), trainer)
    levels = [[trainer.seconds(group) for group in groups] for groups in groups_by_level]
    took = {
        "runs": len(documents),
        "groups": sum(map(len, levels)),
        "settings_seconds": made - began,
        "plan_seconds": time.perf_counter() - made,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return levels, took


def main() -> None:
    """Print a line for each number of runs."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.cluster")
    parser.add_argument("runs", nargs="*", type=int, default=[1000, 10_000])
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--deaths", type=float, default=0.01, help="of a worker in an hour")
    parser.add_argument("--size", default="quick")
    parser.add_argument("--times", type=int, default=20, help="simulations")
    given = parser.parse_args()
    print(machine.description())
    for runs in given.runs:
        levels, took = planned(runs, given.size)
        calm = simulated(levels, given.workers, 0.0, 0)
        found = [
            simulated(levels, given.workers, given.deaths, seed) for seed in range(given.times)
        ]
        ratios = sorted(one.makespan / one.ideal for one in found)
        print(json.dumps({name: round(value, 1) for name, value in took.items()}))
        print(
            f"  {given.workers} workers: ideal {calm.ideal / 3600:.2f} h, bound "
            f"{calm.bound / calm.ideal:.3f}; nobody dies {calm.makespan / calm.ideal:.3f}; "
            f"{given.deaths:.0%} die in an hour {np.median(ratios):.3f} [{ratios[0]:.3f} to "
            f"{ratios[-1]:.3f}] of the ideal; {np.mean([one.deaths for one in found]):.1f} deaths, "
            f"{np.mean([one.lost for one in found]):.0f} s done again, "
            f"{np.mean([one.waited for one in found]):.0f} s waited for leases",
            flush=True,
        )


if __name__ == "__main__":
    main()
