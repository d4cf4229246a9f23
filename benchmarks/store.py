"""How opening, asking and judging grow with the number of runs in a store.

Beside the runs of ungrokking at smoke, which are judged, stand as many others as asked for: copies
of one of them under other seeds, whose large files are links to its own.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine
from predictions.cli.status import status_of
from predictions.registry import find
from predictions.stored import judge_stored
from predictions.trainer import NetworkTrainer
from runs import SCHEMA_VERSION, Store, execute, identity
from runs.execution.workplaces import set_out, tidy, unfinished

LINKED = ("history.parquet", "weights.safetensors", "outcome.json", "provenance.json")


def add_copies(store: Store, seeds: range) -> None:
    """Add runs that nobody asks for."""
    # Of several, since a file may have so many links and no more.
    runs = [identity(run.document()) for run in find("ungrokking").settings("smoke")]
    templates = [store.load(run) for run in runs]
    for seed in seeds:
        record = templates[seed % len(templates)]
        mark = json.loads((record.folder / "complete.json").read_text())
        held = json.loads((record.folder / "settings.json").read_text())["settings"]
        settings = copy.deepcopy(held) | {"data_seed": 10**6 + seed}
        folder = store.folder(identity(settings))
        folder.mkdir()
        for name in LINKED:
            os.link(record.folder / name, folder / name)
        text = json.dumps({"schema": SCHEMA_VERSION, "settings": settings}).encode()
        (folder / "settings.json").write_bytes(text)
        mark["files"]["settings.json"] = hashlib.sha256(text).hexdigest()
        mark["sizes"]["settings.json"] = len(text)
        (folder / "complete.json").write_text(json.dumps(mark))


def add_groups(store: Store, seeds: range) -> None:
    """Set out groups of one run each."""
    settings = find("ungrokking").settings("smoke")[0].document()
    for seed in seeds:
        set_out(store, [settings | {"data_seed": 10**7 + seed}])


def seconds_of(action: Callable[[], object]) -> float:
    """Return the time of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Print a row for each number of runs."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.store")
    parser.add_argument("runs", nargs="*", type=int, default=[1000, 10_000])
    parser.add_argument("--folder", help="where the stores are made; default: a temporary one")
    given = parser.parse_args()
    claim = find("ungrokking")
    print(machine.description())
    print("     runs   open  status   judge  schemas  groups: tidy  unfinished   peak MiB")
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        store = Store(Path(place) / "store")
        execute([run.document() for run in claim.settings("smoke")], store, NetworkTrainer("cpu"))
        there = 0
        for number in sorted(given.runs):
            add_copies(store, range(there, number))
            add_groups(store, range(there // 10, number // 10))
            there = number
            times = [
                seconds_of(lambda: Store(store.path)),
                seconds_of(lambda: status_of(Store(store.path), [claim], "smoke", None)),
                seconds_of(lambda: judge_stored(claim, "smoke", Store(store.path))),
                seconds_of(lambda: Store(store.path).of_other_schemas()),
                seconds_of(lambda: tidy(Store(store.path))),
                seconds_of(lambda: unfinished(Store(store.path))),
            ]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
            opened, status, judge, schemas, tidied, listed = times
            print(
                f"{number:9,}  {opened:5.3f}  {status:6.2f}  {judge:6.2f}  {schemas:7.2f}  "
                f"{tidied:12.2f}  {listed:10.2f}  {peak:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
