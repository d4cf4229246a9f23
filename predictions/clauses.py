"""Rules as clauses: what each number must show, and what it must show for the claim to be false.

A claim is supported if every clause holds, and refuted if one of them fails: at some confidence the
interval of its number lies where the claim wants it, or where it must not be. So a rule at any
confidence is two p-values: the smallest 1 − confidence at which it supports and that at which it
refutes. What follows from several looks, or several predictions, is a matter of these two alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from efficiency.statistics.intervals import equivalence, greater_p, share_p
from predictions.labelled import Named

Outcome = Literal["supported", "refuted", "undecided"]

Decided = Literal["supported", "refuted", "undecided", "invalid"]
"""Invalid: a condition fails, without which the runs are no test of the claim."""

LEVEL = 0.05
"""1 − confidence of a rule that is looked at once."""


Known = float | tuple[float, float]
"""What one seed says of a number: a value, or bounds on it, infinite where there is none."""

BySeed = Mapping[int, Known]
"""That of every seed, on the scale on which they are averaged: of ratios and times the logarithm,
of shares 1 where it is so and 0 where not."""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One condition of a rule.

    Attributes:
        number: Name of the number that it is about.
        holds: The smallest 1 − confidence at which the number's interval lies where it should.
        fails: The same for where it must not be; ``None`` of a clause that refutes nothing.
        against: Name of the number that speaks against the claim, if it is another one.
        by_seed: What the number is computed from, if that is one thing of each seed.
        condition: Whether it is about the test and not about the claim: where it fails nothing is
            tested, and where it is left open nothing is decided. It fails at the level of a single
            look, at each that is taken: to say so decides nothing of the claim.
    """

    number: Named
    holds: float
    fails: float | None = None
    against: Named | None = None
    by_seed: BySeed = field(default_factory=dict)
    condition: bool = False


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What clauses say together.

    Attributes:
        outcome: At the confidence of 1 − ``LEVEL``.
        deciding: The number that decided, or that left it open: of clauses that all hold, or do
            not, the one with the largest p; of those that fail, the one with the smallest.
        p_value: The smallest 1 − confidence at which every clause holds.
        p_refuted: The p for "one of them fails": with m ways to do so by chance, each one side of
            an interval, m/2 times the smallest of theirs, and no less than it, nor than the
            largest p at which the conditions hold.
        by_seed: What each number of the rule is computed from, if that is one thing of each seed.
    """

    outcome: Decided
    deciding: Named
    p_value: float
    p_refuted: float
    by_seed: Mapping[Named, BySeed] = field(default_factory=dict)


def decide(clauses: Sequence[Clause]) -> Decision:
    """Return what clauses say together, one at least.

    Each p of a clause that fails is that of an interval of which the claim makes one side unlikely:
    an error of half of it. So the chance that any of m errs is at most m/2 times as large, whatever
    depends on what. (An equivalence can err on both sides, if its margin is smaller than the
    standard error: two at their margins are refuted in 4.7% where it is as large, in 7.5% at a
    tenth of it. Margins here are several times as large.)
    """
    conditions = [clause for clause in clauses if clause.condition]
    p_failed, failed = _failing(conditions)
    by_seed = {clause.number: clause.by_seed for clause in clauses if clause.by_seed}
    if failed is not None and p_failed < LEVEL:
        return Decision(
            outcome="invalid", deciding=failed.number, p_value=1.0, p_refuted=1.0, by_seed=by_seed
        )
    weakest = max(clauses, key=lambda clause: clause.holds)
    p_refuted, worst = _failing([clause for clause in clauses if not clause.condition])
    p_refuted = max(p_refuted, *(clause.holds for clause in conditions), 0.0)
    outcome = outcome_by(weakest.holds, p_refuted)
    deciding = weakest.number
    if outcome == "refuted" and worst is not None:
        deciding = worst.against or worst.number
    return Decision(
        outcome=outcome,
        deciding=deciding,
        p_value=weakest.holds,
        p_refuted=p_refuted,
        by_seed=by_seed,
    )


def _failing(clauses: Sequence[Clause]) -> tuple[float, Clause | None]:
    """Return the p for "one of them fails", and the one of which it is likeliest."""
    against = [(clause.fails, clause) for clause in clauses if clause.fails is not None]
    p, worst = min(against, key=lambda pair: pair[0], default=(1.0, None))
    return min(1.0, max(1.0, len(against) / 2) * p), worst


def outcome_by(p_value: float, p_refuted: float) -> Outcome:
    """Return what two p-values say at the level of a rule.

    Both may be small where a claim is about a share, and what supports it is less than what its
    absence would leave room for: the claim is then supported, as it is worded.
    """
    if p_value < LEVEL:
        return "supported"
    return "refuted" if p_refuted < LEVEL else "undecided"


def above(number: Named, by_seed: Mapping[int, float], bound: float) -> Clause:
    """Return the clause that a mean of independent values exceeds a bound (Student's t)."""
    values = list(by_seed.values())
    return Clause(
        number=number,
        holds=greater_p(values, bound),
        fails=_less_p(values, bound),
        by_seed=by_seed,
    )


def below(number: Named, by_seed: Mapping[int, float], bound: float) -> Clause:
    """Return the clause that a mean of independent values stays below a bound (Student's t)."""
    other = above(number, by_seed, bound)
    assert other.fails is not None
    return replace(other, holds=other.fails, fails=other.holds)


def within(number: Named, by_seed: Mapping[int, float], margin: float) -> Clause:
    """Return the clause that a mean of independent values lies within a margin around 0."""
    equal = equivalence(list(by_seed.values()), margin)
    return Clause(number=number, holds=equal.p_within, fails=equal.p_beyond, by_seed=by_seed)


def most(number: Named, so: Mapping[int, bool], *, wanted: bool = True) -> Clause:
    """Return the clause that something is so in more than half of all units (Clopper–Pearson).

    Args:
        number: Name of the share of units in which it is so.
        so: Whether it is, by unit.
        wanted: Whether the claim is that it is so; else that it is not.
    """
    count, n = sum(is_so == wanted for is_so in so.values()), len(so)
    return Clause(
        number=number,
        holds=majority_p(count, n),
        fails=majority_p(n - count, n),
        by_seed={seed: float(is_so) for seed, is_so in so.items()},
    )


def majority_p(number: int, n: int) -> float:
    """Return the smallest 1 − confidence at which the interval of a share lies above one half."""
    return min(1.0, 2 * share_p(number, n, 0.5))


def _less_p(values: Sequence[float], bound: float) -> float:
    return greater_p([-value for value in values], -bound)
