"""Training by tasks of Ray.

Each generation of groups is a number of equal tasks; the next is submitted when all have ended. A
task is a worker in a process of its own, which takes whatever is free, until nothing is. Whatever
ends the task ends that process by SIGTERM, so that it writes checkpoints; Ray tries the task again,
here or on another node.
"""

from __future__ import annotations

import importlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, final

from runs.execution.children import GRACE_SECONDS, begin, end, last_words
from runs.execution.following import (
    Group,
    Watch,
    followed,
    host_mebibytes,
    level_by_level,
    memory_of,
    noted,
)
from runs.execution.jobs import Job
from runs.execution.planning import Trainer, plan
from runs.execution.progress import Execution, Progress
from runs.files import StoreError
from runs.identity import Document
from runs.store import Store

STOPPED = (75, 130, 128 + signal.SIGTERM)
"""How a worker ends that was told to, and has more to do."""


LOOK_SECONDS = 0.2
"""Time between two looks at a worker."""


@dataclass(frozen=True, kw_only=True)
class RayOptions:
    """What is asked of Ray.

    Attributes:
        address: Of the cluster, as ``ray.init`` takes it; ``auto`` for the one that runs here.
        memory_mebibytes: Of each task; ``None`` for what training is estimated to take.
        max_jobs: Tasks at once.
        retries: How often a task is tried again.
        resources: Further resources of a task, by Ray's name, ``{"GPU": 1}`` for one.
    """

    address: str = "auto"
    memory_mebibytes: int | None = None
    max_jobs: int = 64
    retries: int = 100
    resources: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = {"max_jobs": 1, "retries": 0, "memory_mebibytes": 1}
        for name, smallest in least.items():
            if (value := getattr(self, name)) is not None and value < smallest:
                raise ValueError(f"{name} is {value}; it must be {smallest} at least")


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A worker was told to end, and has more to do."""


def run_worker(command: Sequence[str], log: str, folder: str) -> None:
    """Run a worker in a process that ends when this one does, what it prints added to a file.

    Raises:
        Stopped: It was told to end.
        RuntimeError: It failed.
    """
    _hear_cancellations()
    # Where the command was given, if it is there: modules of one's own are found from there.
    worker = begin(command, Path(log), {}, folder if Path(folder).is_dir() else None)
    try:
        # Ray cancels by an exception in this thread, which does not come while it waits for good.
        while (ended := worker.poll()) is None:
            time.sleep(LOOK_SECONDS)
    finally:
        end(worker)  # however this task ends: cancelled, or its process by SIGTERM
    if ended in STOPPED:
        raise Stopped(f"the worker ended with {ended}")
    if ended != 0:
        raise RuntimeError(f"the worker ended with {ended}: {last_words(Path(log))}")


def _hear_cancellations() -> None:
    """Let this process hear Ctrl-C, which is how Ray cancels, where it was begun to ignore it.

    So are nodes that a script began in the background; a worker that is cancelled there would end
    with its process, without a checkpoint.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@final
