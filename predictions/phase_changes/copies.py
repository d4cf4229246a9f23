"""Stretches of random tokens that come again: attention-only networks of one, two and three layers.

Nanda & Lieberum 2022 (*A mechanistic interpretability analysis of grokking*) and the code of Nanda
et al. 2023 train two layers on them; Olsson et al. 2022 (*In-context learning and induction heads*,
arXiv 2209.11895) set one layer against two and three, on text.
"""

from __future__ import annotations

from dataclasses import dataclass

from efficiency.settings import (
    OptimiserSettings,
    RecordingSettings,
    RepeatedSubsequenceSettings,
    RunSettings,
    SequenceTransformerSettings,
)
from predictions.phase_changes.base import SEEDS
from predictions.sizes import Size

DEPTHS = (1, 2, 3)
"""Layers."""

PREFIX = "prefix_matching_score"

LEARNING_RATE = 3e-3

DECAY = 0.3
"""λ of networks that are continued with weight decay."""

FEW_DECAY, FEW_PLAIN, MANY_DECAY = (
    "few sequences, with decay",
    "few sequences, without decay",
    "many sequences, with decay",
)


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """Networks on stretches that come again.

    Attributes:
        vocabulary: V.
        repeated: L, tokens of a stretch.
        positions: T, tokens of a sequence.
        width: d_model.
        num_drawn: N, sequences that there are.
        batch_size: Sequences of a step.
        num_steps: From initial weights.
        later_steps: Of a network that is continued.
    """

    vocabulary: int
    repeated: int
    positions: int
    width: int
    num_drawn: int
    batch_size: int
    num_steps: int
    later_steps: int

    @property
    def streamed(self) -> int:
        """D of a network from initial weights: each sequence is seen once, if there are enough."""
        return min(self.batch_size * self.num_steps, self.num_drawn * 24 // 25)

    @property
    def task(self) -> RepeatedSubsequenceSettings:
        """What is learned."""
        return RepeatedSubsequenceSettings(
            vocabulary=self.vocabulary,
            num_repeated=self.repeated,
            num_positions=self.positions,
            num_drawn=self.num_drawn,
            draw_seed=0,
        )

    def stream(self, layers: int, seed: int) -> RunSettings:
        """Return a network of some layers from initial weights."""
        return RunSettings(
            task=self.task,
            network=SequenceTransformerSettings(
                num_layers=layers,
                d_model=self.width,
                d_mlp=0,
                normalisation="none",
                positions="learned",
            ),
            optimiser=self._optimiser(0.0, self.batch_size),
            dataset_size=self.streamed,
            data_seed=seed,
            init_seed=seed,
            noise_seed=seed,
            num_steps=self.num_steps,
            recording=self._recording,
        )

    def continued(
        self,
        start: RunSettings,
        dataset_size: int,
        weight_decay: float,
        num_asked: int | None = None,
    ) -> RunSettings:
        """Return a network that goes on on D' sequences.

        Args:
            start: What it begins from.
            dataset_size: D'.
            weight_decay: λ.
            num_asked: Tokens that are asked for, the last ones; default: as before.
        """
        task = start.task
        if num_asked is not None:
            task = task.model_copy(update={"num_asked": num_asked})
        batch = self.batch_size if dataset_size > self.batch_size else None
        return RunSettings(
            task=task,
            network=start.network,
            optimiser=self._optimiser(weight_decay, batch),
            dataset_size=dataset_size,
            data_seed=start.data_seed,
            noise_seed=None if batch is None else start.noise_seed,
            start=start,
            num_steps=self.later_steps,
            recording=self._recording,
        )

    def describe(self) -> str:
        """Return task, network and training in a phrase."""
        return (
            f"Sequences of {self.positions} of {self.vocabulary} tokens, the last {self.repeated} "
            f"of which have come before; attention-only transformers of width {self.width}; AdamW "
            f"on {self.batch_size} sequences a step, η = {LEARNING_RATE:g}"
        )

    @property
    def _recording(self) -> RecordingSettings:
        measures = (PREFIX.replace("_", "-"),)
        return RecordingSettings(num_log=10, num_even=40, most_examples=256, measures=measures)

    def _optimiser(self, weight_decay: float, batch_size: int | None) -> OptimiserSettings:
        return OptimiserSettings(
            learning_rate=LEARNING_RATE, weight_decay=weight_decay, batch_size=batch_size
        )


@dataclass(frozen=True, kw_only=True)
class Copies(Stretches):
    """One size of the claims about depth and about ungrokking.

    Attributes:
        few: D' on which it should ungrok.
        many: D' on which it should not.
        num_seeds: Seeds.
    """

    few: int
    many: int
    num_seeds: int


DESIGNS: dict[Size, Copies] = {
    "smoke": Copies(
        vocabulary=8,
        repeated=3,
        positions=9,
        width=8,
        num_drawn=600,
        batch_size=16,
        num_steps=30,
        later_steps=20,
        few=16,
        many=128,
        num_seeds=2,
    ),
    "quick": Copies(
        vocabulary=64,
        repeated=8,
        positions=32,
        width=48,
        num_drawn=100_000,
        batch_size=64,
        num_steps=1500,
        later_steps=800,
        few=64,
        many=2048,
        num_seeds=12,
    ),
    # Not tried.
    "standard": Copies(
        vocabulary=64,
        repeated=8,
        positions=32,
        width=64,
        num_drawn=200_000,
        batch_size=64,
        num_steps=3000,
        later_steps=6000,
        few=64,
        many=4096,
        num_seeds=12,
    ),
    # The source's tokens, width, batch and steps, though not three copies; not tried.
    "paper": Copies(
        vocabulary=128,
        repeated=16,
        positions=85,
        width=48,
        num_drawn=250_000,
        batch_size=128,
        num_steps=6000,
        later_steps=20_000,
        few=64,
        many=8192,
        num_seeds=12,
    ),
}

SECOND_COPY = (
    "The second copy ends the sequence, and the first is anywhere before it: their generator is "
    "not published, and their stretches come three times. Asked for is what follows the first "
    "token of the second copy. Sequences of all seeds are drawn from one pool of random ones."
)

PLAIN = "Without MLPs, LayerNorm and biases, like the source's; learned positions."

READ_OFF = "Losses and attention are read off 256 sequences of each kind at every record."

ASSUMPTIONS = (
    SECOND_COPY,
    PLAIN,
    READ_OFF,
    "Sizes and lengths were chosen after a look at development seeds 900 to 905, of three layers "
    "at two lengths (after 1,000 steps some had not begun to fall), and of 900 and 901 at widths "
    "48 and 64 and vocabularies of 16 and 64 tokens: of 16, most have come more than once, and "
    "what follows is uncertain.",
    SEEDS,
)


def arm(layers: int) -> str:
    """Return the arm of a depth."""
    return "1 layer" if layers == 1 else f"{layers} layers"
