"""Runs of a store in programs that track experiments, written by those programs' own writers.

Nothing is sent anywhere: TensorBoard and MLflow read the folder, and ``wandb sync`` sends what lies
in it when its owner says so.
"""

from __future__ import annotations

import importlib
import logging
import math
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings, leaves
from efficiency.training.outcome import Outcome
from predictions.opened import OpenStore
from runs.files import explain_os_error
from runs.identity import identity

PROJECT = "circuit-efficiency"
"""What runs are filed under."""

_BATCH = 100
"""Parameters, or ten times as many numbers, that MLflow takes at once."""

_Held = TypeVar("_Held")


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A run as programs that track experiments know it.

    Attributes:
        run: Its identity.
        title: What tells it from others at a glance.
        groups: The predictions that it belongs to, if they were asked for.
        settings: Every setting by its path; of a run that it continues the identity.
        history: What was recorded, with the column ``step``.
        final: Its final numbers, those that have a value.
    """

    run: str
    title: str
    groups: tuple[str, ...]
    settings: dict[str, int | float | str | bool]
    history: pd.DataFrame
    final: dict[str, float]

    def records(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield each recorded step with the numbers that were finite then."""
        for row in self.history.to_dict("records"):
            step = int(row.pop("step"))
            yield step, {str(k): float(x) for k, x in row.items() if math.isfinite(x)}


def tracked(store: OpenStore, runs: pd.DataFrame) -> Iterator[Tracked]:
    """Yield each run of a table once.

    Args:
        store: Where they are.
        runs: Rows of ``OpenStore.frame``.

    Raises:
        StoreError: A run is damaged.
    """
    for run, rows in runs.groupby("run", sort=False):
        name, row = str(run), rows.iloc[0]
        record = store.record(name)
        yield Tracked(
            run=name,
            title=_title(name, row),
            groups=tuple(dict.fromkeys(rows["prediction"])) if "prediction" in rows else (),
            settings={
                path: _plain(value)
                for path, value in leaves(RunSettings.from_document(record.settings))
            },
            history=record.history,
            final={
                word: number.value
                for word, number in Outcome.from_document(record.outcome).numbers.items()
                if number.value is not None
            },
        )


def _title(run: str, row: pd.Series[Any]) -> str:
    """Return what tells a run from others at a glance, its arm first where it has one."""
    arm = str(row.get("arm", ""))
    numbers = f"D={row['dataset_size']} λ={row['weight_decay']:g} seed={row['seed']}"
    return " ".join(part for part in (arm, numbers, run[:8]) if part)


def _plain(value: Any) -> int | float | str | bool:
    if isinstance(value, RunSettings):
        return identity(value.document())
    return value if isinstance(value, int | float | bool) else str(value)


def _tensorboard(library: Any, runs: Iterable[Tracked], folder: Path, final: Path) -> None:
    for one in runs:
        with library.SummaryWriter(str(folder / re.sub(r"[^\w=.,′-]+", "_", one.title))) as writer:
            for step, values in one.records():
                for name, value in values.items():
                    writer.add_scalar(name, value, step)
            numbers = {f"final/{name}": value for name, value in one.final.items()}
            writer.add_hparams(one.settings, numbers, run_name=".")


def _wandb(library: Any, runs: Iterable[Tracked], folder: Path, final: Path) -> None:
    quiet = library.Settings(
        silent=True, console="off", disable_git=True, x_disable_meta=True, x_disable_stats=True
    )
    for one in runs:
        with library.init(
            mode="offline",
            project=PROJECT,
            id=one.run[:32],
            name=one.title,
            tags=one.groups,
            config={"run": one.run, **one.settings},
            dir=str(folder),
            settings=quiet,
        ) as open_run:
            for step, values in one.records():
                open_run.log(values, step=step)
            open_run.summary.update({f"final/{name}": value for name, value in one.final.items()})


def _mlflow(library: Any, runs: Iterable[Tracked], folder: Path, final: Path) -> None:
    entities = importlib.import_module("mlflow.entities")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    client = library.MlflowClient(tracking_uri=f"sqlite:///{folder.resolve() / 'mlflow.db'}")
    files = (final.resolve() / "artifacts").as_uri()
    experiment = client.create_experiment(PROJECT, artifact_location=files)
    now = time.time_ns() // 1_000_000
    for one in runs:
        tags = {"run": one.run} | {f"prediction.{name}": "yes" for name in one.groups}
        made = client.create_run(experiment, run_name=one.title, tags=tags).info.run_id
        numbers = [
            entities.Metric(name, value, now, step)
            for step, values in one.records()
            for name, value in values.items()
        ]
        last = int(one.history["step"].iloc[-1])
        numbers += [entities.Metric(f"final/{n}", x, now, last) for n, x in one.final.items()]
        settings = [entities.Param(name, str(value)) for name, value in one.settings.items()]
        for some in _split(settings, _BATCH):
            client.log_batch(made, params=some)
        for some in _split(numbers, 10 * _BATCH):
            client.log_batch(made, metrics=some)
        client.set_terminated(made)


def _split(things: Sequence[_Held], number: int) -> Iterator[Sequence[_Held]]:
    for i in range(0, len(things), number):
        yield things[i : i + number]


@dataclass(frozen=True)
class Tracker:
    """A program that tracks experiments.

    Attributes:
        module: What writes for it.
        write: From that module, runs, and a new folder, to what the program reads from there once
            it stands at its final place.
        opened: The command that shows the folder.
    """

    module: str
    write: Callable[[Any, Iterable[Tracked], Path, Path], None]
    opened: str


TRACKERS = {
    "tensorboard": Tracker("torch.utils.tensorboard", _tensorboard, "tensorboard --logdir {}"),
    "wandb": Tracker("wandb", _wandb, "wandb sync {}/wandb/offline-run-*"),
    "mlflow": Tracker("mlflow", _mlflow, "mlflow ui --backend-store-uri sqlite:///{}/mlflow.db"),
}
"""Programs that runs can be written for, by name."""


def track(store: OpenStore, runs: pd.DataFrame, folder: Path, program: str) -> str:
    """Write runs into a new folder for a program, whole or not at all.

    Args:
        store: Where their histories and settings are.
        runs: Rows of ``OpenStore.frame``.
        folder: Where nothing is yet.
        program: A name in ``TRACKERS``.

    Returns:
        The command that opens the folder.

    Raises:
        InvalidInputError: The program is not installed, or something is there already.
        StoreError: It cannot be written, or a run is damaged.
    """
    tracker = TRACKERS[program]
    if folder.exists():
        raise InvalidInputError(f"{folder} is there already; name a folder that is not")
    try:
        library = importlib.import_module(tracker.module)
    except ImportError as error:
        raise InvalidInputError(
            f"--to {program} needs its own writer ({error}): pip install "
            f"'circuit-efficiency[{program}]'"
        ) from error
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as around:
            written = Path(around) / folder.name
            written.mkdir()
            tracker.write(library, tracked(store, runs), written, folder)
            shutil.move(written, folder)
    except OSError as error:
        raise explain_os_error(error, folder, named_by="FILE") from error
    return tracker.opened.format(folder)