class Ray:
    """Trains by tasks of Ray, and follows them.

    Args:
        options: What is asked of Ray.
        worker: The command of a worker, on any node; the path of the store, the name of the job and
            the level are added to it.
        training: What workers need to know of training, as JSON types.
    """

    def __init__(
        self, options: RayOptions, worker: Sequence[str], training: Mapping[str, Any]
    ) -> None:
        self.options, self._worker, self._training = options, list(worker), training

    def _asked(self, memory_bytes: float) -> dict[str, Any]:
        """Return the options of a task, as Ray takes them."""
        asked = self.options
        on_gpu = self._training.get("device") == "cuda"
        mebibytes = asked.memory_mebibytes or host_mebibytes(memory_bytes, on_gpu=on_gpu)
        resources = dict(asked.resources)
        return {
            "num_cpus": resources.pop("CPU", 1),
            "num_gpus": resources.pop("GPU", int(on_gpu)),
            "memory": mebibytes * 2**20,
            "resources": resources,
            "max_retries": asked.retries,
        }

    def preview(self, documents: Sequence[Document], store: Store, trainer: Trainer) -> str:
        """See ``runs.execution.executors.Executor``."""
        levels = plan(documents, store, trainer)
        asked = self._asked(memory_of(trainer, levels))
        counts = [min(len(groups), self.options.max_jobs) for groups in levels]
        return "".join(
            f"level {at}: {number} tasks of Ray, each with {asked}\n"
            for at, number in enumerate(counts)
        )

    def execute(
        self,
        documents: Sequence[Document],
        store: Store,
        trainer: Trainer,
        *,
        report: Callable[[Progress], None],
    ) -> Execution:
        """See ``runs.execution.executors.Executor``."""
        try:
            ray = importlib.import_module("ray")
        except ImportError as error:
            raise StoreError(
                f"--on ray needs Ray ({error}): pip install 'circuit-efficiency[ray]', or leave it "
                "out to train here"
            ) from error
        watch = Watch(documents, store, report, "Ray")
        try:
            ray.init(self.options.address, log_to_driver=False, configure_logging=False)
        except ConnectionError as error:
            raise StoreError(
                f"no cluster of Ray answers at {self.options.address!r} ({error}); `ray start "
                "--head` starts one, --address says where one is"
            ) from error
        except Exception as error:
            raise StoreError(
                f"the cluster of Ray at {self.options.address!r} cannot be used "
                f"({type(error).__name__}: {error})"
            ) from error
        try:
            return followed(
                watch,
                store,
                lambda: self._train(ray, documents, store, trainer, watch),
                elsewhere="by tasks of Ray",
                nothing_left="no task is left",
            )
        finally:
            ray.shutdown()

    def _train(
        self, ray: Any, documents: Sequence[Document], store: Store, trainer: Trainer, watch: Watch
    ) -> str:
        """Submit and follow; return what becomes of the tasks if this process ends."""
        asked: dict[str, Any] = {}

        def note(levels: Sequence[Sequence[Group]]) -> Job:
            asked.update(self._asked(memory_of(trainer, levels)))
            _require_room(ray, asked)
            return noted(levels, store, self._training, "ray")

        level_by_level(
            watch,
            lambda: plan(documents, store, trainer),
            note,
            lambda job, level: _followed(
                ray, self._submitted(ray, job, level, store, asked), watch
            ),
        )
        return "their tasks end with this command; what they did is kept in checkpoints"

    def _submitted(
        self, ray: Any, job: Job, level: int, store: Store, asked: Mapping[str, Any]
    ) -> list[Any]:
        """Submit a generation; return its tasks."""
        folder, place = job.folder(store).absolute(), str(store.path.absolute())
        command = [*self._worker, place, job.name, str(level)]
        task = ray.remote(run_worker).options(
            **asked, retry_exceptions=[Stopped], name=f"predictions-{job.name}-{level}"
        )
        number = min(len(job.levels[level]), self.options.max_jobs)
        here = str(Path.cwd())
        logs = [str(folder / f"ray-{level}-{k}.log") for k in range(number)]
        return [task.remote(command, log, here) for log in logs]


def _require_room(ray: Any, asked: Mapping[str, Any]) -> None:
    """Raise ``StoreError`` unless some node could ever run a task that asks for so much."""
    named = {"CPU": asked["num_cpus"], "GPU": asked["num_gpus"], "memory": asked["memory"]}
    needed = {**named, **asked["resources"]}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(all(node.get(n, 0) >= least for n, least in needed.items()) for node in nodes):
        return
    told = ", ".join(f"{name} {least:g}" for name, least in needed.items() if least)
    raise StoreError(
        f"no node of this cluster of Ray has what a task asks for ({told}); ask for less under "
        "[ray] in a profile (memory_mebibytes, resources), or add a node that has it"
    )


def _followed(ray: Any, tasks: list[Any], watch: Watch) -> str | None:
    """Follow tasks to their end, and end them if asked to; return why one failed, if one did."""
    watch.follow(partial(_left_of, ray, tasks))
    if watch.stop.is_set():
        for task in tasks:
            ray.cancel(task)
        ray.wait(tasks, num_returns=len(tasks), timeout=GRACE_SECONDS)
    return _first_error(ray, tasks)


def _left_of(ray: Any, tasks: Sequence[Any]) -> Counter[str]:
    """Return how many tasks have not ended."""
    left = ray.wait(list(tasks), num_returns=len(tasks), timeout=0)[1]
    return Counter({"tasks left": len(left)}) if left else Counter()


def _first_error(ray: Any, tasks: Sequence[Any]) -> str | None:
    """Return why the first of those tasks failed that did, ``None`` if none has."""
    for task in ray.wait(list(tasks), num_returns=len(tasks), timeout=0)[0]:
        try:
            ray.get(task)
        except Exception as error:
            return f"a task of Ray failed: {type(error).__name__}: {str(error).strip()[-500:]}"
    return None
