"""What a store holds, in the hands of whoever goes on from it: tables, curves and networks.

::

    from predictions import open_store

    store = open_store("store")
    frame = store.frame("ungrokking", status="settled")
    for run in frame["run"]:
        history, network = store.history(run), store.network(run)
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from pydantic import ValidationError

from efficiency.analysis.measured import module_of
from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.networks import Network
from efficiency.settings import RunSettings
from efficiency.settings.base import explain
from efficiency.training.outcome import Outcome
from predictions import design_files, plugins, rows
from predictions.protocol import Prediction
from predictions.registry import select
from predictions.sizes import Size
from predictions.stored import stored
from predictions.variants import Variant
from runs.files import StoreError
from runs.identity import IDENTITY_LENGTH
from runs.record import Record
from runs.store import Store

_LOG = logging.getLogger(__name__)

_MOST_NAMED = 12
"""Values that are named where none of them is what was asked for."""


def open_store(path: str | os.PathLike[str] = "store") -> OpenStore:
    """Return what the store in a folder holds, to be read.

    Plug-ins of installed packages are imported, as by every command; another is there once its
    module was imported.

    Args:
        path: The folder that commands have as --store.

    Raises:
        StoreError: It is no store, or there is none.
    """
    plugins.load_installed()
    return OpenStore(path)


@final
class OpenStore:
    """Runs of a store. Nothing is written, and nothing is read before it is asked for.

    A run is given by its identity, as ``frame`` has it in the column ``run``, or by as many of its
    first characters as tell it from all others.

    Args:
        path: See ``open_store``.

    Raises:
        StoreError: See ``open_store``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._store = Store(path)
        if not self._store.exists:
            raise StoreError(
                f"there is no store in {path}; give the folder that was --store of "
                "`predictions run`, or train first"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._store.path)!r}): {len(self)} runs"

    def __len__(self) -> int:
        return sum(1 for _ in self._store.identities())

    def __bool__(self) -> bool:
        """A store without runs is a store."""
        return True

    def __iter__(self) -> Iterator[str]:
        """Yield the identity of every run."""
        return self._store.identities()

    def frame(
        self,
        *predictions: str,
        size: Size = "quick",
        seeds: int | None = None,
        first_seed: int | None = None,
        operation: str | None = None,
        network: str | None = None,
        design: str | os.PathLike[str] | None = None,
        **where: object,
    ) -> pd.DataFrame:
        """Return a row for each run.

        Args:
            *predictions: Predictions or groups of them: only their runs, a row for each place that
                a run has in them, those too that a verdict leaves out. Default: every run here.
            size: Of predictions.
            seeds: Of predictions, how many independent networks; default: what the design fixes,
                or what is here of a plan.
            first_seed: Of predictions, which they were first asked of; default: the design's.
            operation, network, design: What predictions were asked of in place of the design's, as
                the options of these names.
            where: What a column must hold, a value or several: ``status="settled"``,
                ``dataset_size=[50, 103]``, ``run=other["run"]``.

        Returns:
            The columns of ``predictions.rows.trained``, of predictions those of
            ``predictions.rows.judged``.

        Raises:
            InvalidInputError: A prediction or a column is not known, or a column of numbers is to
                hold text.
            StoreError: A run of a prediction is damaged. Where none is named, damaged runs are left
                out, and named in a warning.
        """
        if not predictions:
            asked = (seeds, first_seed, operation, network, design)
            if size != "quick" or any(one is not None for one in asked):
                raise InvalidInputError(
                    "size, seeds, first_seed, operation, network and design are of a prediction; "
                    "name one, or filter by columns: seed=[…], task=…"
                )
            found = rows.trained(self.all())
        else:
            variant = Variant(
                operation=operation,
                network=network,
                first_seed=first_seed,
                design=None if design is None else design_files.read(Path(design)),
            )
            found = self.judged(select(predictions, variant, size), size, seeds)
            if found.empty:
                words = " ".join([*predictions, "at size", size, *variant.options()])
                _LOG.warning(
                    "%s has no run of %s; size=, operation= and the like say how it was asked, and "
                    "`predictions status` what there is",
                    *(self._store.path, words),
                )
        for column, value in where.items():
            if column not in found:
                names = [*map(str, found.columns)]
                hint = did_you_mean(column, names)
                raise InvalidInputError(
                    f"there is no column {column!r}; {hint or 'choose from ' + ', '.join(names)}"
                )
            several = isinstance(value, Iterable) and not isinstance(value, str)
            wanted: list[Any] = [*value] if several else [value]  # type: ignore[misc]
            if any(isinstance(one, str) for one in wanted) and is_numeric_dtype(found[column]):
                raise InvalidInputError(f"{column!r} has numbers, and is to be {value!r}, a text")
            kept = found[found[column].isin(wanted)]
            if kept.empty and not found.empty:
                there = sorted(found[column].dropna().map(repr).unique())
                # None of them may be right, a slip is not.
                if isinstance(value, str) and (
                    hint := did_you_mean(value, sorted(set(map(str, found[column].dropna()))))
                ):
                    raise InvalidInputError(f"no {column} is {value!r}; {hint.strip()}")
                some = ", ".join(there[:_MOST_NAMED])
                more = f" and {len(there) - _MOST_NAMED} more" if len(there) > _MOST_NAMED else ""
                _LOG.warning("no %s is %r; there are %s%s", column, value, some or "none", more)
            found = kept
        return found.reset_index(drop=True)

    def judged(
        self, predictions: Iterable[Prediction], size: Size, seeds: int | None = None
    ) -> pd.DataFrame:
        """Return a row for each run in each place that it has in predictions, however asked.

        Args:
            predictions: The predictions, on another operation or network for instance.
            size: The size.
            seeds: See ``frame``.

        Returns:
            The columns of ``predictions.rows.judged``.

        Raises:
            StoreError: A run is damaged.
        """
        return rows.judged(
            (one.name, stored(one, size, self._store, seeds).runs) for one in predictions
        )

    def settings(self, run: str) -> RunSettings:
        """Return every setting of a run.

        Raises:
            InvalidInputError: No run, or more than one, has this identity.
            StoreError: It is damaged.
        """
        return RunSettings.from_document(self.record(run).settings)

    def history(self, run: str) -> pd.DataFrame:
        """Return what was recorded of a run: a row for every recorded step.

        Raises:
            InvalidInputError, StoreError: See ``settings``.
        """
        return self.record(run).history

    def weights(self, run: str) -> dict[str, np.ndarray]:
        """Return the final weights of a run by name.

        Raises:
            InvalidInputError, StoreError: See ``settings``.
        """
        return self.record(run).weights()

    def snapshots(self, run: str) -> dict[int, dict[str, np.ndarray]]:
        """Return the weights at each step at which they were kept; empty if they were not.

        Runs keep them whose settings have ``recording.snapshots``.

        Raises:
            InvalidInputError, StoreError: See ``settings``.
        """
        return self.record(run).snapshots()

    def network(self, run: str, *, step: int | None = None) -> Network:
        """Return the network of a run, a ``torch.nn.Module`` from tokens to logits.

        It reads its own prompt: ``efficiency.networks.tokens(network.reads, a, b)`` makes one of
        operands.

        Args:
            run: Its identity.
            step: One at which weights were kept; default: the end.

        Raises:
            InvalidInputError, StoreError: See ``settings``; or no weights were kept at the step.
        """
        record = self.record(run)
        weights: Mapping[str, Any] = record.weights() if step is None else _at(record, step)
        settings = RunSettings.from_document(record.settings)
        return module_of(settings.task, settings.network, weights)

    def record(self, run: str) -> Record:
        """Return the files of a run, its outcome and its provenance among them.

        Raises:
            InvalidInputError, StoreError: See ``settings``.
        """
        if not isinstance(run, str):
            raise InvalidInputError(
                f"a run is named by its identity, a text; given: {type(run).__name__}. "
                "frame()['run'] has all of them, one for each row"
            )
        if len(run) == IDENTITY_LENGTH and self._store.has(run):
            return self._store.load(run)
        there = [one for one in self if run and one.startswith(run)]
        if len(there) != 1:
            what = f"{len(there)} runs begin with" if there else "no run is or begins with"
            raise InvalidInputError(
                f"{what} {run!r} in {self._store.path}; frame()['run'] has all of them"
            )
        return self._store.load(there[0])

    def all(self, names: Iterable[str] | None = None) -> Iterator[tuple[RunSettings, Outcome]]:
        """Yield settings and outcome of every run that is whole and of this version.

        Args:
            names: Identities of those that are wanted; default: every one.
        """
        left_out: dict[str, list[str]] = {}
        for run in self._store.identities() if names is None else names:
            try:
                record = self._store.load(run)
                settings = RunSettings.from_document(record.settings)
                outcome = Outcome.from_document(record.outcome)
            except (StoreError, ValueError) as error:
                why = explain(error) if isinstance(error, ValidationError) else str(error)
                left_out.setdefault(why.partition("\n")[0], []).append(run[:12])
            else:
                yield settings, outcome
        for why, runs in left_out.items():
            more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
            _LOG.warning("%s%s: left out: %s", runs[0], more, why)


def _at(record: Record, step: int) -> Mapping[str, np.ndarray]:
    kept = record.snapshots()
    if step not in kept:
        there = ", ".join(map(str, kept)) if kept else "none: recording.snapshots was not set"
        raise InvalidInputError(f"no weights were kept at step {step}; kept: {there}")
    return kept[step]
