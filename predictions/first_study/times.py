"""When runs generalise, and that some have not by the time they end."""

from __future__ import annotations

from dataclasses import dataclass

from predictions.cells import Run


@dataclass(frozen=True, kw_only=True)
class Time:
    """When a run generalised.

    Attributes:
        steps: The step, or the budget if it had not by then.
        censored: Whether it had not.
    """

    steps: float
    censored: bool

    def before(self, other: Time) -> bool:
        """Return whether this is surely the earlier one: two that never came are not ordered."""
        return not self.censored and (other.censored or self.steps < other.steps)


def time_of(run: Run) -> Time:
    """Return when a run generalised; one that diverged never did."""
    found = run.outcome.numbers.get("step_generalised")
    if found is None or found.value is None:
        return Time(steps=float(run.settings.num_steps), censored=True)
    return Time(steps=max(found.value, 1.0), censored=False)
