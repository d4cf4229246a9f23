"""The peak memory of training an ensemble, measured in a process of its own."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from efficiency.settings import RunSettings
from efficiency.training.loop import Training
from runs import Store
from runs.execution.checkpoints import Workplace


def peak_bytes(runs: Sequence[RunSettings], device: str, engine: str, threads: int) -> float:
    """Return the peak of two updates, a record and a checkpoint, above the bare interpreter."""
    here, there = multiprocessing.Pipe()
    documents = json.dumps([run.document() for run in runs])
    process = multiprocessing.get_context("spawn").Process(
        target=_report_peak, args=(there, documents, device, engine, threads)
    )
    process.start()
    there.close()
    try:
        peak = float(here.recv())
    finally:
        process.join()
    return peak


def _report_peak(there: Connection, documents: str, device: str, engine: str, threads: int) -> None:
    torch.set_num_threads(threads)
    runs = [RunSettings.from_document(document) for document in json.loads(documents)]
    # Everything that is loaded once, whatever the ensemble.
    small = runs[0].model_copy(update={"dataset_size": 1})
    Training([small], [None], device, engine).engine.advance(0, 1)
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = 0.0
    else:
        before = _forget_peak()
    training = Training(runs, [None] * len(runs), device, engine)
    training.advance(2)
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Store(Path(folder) / "store"), [{"benchmark": True}])
        place.claim()
        place.write(training.state())
        place.release(finished=True)
    peak = float(torch.cuda.max_memory_allocated()) if device == "cuda" else _peak_so_far()
    there.send(peak - before)
    there.close()


def _forget_peak() -> float:
    """Make the present size the peak, where the system can; return it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak_so_far()


def _peak_so_far() -> float:
    """Return the largest resident size of this process so far, in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:  # not Linux
        unit = 1 if sys.platform == "darwin" else 1024
        return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return 1024 * float(lines["VmHWM"].split()[0])


def bare_bytes() -> float:
    """Return what a process takes that is ready to train and trains nothing yet."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_report_bare, args=(there,))
    process.start()
    there.close()
    try:
        return float(here.recv())
    finally:
        process.join()


def _report_bare(there: Connection) -> None:
    there.send(_forget_peak())
    there.close()
