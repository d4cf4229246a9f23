"""Sequences with more facts or fewer: of which do so few make a network unlearn induction?

A sequence whose stretch of L tokens comes again asks for L − 1 tokens. To circuit efficiency each
is a fact: Mem's norm grows with the number D'·(L − 1) of them, and Gen's, induction heads, does
not depend on L. So networks should ungrok below the same number of facts, whatever L is, and not
below the same number of sequences. Nobody has published it. What is measured is where they have
after some steps, and not where they would end; decision 036 has what else is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from efficiency.settings import RunSettings
from predictions.phase_changes import copies
from predictions.phase_changes.base import SEEDS
from predictions.phase_changes.copies import Stretches
from predictions.sizes import Size

DECAY = 1.0
"""λ of networks that are continued with weight decay."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One size.

    Attributes:
        stretches: Task, network and lengths; its L is that of neither arm.
        lengths: L of short stretches and of long ones.
        facts: D'·(L − 1), increasing.
        few: The number of facts at which networks are continued without decay as well.
        batch_facts: Facts of a step of networks that are continued.
        num_seeds: Seeds.
    """

    stretches: Stretches
    lengths: tuple[int, int]
    facts: tuple[int, ...]
    few: int
    batch_facts: int
    num_seeds: int

    def __post_init__(self) -> None:
        for length in self.lengths:
            uneven = [n for n in (*self.facts, self.batch_facts) if n % (length - 1)]
            assert not uneven, f"{uneven} facts are no whole number of sequences of {length - 1}"
        assert self.few in self.facts, f"few = {self.few} is none of {self.facts}"

    def of_length(self, length: int) -> Stretches:
        """Return the networks of one L."""
        return replace(self.stretches, repeated=length)

    def continued(
        self, start: RunSettings, length: int, facts: int, weight_decay: float
    ) -> RunSettings:
        """Return a network that goes on on some facts."""
        each = length - 1
        later = replace(self.of_length(length), batch_size=self.batch_facts // each)
        return later.continued(start, facts // each, weight_decay)


DESIGNS: dict[Size, Facts] = {
    "smoke": Facts(
        stretches=Stretches(
            vocabulary=8,
            repeated=3,
            positions=12,
            width=8,
            num_drawn=600,
            batch_size=16,
            num_steps=30,
            later_steps=20,
        ),
        lengths=(3, 5),
        facts=(16, 32, 64, 128),
        few=16,
        batch_facts=32,
        num_seeds=2,
    ),
    "quick": Facts(
        stretches=Stretches(
            vocabulary=64,
            repeated=5,
            positions=24,
            width=48,
            num_drawn=100_000,
            batch_size=64,
            num_steps=1500,
            later_steps=1600,
        ),
        lengths=(5, 9),
        facts=(256, 512, 1024, 2048),
        few=512,
        batch_facts=256,
        num_seeds=12,
    ),
    # Not tried.
    "standard": Facts(
        stretches=Stretches(
            vocabulary=128,
            repeated=5,
            positions=40,
            width=64,
            num_drawn=200_000,
            batch_size=64,
            num_steps=4000,
            later_steps=6400,
        ),
        lengths=(5, 9),
        facts=(256, 512, 1024, 2048, 4096),
        few=512,
        batch_facts=512,
        num_seeds=12,
    ),
    # Tokens, width and steps of the phase changes' largest size; not tried.
    "paper": Facts(
        stretches=copies.DESIGNS["paper"],
        lengths=(9, 17),
        facts=(512, 1024, 2048, 4096, 8192),
        few=1024,
        batch_facts=1024,
        num_seeds=12,
    ),
}

ASSUMPTIONS = (
    copies.SECOND_COPY,
    copies.PLAIN,
    copies.READ_OFF,
    "All sequences have the same number of tokens, so that long stretches have half as many places "
    "to begin at as short ones. Start networks take equally many sequences a step; what continues "
    "them takes equally many facts, and so, at equal facts, sees each equally often.",
    "That Gen costs the same for both lengths is assumed and not measured: short stretches are "
    "continued a little less surely, because their first tokens come elsewhere too.",
    "Networks have not come to rest: thresholds are where half is lost after so many steps. What "
    "is lost to decay on many facts is not taken off.",
    "Without decay Adam's ε is what it is with it, 1e-8, below which gradients stop training.",
    "Sizes, λ and lengths were chosen after looks at development seeds 910 to 913, the first with "
    "512 facts a step: thresholds were 780 facts (L = 5) and 640 (L = 9), a ratio of 1.22, so that "
    "the claim within 1.25 could be expected to hang on its margin.",
    SEEDS,
)


def arm(length: int, facts: int, *, decays: bool = True) -> str:
    """Return the arm of networks that go on on some facts."""
    return f"L = {length}, {facts} facts{'' if decays else ', without decay'}"
