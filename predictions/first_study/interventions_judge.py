"""The judge of interventions: from the times at which runs generalised to a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from efficiency.estimates import Estimate
from predictions.cells import Run
from predictions.clauses import Clause, decide, majority_p
from predictions.first_study.ground import MIN_SEEDS
from predictions.first_study.interventions_arms import ARMS, BASELINE, WEIGHT_DECAY
from predictions.first_study.times import Time, time_of
from predictions.judging import count, geometric, plural, share_of, too_few
from predictions.labelled import Labelled, Numbers
from predictions.verdicts import Finding


def times(runs: Sequence[Run]) -> dict[str, dict[int, Time]]:
    """Return the times by arm and seed, arms in their order."""
    found: dict[str, dict[int, Time]] = {name: {} for name in ARMS}
    for run in runs:
        found[run.arm][run.seed] = time_of(run)
    return {name: dict(sorted(by_seed.items())) for name, by_seed in found.items() if by_seed}


def find(found: Mapping[str, Mapping[int, Time]]) -> Finding:
    """Apply the rule of ``Interventions`` to times by arm and seed."""
    ours = found.get(WEIGHT_DECAY, {})
    others = {name: by_seed for name, by_seed in found.items() if name != WEIGHT_DECAY}
    numbers: Numbers = {
        Labelled("generalised", arm=arm): _came(by_seed) for arm, by_seed in found.items()
    }
    if all(time.censored for time in ours.values()):
        return Finding(
            outcome="invalid", sentence="Weight decay generalises in no seed.", numbers=numbers
        )
    wins, clauses = {}, []
    for arm, theirs in others.items():
        both = sorted(ours.keys() & theirs.keys())
        won = sum(ours[seed].before(theirs[seed]) for seed in both)
        wins[arm] = share_of(won, len(both))
        lost = sum(theirs[seed].before(ours[seed]) for seed in both)
        numbers[Labelled("earlier_than", arm=arm)] = wins[arm]
        numbers[Labelled("later_than", arm=arm)] = share_of(lost, len(both))
        clauses.append(
            Clause(
                number=Labelled("earlier_than", arm=arm),
                holds=majority_p(won, len(both)),
                fails=majority_p(lost, len(both)),
                against=Labelled("later_than", arm=arm),
                by_seed={seed: float(ours[seed].before(theirs[seed])) for seed in both},
            )
        )
        if won + lost:
            numbers[Labelled("ahead_where_decided", arm=arm)] = share_of(won, won + lost)
        if len(both) > 1:
            numbers[Labelled("times_faster_than", arm=arm)] = _ratio(ours, theirs, both)
    closest = min(
        wins,
        key=lambda arm: (
            wins[arm].low or 0.0,
            -(numbers[Labelled("later_than", arm=arm)].value or 0.0),
        ),
    )
    # Of arms that it beats equally rarely this one is named.
    clauses.sort(key=lambda clause: clause.number != Labelled("earlier_than", arm=closest))
    if len(ours) < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{too_few(len(ours), 'seed')}: the rule needs {MIN_SEEDS}.",
            numbers=numbers,
        )
    came = {arm: f"{numbers[Labelled('generalised', arm=arm)].value:g}" for arm in found}
    return Finding.of(
        decide(clauses),
        sentence=f"Weight decay generalises in {came[WEIGHT_DECAY]} of "
        f"{plural(len(ours), 'seed')}, and is the earlier in {wins[closest]} of them against "
        f"{closest}, its closest rival; without an intervention {came.get(BASELINE, '0')} "
        "generalise.",
        numbers=numbers,
    )


def _came(by_seed: Mapping[int, Time]) -> Estimate:
    return count(sum(not time.censored for time in by_seed.values()), len(by_seed), "runs")


def _ratio(ours: Mapping[int, Time], theirs: Mapping[int, Time], both: Sequence[int]) -> Estimate:
    """Return the geometric mean of their time over ours.

    Where theirs never came it is a lower bound, and so is its interval's lower end. Where ours
    never came there is none: to leave such seeds out would count only those in which we did well.
    """
    ratios = [theirs[seed].steps / ours[seed].steps for seed in both]
    if any(ours[seed].censored for seed in both):
        return Estimate(value=None, low=None, high=None, n=len(both), unit="1", status="censored")
    estimate = geometric(ratios)
    if any(theirs[seed].censored for seed in both):
        assert estimate.low is not None
        return Estimate(
            value=None, low=estimate.low, high=None, n=len(both), unit="1", status="censored"
        )
    return estimate
