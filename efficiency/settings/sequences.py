"""Tasks whose examples are sequences of tokens.

Shapes: N examples, n digits, T tokens, L of them repeated.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray
from efficiency.settings.base import Seed, absent
from efficiency.settings.task import TASKS
from efficiency.settings.task_base import Examples, Inputs, TaskBase
from efficiency.tasks import sequences

MOST_EXAMPLES = 250_000
"""Examples that are held at once."""


class DigitAdditionSettings(TaskBase):
    """Addition of numbers of n digits, written as a sequence ``x … + y … = z …``.

    The network reads the answer's digits up to the one that it is asked for, and answers at n + 1
    positions: a carry and n digits. A whole answer is right if every digit is.

    Args:
        num_digits: n.
        num_drawn: N, different pairs (x, y) drawn from all 10^2n; left out, it is all of them.
        draw_seed: Decides which; given if and only if ``num_drawn`` is.
    """

    gives: ClassVar[Inputs] = "tokens"

    kind: Literal["digit-addition"] = "digit-addition"
    num_digits: int = Field(default=2, ge=1, le=9)
    num_drawn: int | None = Field(default=None, ge=2, le=MOST_EXAMPLES, exclude_if=absent)
    draw_seed: Seed | None = Field(default=None, exclude_if=absent)

    @model_validator(mode="after")
    def _there_are_so_many(self) -> Self:
        every = 10 ** (2 * self.num_digits)
        if self.num_drawn is None and every > MOST_EXAMPLES:
            raise InvalidInputError(
                f"num_digits = {self.num_digits} makes {every:,} pairs, and {MOST_EXAMPLES:,} can "
                "be held; give num_drawn, and a draw_seed"
            )
        # Half of all at most, so that drawing ends soon.
        if self.num_drawn is not None and 2 * self.num_drawn > every:
            raise InvalidInputError(
                f"num_drawn = {self.num_drawn} is more than half of {every} pairs; leave it out to "
                "take them all"
            )
        if (self.num_drawn is None) != (self.draw_seed is None):
            raise InvalidInputError(
                f"num_drawn = {self.num_drawn} and draw_seed = {self.draw_seed}; give both or none"
            )
        return self

    @property
    def num_examples(self) -> int:
        """N."""
        return self.num_drawn or 10 ** (2 * self.num_digits)

    @property
    def num_classes(self) -> int:
        """Ten digits."""
        return 10

    @property
    def num_tokens(self) -> int:
        """Ten digits, + and =."""
        return 12

    @property
    def num_inputs(self) -> int:
        """T = 3n + 2 positions."""
        return 3 * self.num_digits + 2

    @property
    def answers(self) -> tuple[str, ...]:
        """The carry, and each digit by the power of ten that it counts."""
        return ("carry", *(f"digit{k}" for k in reversed(range(self.num_digits))))

    @property
    def chance(self) -> float:
        """Guessing a carry and n digits."""
        return 0.5 * 10.0**-self.num_digits

    @property
    def has_mirrors(self) -> bool:
        """(y, x) has the sum of (x, y)."""
        return True

    @property
    def relabels(self) -> bool:
        """The network reads the true digits before the one that it is asked for."""
        return False

    @property
    def mirror(self) -> IntArray:
        """(N,) the index of (y, x) for each pair, −1 where it is not among them."""
        return sequences.swapped(*self._pairs())

    def build(self) -> Examples:
        """See ``TaskBase``."""
        left, right = self._pairs()
        inputs, targets = sequences.addition(left, right, self.num_digits)
        return Examples(inputs=inputs, targets=targets)

    def _pairs(self) -> tuple[IntArray, IntArray]:
        return sequences.drawn_pairs(self.num_digits, self.num_examples, self.draw_seed or 0)


class RepeatedSubsequenceSettings(TaskBase):
    """Random tokens that end with a stretch which has come before: what induction heads continue.

    Asked for are the tokens of the second copy but for its first, which nothing foretells, or the
    last of them. The first copy is anywhere before it.

    Args:
        vocabulary: V, different tokens.
        num_repeated: L, tokens of the stretch.
        num_positions: T, tokens of a sequence, the last of which is not read.
        num_drawn: N, sequences drawn.
        draw_seed: Decides which.
        num_asked: How many tokens are asked for, the last ones; left out for all L − 1.
    """

    gives: ClassVar[Inputs] = "tokens"

    kind: Literal["repeated-subsequence"] = "repeated-subsequence"
    vocabulary: int = Field(default=16, ge=2)
    num_repeated: int = Field(default=8, ge=2)
    num_positions: int = Field(default=32, ge=4)
    num_drawn: int = Field(ge=2, le=MOST_EXAMPLES)
    draw_seed: Seed
    num_asked: int | None = Field(default=None, ge=1, exclude_if=absent)

    @model_validator(mode="after")
    def _there_is_as_much_to_ask_for(self) -> Self:
        most = self.num_repeated - 2
        if self.num_asked is not None and self.num_asked > most:
            raise InvalidInputError(
                f"num_asked = {self.num_asked} is outside 1 … {most}; leave it out to ask for all "
                f"{most + 1} tokens that can be known"
            )
        return self

    @model_validator(mode="after")
    def _both_copies_fit(self) -> Self:
        if 2 * self.num_repeated >= self.num_positions:
            raise InvalidInputError(
                f"num_positions = {self.num_positions} leaves the first of two copies of "
                f"{self.num_repeated} tokens no choice of a place; give {2 * self.num_repeated + 1}"
                " at least"
            )
        return self

    @property
    def num_examples(self) -> int:
        """N."""
        return self.num_drawn

    @property
    def num_classes(self) -> int:
        """Any token may come next."""
        return self.vocabulary

    @property
    def num_inputs(self) -> int:
        """T − 1 positions."""
        return self.num_positions - 1

    @property
    def answers(self) -> tuple[str, ...]:
        """The second copy's tokens, from its second one on, or the last of them."""
        asked = range(2, self.num_repeated + 1)[-(self.num_asked or self.num_repeated) :]
        return tuple(f"token{k}" for k in asked) if len(asked) > 1 else ()

    @property
    def relabels(self) -> bool:
        """The network reads the true tokens before the one that it is asked for."""
        return False

    def build(self) -> Examples:
        """See ``TaskBase``."""
        inputs, targets = sequences.repeats(
            self.num_drawn,
            self.vocabulary,
            self.num_repeated,
            self.num_positions,
            self.draw_seed,
        )
        return Examples(inputs=inputs, targets=targets[:, -self.num_answers :])

    def continues(self, earlier: TaskBase) -> bool:
        """See ``TaskBase``: it may ask for fewer of the same tokens, or for more."""
        if not isinstance(earlier, RepeatedSubsequenceSettings):
            return False
        return _asking_for_all(self) == _asking_for_all(earlier)


