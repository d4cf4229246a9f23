"""The networks that all claims about double descent share: handwritten digits, some labels wrong.

Belkin et al. 2019, *Reconciling modern machine-learning practice and the classical bias-variance
trade-off* (arXiv 1812.11118): random features, and networks with one hidden layer. Nakkiran et al.
2020, *Deep double descent* (arXiv 1912.02292): wrong labels, decay, examples and epochs. Theirs are
MNIST and CIFAR-10; here are the 1,797 digits that come with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

from efficiency.settings import (
    FeaturesMLPSettings,
    HandwrittenDigitsSettings,
    OptimiserSettings,
    RandomFeaturesSettings,
    RecordingSettings,
    RunSettings,
)
from predictions.sizes import Size

LEARNING_RATE = 1e-2
"""η of trained networks."""

WRONG = 0.2
"""Share of the examples of trained networks that have a wrong label."""

DECAYS = (0.0, 0.3, 1.0)
"""λ of trained networks: none, and two beside which norms at one logit are told."""

RIDGES = (0.0, 1e-2)
"""λ of random features."""

Places = tuple[int, int, int]
"""Where test loss is read to see a peak: at a valley, at the peak after it, and at the end."""

ASSUMPTIONS = (
    "A network reads one of 1,797 handwritten digits of 8 × 8 pixels (scikit-learn). The examples "
    "are drawn from these, and all that are left are its test set, with their true labels.",
    "A seed decides examples, wrong labels and initial weights together: seeds are independent "
    "draws from one set of 1,797 digits, of which large training sets share most, and what is said "
    "is of these digits. Runs of one seed are not independent.",
    "Claims about one thing that is varied share their runs: ten verdicts are about five "
    "experiments.",
    "Final numbers are medians over the last quarter of training.",
)

TRAINED = (
    f"Adam, η = {LEARNING_RATE:g}, all examples at every step, equally many steps for all. Test "
    "loss is cross-entropy, which without decay goes on to rise once examples are fitted: it peaks "
    "where networks are most sure of what is wrong, and their test error need not (it is told "
    "beside it). In the sources it is squared loss and error that peak.",
)


@dataclass(frozen=True, kw_only=True)
class Digits:
    """One size.

    Attributes:
        num_seeds: Seeds of everything.
        fitted: D of random features.
        features: L, increasing.
        features_places: L at which a peak is read.
        dataset_size: D of networks of several widths, and of those that are trained for long.
        widths: Hidden units, increasing.
        widths_places: Those at which a peak is read.
        width: Hidden units of networks on several numbers of examples.
        dataset_sizes: D of these, increasing.
        sizes_places: Those at which a peak is read.
        num_steps: Steps of both.
        long_width: Hidden units of networks that are trained for long.
        long_steps: Their steps.
        steps_places: Steps near which their first minimum, peak and second minimum are read.
    """

    num_seeds: int
    fitted: int
    features: tuple[int, ...]
    features_places: Places
    dataset_size: int
    widths: tuple[int, ...]
    widths_places: Places
    width: int
    dataset_sizes: tuple[int, ...]
    sizes_places: Places
    num_steps: int
    long_width: int
    long_steps: int
    steps_places: Places

    def solved(self, num_features: int, seed: int, weight_decay: float) -> RunSettings:
        """Return random features on true labels, fitted by least squares."""
        return RunSettings(
            task=HandwrittenDigitsSettings(),
            network=RandomFeaturesSettings(d_mlp=num_features),
            optimiser=OptimiserSettings(method="least-squares", weight_decay=weight_decay),
            loss="squared-error",
            dataset_size=self.fitted,
            data_seed=seed,
            init_seed=seed,
            # Once there, it stays: the last two records are of the same network.
            num_steps=2,
            recording=RecordingSettings(num_log=0, measures=("held-out-squared-error",)),
        )

    def trained(self, width: int, dataset_size: int, seed: int, weight_decay: float) -> RunSettings:
        """Return a network with one hidden layer, on labels of which some are wrong."""
        return _trained(
            width,
            dataset_size,
            seed,
            weight_decay=weight_decay,
            num_steps=self.num_steps,
            num_log=20,
        )

    def long(self, seed: int) -> RunSettings:
        """Return a wide network that is trained for long without decay, recorded densely."""
        return _trained(
            self.long_width,
            self.dataset_size,
            seed,
            weight_decay=0.0,
            num_steps=self.long_steps,
            num_log=80,
        )


def _trained(
    width: int,
    dataset_size: int,
    seed: int,
    *,
    weight_decay: float,
    num_steps: int,
    num_log: int,
) -> RunSettings:
    return RunSettings(
        task=HandwrittenDigitsSettings(),
        network=FeaturesMLPSettings(d_mlp=width),
        optimiser=OptimiserSettings(learning_rate=LEARNING_RATE, weight_decay=weight_decay),
        regime="corrupted",
        num_corrupted=round(WRONG * dataset_size),
        dataset_size=dataset_size,
        data_seed=seed,
        label_seed=seed,
        init_seed=seed,
        num_steps=num_steps,
        recording=RecordingSettings(num_log=num_log, num_even=40),
    )


_WIDTHS = (3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 28, 48, 96, 192)
_SIZES = (60, 80, 100, 150, 200, 250, 300, 350, 400, 500, 600, 700, 850, 1000, 1200, 1400)
_FEATURES = (20, 40, 80, 120, 160, 180, 200, 220, 250, 300, 400, 600, 1000, 2000, 4000)

DESIGNS: dict[Size, Digits] = {
    "smoke": Digits(
        num_seeds=2,
        fitted=40,
        features=(10, 20, 40, 80),
        features_places=(10, 40, 80),
        dataset_size=60,
        widths=(2, 4, 8, 16),
        widths_places=(2, 8, 16),
        width=4,
        dataset_sizes=(30, 60, 120, 240),
        sizes_places=(30, 60, 240),
        num_steps=100,
        long_width=8,
        long_steps=200,
        steps_places=(20, 100, 200),
    ),
    "quick": Digits(
        num_seeds=12,
        fitted=200,
        features=_FEATURES,
        features_places=(80, 200, 4000),
        dataset_size=400,
        widths=_WIDTHS,
        widths_places=(4, 17, 192),
        width=12,
        dataset_sizes=_SIZES,
        sizes_places=(60, 250, 1400),
        num_steps=1000,
        long_width=96,
        long_steps=10_000,
        steps_places=(26, 1000, 10_000),
    ),
    # Not tried.
    "standard": Digits(
        num_seeds=12,
        fitted=400,
        features=tuple(2 * one for one in _FEATURES),
        features_places=(160, 400, 8000),
        dataset_size=600,
        widths=(*_WIDTHS, 384, 768),
        widths_places=(4, 20, 768),
        width=17,
        dataset_sizes=_SIZES,
        sizes_places=(80, 350, 1400),
        num_steps=4000,
        long_width=192,
        long_steps=40_000,
        steps_places=(26, 1000, 40_000),
    ),
    "paper": Digits(
        num_seeds=12,
        fitted=1000,
        features=tuple(5 * one for one in _FEATURES),
        features_places=(400, 1000, 20_000),
        dataset_size=1000,
        widths=(*_WIDTHS, 384, 768, 1536),
        widths_places=(4, 28, 1536),
        width=28,
        dataset_sizes=_SIZES,
        sizes_places=(100, 500, 1400),
        num_steps=20_000,
        long_width=384,
        long_steps=200_000,
        steps_places=(26, 1000, 200_000),
    ),
}
