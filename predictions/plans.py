"""Plans: how often a rule will be looked at, and what each look may cost.

A rule that is asked again after every doubling of the seeds, at 5% each time, is wrong far more
often than that. Look k of a plan may therefore err with 5%/2ᵏ only: 5% in all, whatever depends on
what. That is the same as multiplying the p-values of look k by 2ᵏ and taking the smallest over
looks. A plan of one look spends all on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from efficiency.errors import InvalidInputError
from predictions.variants import MAX_SEEDS
from runs.identity import digest

if TYPE_CHECKING:
    from predictions.protocol import Prediction
    from predictions.sizes import Size

NUM_LOOKS = 4
"""Looks of a plan, unless a largest number of seeds is asked for."""

Standing = Literal["confirmatory", "exploratory"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """Which look at which plan a verdict is.

    Attributes:
        standing: Confirmatory if the plan stood before its runs, with the rule and the design as
            they are, on seeds that nobody had looked at; else exploratory.
        why: In words.
        plan: Name of the plan, if there is one.
        number: k, counting from 1; 0 without a plan.
        of: Looks that were planned.
        seeds: Seeds of this look.
        p_value: That of the rule at this look alone.
        p_refuted: That of its refutation at this look alone.
    """

    standing: Standing
    why: str
    plan: str | None = None
    number: int = 0
    of: int = 0
    seeds: int = 0
    p_value: float | None = None
    p_refuted: float | None = None

    def document(self) -> dict[str, Any]:
        """Return the look as JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        which = f", look {self.number} of {self.of}" if self.of > 1 else ""
        return f"{self.standing}{which}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is going to be looked at.

    Attributes:
        prediction: Its name.
        size: At which size.
        options: What differs from that size.
        looks: Seeds of each look.
        rule: Digest of the rule.
        design: Digest of the settings of the first look.
    """

    prediction: str
    size: str
    options: tuple[str, ...]
    looks: tuple[int, ...]
    rule: str
    design: str

    @classmethod
    def of(cls, prediction: Prediction, size: Size, looks: Sequence[int]) -> Plan:
        """Return the plan of looking at a prediction with these numbers of seeds.

        It holds the runs of the design in the order in which ``settings`` has them.
        """
        runs = [run.document() for run in prediction.settings(size, looks[0])]
        return cls(
            prediction=prediction.name,
            size=size,
            options=tuple(prediction.variant.question()),
            looks=tuple(looks),
            rule=digest(prediction.fixed),
            design=digest(runs),
        )

    def says(self) -> dict[str, Any]:
        """Return it as a statement."""
        held = asdict(self)
        return {"kind": "plan", **held, "options": [*self.options], "looks": [*self.looks]}

    @classmethod
    def said(cls, says: Mapping[str, Any]) -> Plan:
        """Return the plan that a statement of this kind made."""
        held = {field.name: says[field.name] for field in fields(cls)}
        return cls(**held | {"options": tuple(says["options"]), "looks": tuple(says["looks"])})

    @property
    def question(self) -> tuple[str, str, tuple[str, ...]]:
        """What is asked of which seeds, with this rule or another."""
        return self.prediction, self.size, self.options

    @property
    def seeds_asked(self) -> tuple[str, str, tuple[str, ...]]:
        """What is asked of which seeds, by whatever design: one that is changed is the same."""
        return self.prediction, self.size, _without(self.options, "--design")

    @property
    def apart_from_seeds(self) -> tuple[str, str, tuple[str, ...]]:
        """What is asked, of whichever seeds and by whatever design."""
        words = _without(_without(self.options, "--design"), "--first-seed")
        return self.prediction, self.size, words

    def asks(self, prediction: Prediction, size: Size) -> bool:
        """Return whether it is about a prediction as it is asked."""
        return self.question == (prediction.name, size, tuple(prediction.variant.question()))

    def extent(self) -> Extent:
        """Return what was asked for when it was made."""
        first, last = self.looks[0], self.looks[-1]
        if first == last:
            return Extent(seeds=first)
        return Extent(seeds=first, until_decided=True, max_seeds=last)

    def factor(self, number: int) -> float:
        """Return by what p-values of look k are multiplied."""
        return 1.0 if len(self.looks) == 1 else 2.0**number

    def corrected(self, taken: Iterable[tuple[int, float]]) -> float:
        """Return the p of all looks, from k and p of each."""
        return min([1.0, *(self.factor(k) * p for k, p in taken)])


def _without(options: Sequence[str], name: str) -> tuple[str, ...]:
    """Return options without one of them and its value."""
    if name not in options:
        return tuple(options)
    at = options.index(name)
    return (*options[:at], *options[at + 2 :])


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How many seeds are asked for, and how often.

    Attributes:
        seeds: Independent networks of the first look; ``None`` for the number fixed in the design.
        until_decided: Whether to go on, doubling the seeds, until a claim is decided.
        max_seeds: The largest number then; ``None`` for that of ``NUM_LOOKS`` looks.
    """

    seeds: int | None = None
    until_decided: bool = False
    max_seeds: int | None = None

    def __post_init__(self) -> None:
        if self.max_seeds is not None and not self.until_decided:
            raise InvalidInputError("--max-seeds has no effect without --until-decided; add that")

    def looks(self, prediction: Prediction, size: Size) -> tuple[int, ...]:
        """Return the seeds of each look; none for a prediction that has no seeds.

        Raises:
            InvalidInputError: There are more than can be, or fewer than the first look takes.
        """
        first = len({run.data_seed for run in prediction.settings(size, self.seeds)})
        if not first:
            return ()
        if not self.until_decided:
            return (first,)
        if first < prediction.min_seeds:
            raise InvalidInputError(
                f"{prediction.name} tests nothing with {first} of the {prediction.min_seeds} seeds "
                f"that it needs; begin with --seeds {prediction.min_seeds} at least"
            )
        try:
            return doubling(first, self.max_seeds)
        except InvalidInputError as error:
            raise InvalidInputError(f"{prediction.name}: {error}") from error

    def options(self) -> list[str]:
        """Return the options of the command line that ask for this."""
        words = [] if self.seeds is None else ["--seeds", str(self.seeds)]
        words += ["--until-decided"] * self.until_decided
        return words + ([] if self.max_seeds is None else ["--max-seeds", str(self.max_seeds)])

    def label(self) -> str:
        """Return the same as a part of a file's name, empty if nothing is asked for."""
        words = "" if self.seeds is None else f"-{self.seeds}-seeds"
        words += "-until-decided" * self.until_decided
        return words + ("" if self.max_seeds is None else f"-{self.max_seeds}-at-most")


ONE_LOOK = Extent()
"""One look at as many seeds as the design fixes."""


def doubling(first: int, most: int | None = None) -> tuple[int, ...]:
    """Return the seeds of looks: n₀, 2n₀, 4n₀ …, as far as they go.

    Args:
        first: n₀.
        most: The largest number of seeds; default: that of ``NUM_LOOKS`` looks, if there can be so
            many.

    Raises:
        InvalidInputError: That is less than n₀.
    """
    if most is None:
        most = min(first * 2 ** (NUM_LOOKS - 1), MAX_SEEDS)
    if most < first:
        raise InvalidInputError(
            f"--max-seeds {most} is less than the {first} seeds of the first look"
        )
    looks = [first]
    while 2 * looks[-1] <= most:
        looks.append(2 * looks[-1])
    return tuple(looks)
