"""Sequences of which more is asked or less: of how few facts do networks unlearn induction?

A sequence whose stretch of L tokens comes again asks for L − 1 tokens, or for the last of them. To
circuit efficiency each is a fact: Mem's norm grows with the number of them, D'·A where A tokens of
a sequence are asked for, and Gen's, induction heads, does not depend on A. So networks should
ungrok below the same number of facts, whatever A is, and not below the same number of sequences.
Nobody has published it. The same sequences and the same start networks serve for both A, so that
inputs, places and Gen are the same. What is measured is where networks have ungrokked after some
steps, and not where they would end; decision 036 has what else is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from efficiency.settings import RunSettings
from predictions.cells import Run
from predictions.phase_changes import copies
from predictions.phase_changes.base import SEEDS
from predictions.phase_changes.copies import Stretches
from predictions.sizes import Size

DECAY = 1.0
"""λ of networks that are continued with weight decay."""


_EQUAL_SEQUENCES = ", as many sequences a step"


@dataclass(frozen=True)
class Way:
    """How networks are continued.

    Attributes:
        asked: A, tokens of a sequence that are asked for.
        alike: What every step takes equally many of as where all tokens are asked for.
    """

    asked: int
    alike: Literal["facts", "sequences"] = "facts"

    @classmethod
    def of(cls, run: Run) -> Way:
        """Return that of a run."""
        return cls(run.task.num_answers, "sequences" if _EQUAL_SEQUENCES in run.arm else "facts")

    def arm(self, facts: int, *, decays: bool = True) -> str:
        """Return the arm of networks that go on on some facts."""
        step = _EQUAL_SEQUENCES if self.alike == "sequences" else ""
        return f"{facts} facts, {self.asked} asked{step}{'' if decays else ', without decay'}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One size.

    Attributes:
        stretches: Task, network and lengths.
        fewer: A where not all L − 1 tokens are asked for.
        facts: D'·A, increasing.
        few: The number of facts at which networks are continued without decay as well.
        many: The number of facts on which nothing is to be lost, to tell what decay alone takes.
        step: Facts of a step where steps take equally many facts.
        num_seeds: Seeds.
    """

    stretches: Stretches
    fewer: int
    facts: tuple[int, ...]
    few: int
    many: int
    step: int
    num_seeds: int

    def __post_init__(self) -> None:
        assert 1 < self.fewer < self.all, f"fewer = {self.fewer} of {self.all}"
        for asked in (self.fewer, self.all):
            uneven = [n for n in (*self.facts, self.many, self.step) if n % asked]
            assert not uneven, f"{uneven} facts are no whole number of sequences of {asked}"
        assert self.few in self.facts, f"few = {self.few} is none of {self.facts}"
        assert self.step // self.all < self.facts[0] // self.fewer, (
            f"steps of {self.step} facts are alike in both ways on {self.facts[0]} facts"
        )
        assert self.many > 2 * self.facts[-1], f"many = {self.many} are not many"

    @property
    def all(self) -> int:
        """L − 1, the tokens that can be asked for."""
        return self.stretches.repeated - 1

    @property
    def ways(self) -> tuple[Way, ...]:
        """All tokens asked for, and fewer, with steps of equal facts and of equal sequences.

        Were forgetting a matter of how often each sequence is seen, steps of equal facts alone
        would let thresholds in facts agree by design.
        """
        return Way(self.all), Way(self.fewer), Way(self.fewer, "sequences")

    def continued(
        self, start: RunSettings, way: Way, facts: int, weight_decay: float
    ) -> RunSettings:
        """Return a network that goes on on some facts."""
        a_step = self.step // (way.asked if way.alike == "facts" else self.all)
        later = replace(self.stretches, batch_size=a_step)
        asked = None if way.asked == self.all else way.asked
        return later.continued(start, facts // way.asked, weight_decay, asked)


_QUICK = Stretches(
    vocabulary=64,
    repeated=9,
    positions=24,
    width=48,
    num_drawn=100_000,
    batch_size=64,
    num_steps=1500,
    later_steps=1600,
)

DESIGNS: dict[Size, Facts] = {
    "smoke": Facts(
        stretches=Stretches(
            vocabulary=8,
            repeated=5,
            positions=12,
            width=8,
            num_drawn=1000,
            batch_size=16,
            num_steps=30,
            later_steps=20,
        ),
        fewer=2,
        facts=(16, 32, 64),
        few=16,
        many=256,
        step=16,
        num_seeds=2,
    ),
    "quick": Facts(
        stretches=_QUICK,
        fewer=4,
        facts=(256, 512, 1024, 2048),
        few=512,
        many=16_384,
        step=256,
        num_seeds=12,
    ),
    # Four times as long: what still moves at quick.
    "standard": Facts(
        stretches=replace(_QUICK, later_steps=6400),
        fewer=4,
        facts=(256, 512, 1024, 2048, 4096),
        few=512,
        many=16_384,
        step=256,
        num_seeds=12,
    ),
    # Tokens, width and steps of the phase changes' largest size; not tried.
    "paper": Facts(
        stretches=replace(copies.DESIGNS["paper"], repeated=17),
        fewer=8,
        facts=(512, 1024, 2048, 4096, 8192),
        few=1024,
        many=65_536,
        step=512,
        num_seeds=12,
    ),
}

ASSUMPTIONS = (
    copies.SECOND_COPY,
    copies.PLAIN,
    copies.READ_OFF,
    "Which tokens are asked for is fixed, the last of each stretch; all accuracies are of these. "
    "Start networks are asked for all.",
    "Facts of one sequence are not independent: they share their tokens. To a Mem that keeps whole "
    "sequences, A of them may cost less than A facts of A sequences.",
    "Networks have not come to rest: thresholds are where half is lost after so many steps, of "
    "what networks with decay keep on many facts.",
    "Without decay Adam's ε is what it is with it, 1e-8, below which gradients stop training.",
    SEEDS,
)
