"""A prediction: with twice the learning rate a network fits its examples sooner."""

import math

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

    def settings(self, size, num_seeds=None):
        on = ground(size, self.variant)
        ways = [schedule(rate, 1.0, 0.5) for rate in (on.learning_rate / 2, on.learning_rate)]
        starts = [on.start(seed, on.num_pairs // 2) for seed in on.seeds(num_seeds)]
        return [run.model_copy(update={"optimiser": way}) for run in starts for way in ways]

    def find(self, size, runs):
        logs = {}
        for run in sorted(runs, key=lambda run: run.settings.optimiser.learning_rate):
            if (fitted := run.outcome.numbers.get("step_fitted")) is not None and fitted.value:
                logs.setdefault(run.settings.data_seed, []).append(math.log(fitted.value))
        ratios = {seed: of[0] - of[1] for seed, of in logs.items() if len(of) == 2}
        if len(ratios) < self.min_seeds:
            return Finding(outcome="undecided", sentence=f"{len(ratios)} seeds are too few.")
        ratio = geometric([math.exp(one) for one in ratios.values()])
        clause = above("ratio", ratios, 0.0)
        return Finding.of(decide([clause]), f"The ratio of times is {ratio}.", {"ratio": ratio})
