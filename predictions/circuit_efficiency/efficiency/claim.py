"""Efficiency: what Mem costs grows with the dataset, what Gen costs does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

from pydantic import PositiveFloat, PositiveInt

from efficiency.settings import Regime, RunSettings
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.efficiency.judge import MARGIN, MIN_SHARE, find
from predictions.circuit_efficiency.efficiency.reading import Arm, Way, arm_name
from predictions.designs import DatasetSizes, Part, WeightDecays
from predictions.grounds import Ground, ground, schedule
from predictions.judging import MIN_SEEDS
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size of the experiment, on the ground of ``predictions.grounds``.

    Attributes:
        mem_sizes: D of memorising networks (random labels).
        gen_sizes: D that start networks, which know the whole table, are trained on further.
        weight_decays: λ of both: the first way along the curve of logit against norm.
        num_steps: Length; η falls as 1/λ, so that η·λ is the same at every λ.
        norm_factors: Multiples of its norm at which each λ = 1 network is held: the second way.
        held_steps: Length of that.
    """

    mem_sizes: DatasetSizes
    gen_sizes: DatasetSizes
    weight_decays: WeightDecays = (0.5, 1.0, 2.0)
    num_steps: PositiveInt
    norm_factors: tuple[PositiveFloat, ...] = (1.0, 1.05, 1.1)
    held_steps: PositiveInt = 1000


DESIGNS = Part[Design](
    "efficiency",
    {
        "smoke": Design(
            mem_sizes=(12, 20, 33),
            gen_sizes=(60, 80, 108),
            weight_decays=(1.0, 2.0),
            num_steps=2000,
            norm_factors=(1.0, 1.1),
            held_steps=200,
        ),
        # Chosen by measurement: docs/decisions/008-the-family.md.
        "quick": Design(
            mem_sizes=(60, 95, 150, 238, 377), gen_sizes=(380, 540, 770), num_steps=6000
        ),
        "standard": Design(
            mem_sizes=(150, 238, 378, 600), gen_sizes=(850, 1200, 1700), num_steps=6000
        ),
        "replication": Design(
            mem_sizes=(240, 380, 600, 950, 1500),
            gen_sizes=(1500, 2120, 3000),
            num_steps=12_000,
            held_steps=2000,
        ),
        # The paper's lists of weight decays and sizes are not known to us.
        "paper": Design(
            mem_sizes=(300, 533, 949, 1687, 3000),
            gen_sizes=(3000, 5477, 10_000),
            num_steps=50_000,
            held_steps=5000,
        ),
    },
)


def decayed(run: RunSettings, ground: Ground) -> list[RunSettings]:
    """Return a run at λ = 1 with its kin along the curve, by weight decay."""
    # η·λ is what blurs a settled norm: with it held, so is the blur.
    rate = ground.calm_learning_rate
    return [
        run.model_copy(update={"optimiser": schedule(rate / decay, decay, 0.5)})
        for decay in DESIGNS.on(ground).weight_decays
    ]


def _varied(run: RunSettings, ground: Ground, arm: Arm) -> list[Cell]:
    """Return a run at λ = 1 with its kin along the curve, both ways."""
    design, rate = DESIGNS.on(ground), ground.calm_learning_rate
    held = [
        run.model_copy(
            update={
                "optimiser": schedule(rate / 5, 0.0, 0.5, norm_factor=factor),
                "num_steps": design.held_steps,
                "start": run,
                "init_seed": None,
            }
        )
        for factor in design.norm_factors
    ]
    ways: dict[Way, list[RunSettings]] = {"weight decay": decayed(run, ground), "fixed norm": held}
    return [
        Cell(settings=one, arm=arm_name(arm, way)) for way, runs in ways.items() for one in runs
    ]


def mem_at_one(
    ground: Ground,
    seed: int,
    dataset_size: int,
    num_steps: int,
    regime: Regime = "memorising",
) -> RunSettings:
    """Return a memorising network at λ = 1: its only circuit is Mem."""
    return RunSettings(
        task=ground.task,
        network=ground.network,
        optimiser=schedule(ground.calm_learning_rate, 1.0, 0.5),
        regime=regime,
        dataset_size=dataset_size,
        data_seed=seed,
        label_seed=seed,
        init_seed=seed,
        num_steps=num_steps,
    )


def gen_at_one(ground: Ground, seed: int, dataset_size: int, num_steps: int) -> RunSettings:
    """Return what continues a start network above D_crit at λ = 1: its only circuit is Gen."""
    return RunSettings(
        task=ground.task,
        network=ground.network,
        optimiser=schedule(ground.calm_learning_rate, 1.0, 0.5),
        dataset_size=dataset_size,
        data_seed=seed,
        start=ground.start(seed),
        num_steps=num_steps,
    )


def mem_arm(ground: Ground, seeds: Iterable[int]) -> list[Cell]:
    """Return the memorising networks."""
    d = DESIGNS.on(ground)
    return [
        cell
        for seed, D in product(seeds, ground.scaled(d.mem_sizes))
        for cell in _varied(mem_at_one(ground, seed, D, d.num_steps), ground, "mem")
    ]


def gen_arm(ground: Ground, seeds: Iterable[int]) -> list[Cell]:
    """Return the generalising networks: start networks and what continues them above D_crit."""
    cells, d = [], DESIGNS.on(ground)
    for seed in seeds:
        cells.append(Cell(settings=ground.start(seed), role="start"))
        for D in ground.scaled(d.gen_sizes):
            cells += _varied(gen_at_one(ground, seed, D, d.num_steps), ground, "gen")
    return cells


