"""A prediction: with twice the learning rate a network fits its examples sooner."""

import math

from predictions.cells import Cell, by_seed
from predictions.clauses import above, decide
from predictions.grounds import ground, schedule
from predictions.judging import geometric
from predictions.protocol import Prediction
from predictions.registry import register
from predictions.verdicts import Finding


@register
class FasterFit(Prediction):
    name, title, min_seeds = "faster-fit", "Fitting time and learning rate", 3
    claim = "With twice the learning rate a network fits its examples in fewer steps."
    rule = "Supported if the mean log ratio of both times is above 0 at 95%, refuted if below."
    refutation = "As many steps, or more."
    figure_caption = "Steps until fitted, a line for each seed."

    def design(self, size, num_seeds=None):
        return f"{len(self.settings(size, num_seeds))} runs on half of the table, η / 2 and η."

    def cells(self, size, num_seeds=None):
        on = ground(size, self.variant)
        slow, fast = (schedule(on.learning_rate / times, 1.0, 0.5) for times in (2, 1))
        ways = {"slow": {"optimiser": slow}, "fast": {"optimiser": fast}}
        starts = [on.start(seed, on.num_pairs // 2) for seed in on.seeds(num_seeds)]
        return [Cell(settings=s.model_copy(update=ways[a]), arm=a) for s in starts for a in ways]

    def find(self, size, runs):
        slow, fast = (by_seed(runs, arm, "step_fitted") for arm in ("slow", "fast"))
        both = [seed for seed in slow if slow[seed] and fast.get(seed)]
        ratios = {seed: math.log(slow[seed] / fast[seed]) for seed in both}
        if len(ratios) < self.min_seeds:
            return Finding(outcome="undecided", sentence=f"{len(ratios)} seeds are too few.")
        ratio = geometric([math.exp(one) for one in ratios.values()])
        rule = decide([above("ratio", ratios, 0.0)])
        return Finding.of(rule, f"The ratio of times is {ratio}.", {"ratio": ratio})
