"""What every operation, network and prediction must do, to be called from tests of a plug-in.

Each function raises ``AssertionError`` with a sentence, as a test wants it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from efficiency import networks
from efficiency.estimates import Estimate
from efficiency.settings import (
    NETWORK_SETTINGS,
    TASKS,
    DigitAdditionSettings,
    HandwrittenDigitsSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskBase,
    TaskSettings,
)
from efficiency.training.loop import train
from efficiency.training.outcome import Outcome, RunStatus
from predictions.cells import Cell, Run, settings_of
from predictions.labelled import word
from predictions.protocol import Prediction
from predictions.sizes import OF_ALL, SIZES
from predictions.variants import FIRST_REPLICATION, Variant
from predictions.verdicts import Verdict, VerdictOutcome
from runs.identity import canonical_json

_TASKS = {
    "operands": TaskSettings(operation="addition", size=5),
    "tokens": DigitAdditionSettings(num_digits=1),
    "features": HandwrittenDigitsSettings(),
}
_NETWORKS = {"operands": "mlp", "tokens": "sequence-transformer", "features": "features-mlp"}


@dataclass(frozen=True, kw_only=True)
class _Left:
    """What a planted run left behind: a history, and nothing else."""

    history: pd.DataFrame

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Nowhere."""
        return {}

    def weights(self) -> Mapping[str, np.ndarray]:
        """There are none."""
        return {}


def finished(
    cell: Cell,
    *,
    status: RunStatus = "settled",
    history: pd.DataFrame | None = None,
    **numbers: float | None,
) -> Run:
    """Return a run as if it had ended so, to plant a world that a rule must recognise.

    Args:
        cell: What was run, and what for.
        status: How it ended.
        history: A row for every recorded step, for a rule that reads courses.
        **numbers: Its final numbers, see ``efficiency.Outcome``; ``None`` leaves one out.
    """
    held = {
        name: Estimate(value=value, low=value, high=value, n=10, unit="1")
        for name, value in numbers.items()
        if value is not None
    }
    reasons = () if status == "settled" else ("planted",)
    outcome = Outcome(status=status, reasons=reasons, numbers=held)
    left = None if history is None else _Left(history=history)
    return Run(cell=cell, outcome=outcome, left=left)


def check_operation(name: str, sizes: Sequence[int] = (5, 7)) -> None:
    """Check that an operation is what it declares, and that networks train on it.

    Args:
        name: Its name, or ``mymodule:function``.
        sizes: Sizes to check it at.
    """
    for size in sizes:
        task = TaskSettings(operation=name, size=size)
        table = task.table
        assert table.num_pairs == task.num_examples, f"{name} at {size}: pairs are not N"
        assert task.num_classes == table.num_symbols, f"{name} at {size}: classes are not S"
        again = TaskSettings.model_validate(task.model_dump(mode="json"))
        assert again == task, f"{name} at {size} does not come back from its document"
        (trained,) = train([_short(task)])
        last = trained.history["train_loss"].iloc[-1]
        assert np.isfinite(last), f"{name} at {size}: the loss after some steps is {last}"