class Efficiency(Prediction):
    """First prediction of the theory (paper, sections 3.2 and 5.1, Figure 3)."""

    name: ClassVar[str] = "efficiency"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Efficiency against dataset size"
    claim: ClassVar[str] = (
        "The norm that memorising needs for a given logit grows with the dataset size D; the norm "
        "that generalising needs for it does not depend on D."
    )
    rule: ClassVar[str] = (
        "P(D; ŝ), the isologit norm, is the norm at mean log-odds ŝ on the training set, "
        "interpolated (log norm, straight line) over settled networks of one seed and D that "
        "differ in weight decay; ŝ is the median log-odds of all of them. The slope of log P on "
        "log D is taken seed by seed; intervals are 95% over seeds. Supported if the lower bound "
        f"of Mem's slope > {MARGIN:g} and the interval of Gen's slope lies within "
        f"±{MARGIN:g}. Refuted if Mem's upper bound < {MARGIN:g} or Gen's interval lies outside "
        f"±{MARGIN:g}. Undecided otherwise, or with fewer than {MIN_SEEDS} seeds that count: "
        "start network settled at training accuracy 1, Gen's share of the logit norm at least "
        f"{MIN_SHARE:.0%} on average (functions of the answer and the class), and P "
        "known at three sizes of each arm. Invalid if no seed counts."
    )
    criterion: ClassVar[str] = f"Mem's slope > {MARGIN:g}, and Gen's within ±{MARGIN:g}"
    refutation: ClassVar[str] = (
        "Gen's norm at a matched logit moves with D by more than the margin, or Mem's does not "
        "rise."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "A network trained on random labels has no Gen: all of its norm is Mem's.",
        "A network that knew the whole table and is trained on with D examples above D_crit is "
        "Gen's; what Mem may add to it there is bounded by Gen's share of the logit norm.",
        "Log norm is straight in the logit over the range that weight decay spans.",
        "The gate selects: a seed whose Gen holds some Mem at these sizes does not count. Sizes at "
        "which ŝ is out of reach, or nothing has settled, are not used; their share is reported.",
        "κ between networks held at 1 to 1.1 times one network's norm reads how its logits grow "
        "when it is scaled, which the architecture largely decides; over weight decays norms "
        "hardly differ, and κ there is reported only where they do.",
        "AdamW's decoupled decay has its own fixed point, which is not the minimum of the "
        "L2-penalised loss; the second way, held at a fixed norm, does not use decay at all.",
    )
    power: ClassVar[str] = (
        "3 seeds support the claim in at least 8 of 10 experiments if Mem's slope is 0.3, Gen's 0 "
        "and slopes spread by 0.02 between seeds (simulated); 7 if they spread by 0.06."
    )
    figure_caption: ClassVar[str] = (
        "Left: parameter norm against log-odds of memorising networks (one colour for each D) and "
        "generalising ones, of all seeds. Right: the isologit norm P(D; ŝ) against D, a faint line "
        "for each seed, geometric means with 95% intervals where all are known; where the two "
        "meet, the theory puts D_crit. After Figure 3 of the paper."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "mem_slope": "of log P_mem on log D, weight-decay way, log-odds",
        "gen_slope": "of log P_gen on log D, weight-decay way, log-odds",
        "mem_slope_fixed_norm": "the same between networks held at fixed norms",
        "gen_slope_fixed_norm": "the same between networks held at fixed norms",
        "mem_slope_margin": "the same, read in margins",
        "gen_slope_margin": "the same, read in margins",
        "mem_slope_centred_logit": "the same, read in centred correct logits, ŝ of each arm's own",
        "gen_slope_centred_logit": "the same, read in centred correct logits, ŝ of each arm's own",
        "mem_slope_plain_ratio": "of log(norm / log-odds) at weight decay 1: depends on scale",
        "gen_slope_plain_ratio": "of log(norm / log-odds) at weight decay 1: depends on scale",
        "matched_log_odds": "ŝ",
        "mem_norm": "P_mem at this D, geometric mean",
        "gen_norm": "P_gen at this D, geometric mean",
        "kappa_mem": "κ: slope of log centred logit on log norm, held at fixed norms",
        "kappa_gen": "κ: slope of log centred logit on log norm, held at fixed norms",
        "kappa_mem_log_odds": "the same, read in log-odds",
        "kappa_gen_log_odds": "the same, read in log-odds",
        "kappa_mem_weight_decay": "read in log-odds, over weight decays",
        "kappa_gen_weight_decay": "read in log-odds, over weight decays",
        "share_of_isologit_norms_known": "of seeds × sizes; the others were out of reach of ŝ",
        "gen_share": "of Gen's logit norm, in the functions of answer and class",
        "mem_share": "the same of memorising networks",
        "gen_share_trigonometric": "the same in the narrower trigonometric subspace",
        "mem_share_trigonometric": "the same in the narrower trigonometric subspace",
        "share_of_runs_settled": "the others were not read",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        decays = ", ".join(f"{w:g}" for w in d.weight_decays)
        return (
            f"{on.describe()}; for each of {len(on.seeds(num_seeds))} seeds memorising "
            f"networks (random labels) on D = {on.listed(d.mem_sizes)} and generalising "
            f"ones (a network that knows the whole table, trained on) on "
            f"D = {on.listed(d.gen_sizes)}, each with weight decays {decays} for "
            f"{d.num_steps:,} steps; each network of weight decay 1 is then held at "
            f"{', '.join(f'{f:g}' for f in d.norm_factors)} times its norm for "
            f"{d.held_steps:,} steps without decay. {len(self.settings(size, num_seeds))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        seeds = on.seeds(num_seeds)
        return mem_arm(on, seeds) + gen_arm(on, seeds)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find(runs)