def _asking_for_all(task: RepeatedSubsequenceSettings) -> RepeatedSubsequenceSettings:
    return task.model_copy(update={"num_asked": None})


class SkipTrigramSettings(TaskBase):
    """One trigger somewhere among other tokens, which is to be named at the end.

    Args:
        num_triggers: M, different triggers.
        num_others: Different other tokens.
        num_positions: T, tokens of a sequence.
        num_drawn: N, sequences drawn.
        draw_seed: Decides which.
    """

    gives: ClassVar[Inputs] = "tokens"

    kind: Literal["skip-trigrams"] = "skip-trigrams"
    num_triggers: int = Field(default=10, ge=2)
    num_others: int = Field(default=10, ge=1)
    num_positions: int = Field(default=16, ge=2)
    num_drawn: int = Field(ge=2, le=MOST_EXAMPLES)
    draw_seed: Seed

    @property
    def num_examples(self) -> int:
        """N."""
        return self.num_drawn

    @property
    def num_classes(self) -> int:
        """Which trigger."""
        return self.num_triggers

    @property
    def num_tokens(self) -> int:
        """Triggers and others."""
        return self.num_triggers + self.num_others

    @property
    def num_inputs(self) -> int:
        """T positions."""
        return self.num_positions

    def build(self) -> Examples:
        """See ``TaskBase``."""
        inputs, targets = sequences.skip_trigrams(
            self.num_drawn,
            self.num_triggers,
            self.num_others,
            self.num_positions,
            self.draw_seed,
        )
        return Examples(inputs=inputs, targets=targets)


for _kind in (DigitAdditionSettings, RepeatedSubsequenceSettings, SkipTrigramSettings):
    TASKS.register(_kind.model_fields["kind"].default, _kind)