def check_task(kind: str, architecture: str | None = None, **own: object) -> None:
    """Check that a task is what it says of itself, and that networks train on it.

    Args:
        kind: Its name, or ``mymodule:MyTask``.
        architecture: A network that reads what it gives; default: one of this project.
        **own: Its settings.
    """
    task = TASKS.find(kind).model_validate(own)
    again = type(task).model_validate(task.model_dump(mode="json"))
    assert again == task, f"{kind} does not come back from its document: {again}"
    first, second = task.build(), task.build()
    for name in ("inputs", "targets"):
        same = np.array_equal(getattr(first, name), getattr(second, name))
        assert same, f"{kind}: built twice, its {name} differ"
    trained_N = np.zeros(task.num_examples, dtype=bool)
    trained_N[task.split(task.num_examples // 2, 0)[0]] = True
    assert not task.novel(trained_N)[trained_N].any(), f"{kind}: what is trained on is novel"
    assert 0 < task.chance < 1, f"{kind}: guessing is right with probability {task.chance}"
    reader = NETWORK_SETTINGS.find(architecture or _NETWORKS[task.gives])
    network = reader.model_validate({"d_mlp": 16})
    (trained,) = train([_short(task, network=network)])
    loss = trained.history["train_loss"]
    assert loss.iloc[-1] < loss.iloc[0], f"{kind}: training does not lower the loss"


def check_network(architecture: str, task: TaskBase | None = None, **own: object) -> None:
    """Check that an architecture can be drawn, stacked, trained and written into settings.

    Args:
        architecture: Its name, or ``mymodule:MyNetwork``.
        task: The task that it is checked on; default: one of ours that gives what it takes, the
            handwritten digits for a network that reads features.
        **own: Settings other than its defaults; it is checked 8 wide.
    """
    assert isinstance(architecture, str), f"give the name of {architecture}, 'mymodule:Network' say"
    kind = NETWORK_SETTINGS.find(architecture)
    wide = kind.model_fields["d_model"].annotation is int
    narrow = {"d_mlp": 16, "precision": "float64", **({"d_model": 8} if wide else {})}
    settings = kind.model_validate(narrow | own)
    run = _short(_TASKS[settings.takes] if task is None else task, network=settings)
    again = RunSettings.from_document(run.document())
    assert again == run, f"{architecture} does not come back from its document: {again.network}"
    first, same = (_drawn(run, seed=0) for _ in range(2))
    other = _drawn(run, seed=1)
    for name, value in first.named_parameters():
        assert torch.equal(value, dict(same.named_parameters())[name]), f"{name}: one seed, drawn"
    assert any(
        not torch.equal(value, dict(other.named_parameters())[name])
        for name, value in first.named_parameters()
    ), f"{architecture}: two seeds draw the same weights"
    _check_stacked(architecture, run, [first, other])
    (trained,) = train([run])
    loss = trained.history["train_loss"]
    assert np.isfinite(loss).all(), f"{architecture}: the loss is not finite while it trains"
    assert loss.iloc[-1] < loss.iloc[0], f"{architecture}: training does not lower the loss"


def _check_stacked(
    architecture: str, run: RunSettings, members: Sequence[networks.Network]
) -> None:
    """Check that two networks computed together say what each says alone."""
    task = run.task
    program = networks.program(task, run.network)
    inputs_NI = networks.inputs(task, run.network)
    stacked = {
        name: torch.stack([dict(one.named_parameters())[name].detach() for one in members])
        for name, _ in members[0].named_parameters()
    }
    together_KNS = program.logits(stacked, program.prepare(inputs_NI.expand(2, -1, -1)))
    prompt = networks.ARCHITECTURES.find(architecture).reads(task, run.network)
    read = inputs_NI if prompt is None else networks.tokens(prompt, *inputs_NI.unbind(-1))
    for alone, found_NS in zip(members, together_KNS, strict=True):
        wanted_NS = alone(read).detach()
        several = () if task.num_answers == 1 else (task.num_answers,)
        shape = (task.num_examples, *several, task.num_classes)
        assert wanted_NS.shape == shape, (
            f"{architecture}: logits are {tuple(wanted_NS.shape)}, {shape} were expected"
        )
        assert torch.allclose(found_NS, wanted_NS, rtol=1e-9, atol=1e-9), (
            f"{architecture}: two networks computed together differ from each alone"
        )


def _drawn(run: RunSettings, seed: int) -> networks.Network:
    one = networks.network(run.task, run.network).to(run.network.dtype)
    one.initialise(torch.Generator().manual_seed(seed))
    return one


def _short(task: TaskBase, **others: object) -> RunSettings:
    given = {
        "task": task,
        "network": NETWORK_SETTINGS.find("mlp").model_validate({"d_model": 8, "d_mlp": 16}),
        "optimiser": OptimiserSettings(learning_rate=1e-2),
        "dataset_size": task.num_examples // 2,
        "data_seed": 0,
        "init_seed": 0,
        "num_steps": 30,
        "recording": RecordingSettings(num_log=4, num_even=16),
    }
    return RunSettings.model_validate(given | others)


def check_prediction(prediction: Prediction, *, true: Sequence[Run], false: Sequence[Run]) -> None:
    """Check that a prediction says what it claims, has designs, and judges as judges must.

    Args:
        prediction: The prediction.
        true: Finished runs, see ``finished``, of its size quick in a world in which the claim is
            true.
        false: The same of one in which it is false. A rule that no world refutes says nothing.
    """
    for what in ("name", "title", "claim", "rule", "refutation"):
        assert getattr(prediction, what, "").strip(), f"{prediction.name} has no {what}"
    assert prediction.min_seeds >= 1, "it takes one independent network at least"
    assert set(OF_ALL) <= set(prediction.sizes) <= set(SIZES), f"sizes are {prediction.sizes}"
    for size in prediction.sizes:
        _check_design(prediction, size)
    nothing = prediction.judge("quick", [])
    assert nothing.outcome in ("undecided", "invalid"), f"without runs it is {nothing.outcome}"
    _check_world(prediction, true, "supported")
    _check_world(prediction, false, "refuted")


def _check_design(prediction: Prediction, size: str) -> None:
    assert size in SIZES
    cells = prediction.cells(size)
    assert cells == prediction.cells(size), f"{size}: asked twice, its runs differ"
    assert len(set(cells)) == len(cells), f"{size}: it wants a run twice for one thing"
    runs = settings_of(cells)
    assert all(run.start is None or run.start in set(runs) for run in runs), (
        f"{size}: a run continues one that is not among its runs"
    )
    assert prediction.design(size).strip(), f"{size}: its design is not told"
    fresh = type(prediction)(Variant(first_seed=FIRST_REPLICATION)).settings(size)
    shared = {run.data_seed for run in runs} & {run.data_seed for run in fresh}
    assert not shared, f"{size}: --first-seed {FIRST_REPLICATION} still asks seeds {shared}"
    fewer, more = (set(prediction.settings(size, number)) for number in (2, 3))
    assert fewer <= more, f"{size}: with one seed more it no longer wants what it wanted"
    for run in itertools.islice(runs, 3):
        assert RunSettings.from_document(run.document()) == run


def _check_world(prediction: Prediction, runs: Sequence[Run], wanted: VerdictOutcome) -> None:
    number = len({run.seed for run in runs})
    asked = set(prediction.cells("quick", number))
    foreign = [run.cell for run in runs if run.cell not in asked]
    assert not foreign, f"planted {wanted}: with {number} seeds it does not ask for {foreign[0]}"
    verdict = prediction.judge("quick", runs)
    assert verdict.outcome == wanted, (
        f"planted {wanted}, found {verdict.outcome}: {verdict.sentence}"
    )
    backwards = prediction.judge("quick", list(reversed(runs)))
    assert backwards.document() == verdict.document(), "the order of runs changes the verdict"
    document = verdict.document()
    canonical_json(document)  # nothing but JSON, nothing that is not finite
    assert Verdict.from_document(document) == verdict, "it does not come back from its document"
    assert verdict.deciding in verdict.numbers, f"{verdict.deciding!r} is none of its numbers"
    unexplained = {word(name) for name in verdict.numbers} - set(prediction.glossary)
    assert not prediction.glossary or not unexplained, f"not in its glossary: {unexplained}"
    seeds = sorted({run.seed for run in runs})
    few = [run for run in runs if run.seed in seeds[: prediction.min_seeds - 1]]
    found = prediction.judge("quick", few).outcome
    assert found in ("undecided", "invalid"), f"with fewer seeds than it needs it is {found}"
    smoke = prediction.judge("smoke", runs).outcome
    assert smoke == "undecided", f"the size smoke decides nothing, and here it is {smoke}"
