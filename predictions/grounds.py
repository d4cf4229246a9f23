"""The ground that all predictions of one size share: operation, network, seeds, start networks.

Because they share it, one network can be asked by several predictions, and what they say of it can
be compared seed by seed. Runs that two predictions want are trained once.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import PositiveFloat, PositiveInt

from efficiency.errors import InvalidInputError
from efficiency.settings import (
    NetworkSettings,
    OneLayerTransformerSettings,
    OptimiserSettings,
    RunSettings,
    TaskSettings,
)
from predictions.design_files import GROUND, DesignFile, instead
from predictions.given import require_different
from predictions.sizes import Size
from predictions.variants import AS_DESIGNED, MAX_SEEDS, Variant

WARMUP_STEPS = 50

FEWEST_EXAMPLES = 3
"""Smallest dataset that a design may shrink to on a smaller table."""

FIRST_SEED = 4000
"""Judged seeds count up from here, unless others are asked for."""

NUM_TRIED = 1000
"""Designs and rules were chosen on seeds below this: none of them is judged by."""

LAST_SEED = 10**9

_IN_WORDS = {
    "one-layer-transformer": "one-layer transformer",
    "transformer": "transformer",
    "mlp": "MLP",
}


def in_words(task: TaskSettings, network: NetworkSettings) -> str:
    """Return operation and network in a phrase."""
    num_pairs = task.num_examples
    return f"{task.operation} at size {task.size} ({num_pairs:,} pairs), {named(network)}"


def named(network: NetworkSettings) -> str:
    """Return what kind of network it is, and how large, in a phrase."""
    layers = getattr(network, "num_layers", None)
    depth = "" if layers is None else f" of {layers} layer{'' if layers == 1 else 's'} and"
    name = _IN_WORDS.get(network.architecture, network.architecture)
    return f"{name}{depth or ' of'} width {network.d_model or network.d_mlp}"


def judged_seeds(num_seeds: int, first_seed: int | None = None) -> range:
    """Return the seeds of a judged experiment.

    Args:
        num_seeds: How many.
        first_seed: The first of them; ``None`` for that of all designs. Any other is so far from it
            that however many there are of both, none is shared.

    Raises:
        ValueError: Their number is not positive, or surely a slip of the finger; or the first was
            used to choose designs, or could share some with those of the designs.
    """
    if not 1 <= num_seeds <= MAX_SEEDS:
        raise InvalidInputError(f"--seeds {num_seeds} is outside 1 … {MAX_SEEDS}")
    first = FIRST_SEED if first_seed is None else first_seed
    below, above = FIRST_SEED - MAX_SEEDS, FIRST_SEED + MAX_SEEDS
    fresh = NUM_TRIED <= first <= below or above <= first <= LAST_SEED
    if not fresh and first != FIRST_SEED:
        raise InvalidInputError(
            f"--first-seed {first} is outside {NUM_TRIED} … {below} and {above} … {LAST_SEED}: "
            f"designs were chosen on seeds below {NUM_TRIED}, and those near {FIRST_SEED} may have "
            "been judged before"
        )
    return range(first, first + num_seeds)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One size.

    Attributes:
        size: Its name.
        task: The operation.
        network: The network.
        start_learning_rate: η of start networks, trained on the whole table at λ = 1.
        start_steps: Their length; η falls to 0 over its last half.
        learning_rate: η of continuations and of training from scratch.
        calm_learning_rate: η where norms and logits are read: lower, so that more runs settle.
        num_seeds: Seeds that the designs ask for.
        first_seed: The first of them; ``None`` for that of all designs.
        file: The design file that it is of, if any; see ``predictions.designs``.
        given: Networks that were trained elsewhere, one for each seed in their order, in place of
            fresh ones; none unless asked for.
    """

    size: Size
    task: TaskSettings
    network: NetworkSettings
    start_learning_rate: PositiveFloat
    start_steps: PositiveInt
    learning_rate: PositiveFloat
    calm_learning_rate: PositiveFloat
    num_seeds: PositiveInt
    first_seed: int | None = None
    file: DesignFile | None = None
    given: tuple[str, ...] = ()

    @property
    def num_pairs(self) -> int:
        """N."""
        return self.task.num_examples

    def describe(self) -> str:
        """Return operation and network in a phrase."""
        return in_words(self.task, self.network)

    def scaled(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return dataset sizes for this table, the same parts of it as of the size's own.

        Those of a design file are of its own table, and stay as they are.

        Raises:
            ValueError: The table is so small that two of them would be the same, or hardly any.
        """
        usual = self.num_pairs if self.file is not None else GROUNDS[self.size].num_pairs
        found = tuple(round(D * self.num_pairs / usual) for D in sizes)
        if min(found, default=FEWEST_EXAMPLES) < FEWEST_EXAMPLES or len(set(found)) < len(sizes):
            raise InvalidInputError(
                f"the table of {self.task.operation} at size {self.task.size} has "
                f"{self.num_pairs} pairs, too few for the dataset sizes of this design (they would "
                f"be {', '.join(map(str, found))}; all different and {FEWEST_EXAMPLES} at least is "
                "needed); choose a larger --operation-size"
            )
        return found

    def listed(self, sizes: Sequence[int]) -> str:
        """Return the same in words."""
        return ", ".join(map(str, self.scaled(sizes)))

    def seeds(self, num_seeds: int | None) -> range:
        """Return the judged seeds.

        Raises:
            ValueError: Their number is not positive, or surely a slip of the finger.
        """
        usual = len(self.given) or self.num_seeds
        number = usual if num_seeds is None else num_seeds
        if self.given and number > len(self.given):
            raise InvalidInputError(
                f"{number} start networks are asked for, and --start gives {len(self.given)}; each "
                "counts once: give more files, ask for fewer --seeds, or leave out --until-decided"
            )
        return judged_seeds(number, self.first_seed)

    def starts(self, number: int) -> str:
        """Return start networks in words, so many of them."""
        named = ", ".join(one[:8] for one in self.given[:number])
        elsewhere = f" that were trained elsewhere ({named}), here" if named else ""
        return f"{number} start networks{elsewhere}"

    def start(self, seed: int, dataset_size: int | None = None) -> RunSettings:
        """Return a start network, trained on the whole table unless told otherwise."""
        first = judged_seeds(1, self.first_seed)[0]
        given = dict(enumerate(self.given, start=first))
        begins = {"given": given[seed]} if given else {"init_seed": seed}
        return RunSettings(
            task=self.task,
            network=self.network,
            optimiser=schedule(self.start_learning_rate, 1.0, 0.5),
            dataset_size=self.num_pairs if dataset_size is None else dataset_size,
            data_seed=seed,
            num_steps=self.start_steps,
            **begins,
        )


def schedule(
    learning_rate: float,
    weight_decay: float,
    decay_fraction: float,
    norm_factor: float | None = None,
) -> OptimiserSettings:
    """Return the optimiser that every run of every prediction uses, but for these numbers."""
    return OptimiserSettings(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup_steps=WARMUP_STEPS,
        decay_fraction=decay_fraction,
        norm_factor=norm_factor,
    )


def steps_at(weight_decay: float, steps_at_one: int) -> int:
    """Return the length of a run, the same at every λ in units of η·λ·steps."""
    return round(steps_at_one / weight_decay)


# The paper's network, operation and η. Its start networks' length and decay of η are assumed.
_PAPER = Ground(
    size="paper",
    task=TaskSettings(operation="addition", size=113),
    network=OneLayerTransformerSettings(d_model=128, num_heads=4, d_mlp=512),
    start_learning_rate=1e-3,
    start_steps=40_000,
    learning_rate=1e-3,
    calm_learning_rate=1e-3,
    num_seeds=10,
)

GROUNDS: dict[Size, Ground] = {
    "smoke": Ground(
        size="smoke",
        task=TaskSettings(operation="addition", size=11),
        network=OneLayerTransformerSettings(d_model=16, num_heads=2, d_mlp=32),
        start_learning_rate=3e-3,
        start_steps=6000,
        learning_rate=5e-3,
        calm_learning_rate=3e-3,
        num_seeds=5,
    ),
    # Chosen by measurement: docs/decisions/005-quick-size.md, 008-the-family.md.
    "quick": Ground(
        size="quick",
        task=TaskSettings(operation="addition", size=31),
        network=OneLayerTransformerSettings(d_model=32, num_heads=4, d_mlp=128),
        start_learning_rate=1.5e-3,
        start_steps=9000,
        learning_rate=4e-3,
        calm_learning_rate=2e-3,
        num_seeds=12,
    ),
    "standard": Ground(
        size="standard",
        task=TaskSettings(operation="addition", size=59),
        network=OneLayerTransformerSettings(d_model=64, num_heads=4, d_mlp=256),
        start_learning_rate=1e-3,
        start_steps=8000,
        learning_rate=3e-3,
        calm_learning_rate=1.5e-3,
        num_seeds=6,
    ),
    # As long as quick in units of η·λ·steps: docs/decisions/019-replication.md.
    "replication": replace(_PAPER, size="replication", start_steps=14_000, num_seeds=8),
    "paper": _PAPER,
}


def ground(size: Size, variant: Variant = AS_DESIGNED) -> Ground:
    """Return the ground of a size, on another operation, network or seeds if asked for.

    Raises:
        ValueError: The operation is not defined at its size, or the design file is not of this
            size, or has what a ground has not.
    """
    usual = GROUNDS[size]
    if variant.start:
        return _given(ground(size, replace(variant, start=())), variant)
    if variant.design is not None:
        return replace(_in_file(usual, variant.design), first_seed=variant.first_seed)
    assert isinstance(usual.network, OneLayerTransformerSettings)
    task = TaskSettings(
        operation=variant.operation or usual.task.operation,
        size=usual.task.size if variant.operation_size is None else variant.operation_size,
    )
    return replace(
        usual,
        task=task,
        network=variant.network_settings(usual.network),
        first_seed=variant.first_seed,
    )


def _given(on: Ground, variant: Variant) -> Ground:
    """Return a ground whose start networks begin with given weights instead of drawn ones.

    Raises:
        ValueError: They are no networks of this ground, or not different ones.
    """
    for one in variant.start:
        one.require_fitting(on.task, on.network)
    require_different(variant.start)
    return replace(on, given=tuple(one.digest for one in variant.start))


NOT_IN_FILES = ("size", "first_seed", "file", "given")
"""What of a ground is asked for elsewhere than in the table of a design file."""


def ground_table(on: Ground) -> dict[str, Any]:
    """Return a ground as JSON types, in the form that a design file has it."""
    held = {field.name: getattr(on, field.name) for field in fields(on)}
    return {
        name: value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        for name, value in held.items()
        if name not in NOT_IN_FILES
    }


@functools.cache
def _in_file(usual: Ground, file: DesignFile) -> Ground:
    """Return the ground of a size as a design file has it."""
    if file.size != usual.size:
        raise InvalidInputError(
            f"{file.path} is a design of the size {file.size}; it cannot be asked for {usual.size}"
        )
    given = file.tables.get(GROUND, {})
    if elsewhere := [name for name in NOT_IN_FILES if name in given]:
        raise InvalidInputError(
            f"{file.path}: [{GROUND}] has {', '.join(elsewhere)}; the size stands at the top of "
            "the file, and the first seed is asked for with --first-seed"
        )
    # A table inside is of the same kind unless it says another.
    kind = "architecture"
    for name in ("task", "network"):
        inner, was = given.get(name), getattr(usual, name).model_dump(mode="json")
        if isinstance(inner, dict) and inner.get(kind, was.get(kind)) == was.get(kind):
            given[name] = was | inner
    return instead(file.path, GROUND, replace(usual, file=file), given)
