"""How far an execution has come, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an execution has come.

    Attributes:
        runs_done: Runs saved by this call.
        runs_total: Runs that were missing when it began.
        seconds_done: Estimated work that is done, as time of one worker.
        seconds_total: Estimated work in all.
        activity: What is going on now.
        seconds_found: Of the work that is done, what was done before: by checkpoints and runs that
            were there.
    """

    runs_done: int
    runs_total: int
    seconds_done: float
    seconds_total: float
    activity: str
    seconds_found: float = 0.0


@dataclass(kw_only=True)
class Execution:
    """What an execution did.

    Attributes:
        trained: Identities of the runs that this call trained.
        found: How many of the wanted runs the store had.
        skipped: Runs that could not be trained, by identity, and why.
        interrupted: Whether it was asked to stop before the end.
        begun: Groups whose training has begun, and whose checkpoints were written when it stopped.
        again: Whether the signal meant to go on later (SIGUSR1, SIGUSR2).
        by_others: Wanted runs that another process trained meanwhile.
        seconds: Time it took.
        elsewhere: Who the others are, in words.
        goes_on: What goes on although this was interrupted, in words; empty if nothing does.
    """

    trained: list[str] = field(default_factory=list)
    found: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    begun: int = 0
    again: bool = False
    by_others: int = 0
    seconds: float = 0.0
    elsewhere: str = "by another process"
    goes_on: str = ""
