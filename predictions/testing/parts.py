"""What every operation, task, network and measure must do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from efficiency import networks
from efficiency.measures import MEASURES, Reading, value_of
from efficiency.settings import (
    NETWORK_SETTINGS,
    TASKS,
    DigitAdditionSettings,
    HandwrittenDigitsSettings,
    NetworkBase,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskBase,
    TaskSettings,
    usual_training,
)
from efficiency.training.ensemble import initial_weights
from efficiency.training.loop import train

_TASKS = {
    "operands": TaskSettings(operation="addition", size=5),
    "tokens": DigitAdditionSettings(num_digits=1),
    "features": HandwrittenDigitsSettings(),
}
_NETWORKS = {"operands": "mlp", "tokens": "sequence-transformer", "features": "features-mlp"}


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
        (trained,) = train([short(task)])
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
    (trained,) = train([short(task, network=network)])
    loss = trained.history["train_loss"]
    assert loss.iloc[-1] < loss.iloc[0], f"{kind}: training does not lower the loss"


def check_measure(name: str, run: RunSettings | None = None) -> None:
    """Check that a measure says one number of a network, always the same, and is recorded.

    Args:
        name: Its name, or ``mymodule:function``.
        run: What it is recorded of; default: a small MLP on a small table.
    """
    measure = MEASURES.find(name)
    assert measure.label.strip(), f"{name} has no label"
    run = short() if run is None else run
    weights = initial_weights(run)
    before = {key: value.clone() for key, value in weights.items()}
    first, second = (value_of(measure, Reading(run, weights)) for _ in range(2))
    same = first == second or (np.isnan(first) and np.isnan(second))
    assert same, f"{name} says {first} and then {second} of the same network"
    changed = [key for key, value in weights.items() if not torch.equal(value, before[key])]
    assert not changed, f"{name} changes {changed[0]} while it measures"
    asked = run.recording.model_copy(update={"measures": (name,)})
    with_it, without = (
        train([one])[0] for one in (run.model_copy(update={"recording": asked}), run)
    )
    assert with_it.history[measure.column].notna().any(), f"{name} is not defined at any step"
    for key, value in without.weights.items():
        assert np.array_equal(value, with_it.weights[key]), f"{name} changes what is trained"


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
    run = short(_TASKS[settings.takes] if task is None else task, network=settings)
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


def short(task: TaskBase = _TASKS["operands"], **others: object) -> RunSettings:
    """Return a run of some steps, of a small MLP unless told otherwise."""
    given = {
        "task": task,
        "network": NETWORK_SETTINGS.find("mlp").model_validate({"d_model": 8, "d_mlp": 16}),
        "dataset_size": task.num_examples // 2,
        "data_seed": 0,
        "init_seed": 0,
        "num_steps": 30,
        "recording": RecordingSettings(num_log=4, num_even=16),
    }
    asked = given | others
    network = asked["network"]
    if isinstance(network, NetworkBase) and network.solved:
        asked = usual_training(network) | asked
    return RunSettings.model_validate({"optimiser": OptimiserSettings(learning_rate=1e-2)} | asked)
