"""What was found, in a dozen lines: a question, an answer with its numbers, and what stands.

``make findings`` writes them, from the verdicts kept in ``docs/found``, into the README.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from predictions import findings
from predictions.clauses import Outcome
from predictions.labelled import Labelled, Named
from predictions.sizes import Size
from predictions.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        asked: The question.
        told: The answer, with the names of ``numbers`` in braces.
        rests_on: The prediction.
        outcome: What must stand of it, for the answer to be so.
        numbers: What to put into the answer.
        size: At which size.
    """

    asked: str
    told: str
    rests_on: str
    outcome: Outcome
    numbers: Mapping[str, Named] = field(default_factory=dict)
    size: Size = "quick"


LINES: tuple[Line, ...] = (
    Line(
        asked="Do networks generalise long after they fit their examples?",
        told="Yes: half-way {delay} times as many steps later.",
        rests_on="grokking",
        outcome="supported",
        numbers={"delay": "delay"},
    ),
    Line(
        asked="Does Mem need a larger norm for more examples, and Gen not?",
        told="Yes: for the same logit Mem's grows as D to the power {mem}, Gen's to the power "
        "{gen}.",
        rests_on="efficiency",
        outcome="supported",
        numbers={"mem": "mem_slope", "gen": "gen_slope"},
    ),
    Line(
        asked="Do networks ungrok?",
        told="Yes: accuracy on novel pairs ends at {few} on 50 examples and at {many} on 303, "
        "half-way at {threshold}.",
        rests_on="ungrokking",
        outcome="supported",
        numbers={
            "few": "accuracy_at_smallest_size",
            "many": "accuracy_at_largest_size",
            "threshold": "threshold",
        },
    ),
    Line(
        asked="Also at the paper's size?",
        told="Yes: accuracy 0.7 at {at} examples, the lower half of the 800 to 1,000 that the "
        "paper has.",
        rests_on="ungrokking",
        outcome="supported",
        numbers={"at": Labelled("size_at", accuracy=0.7)},
        size="replication",
    ),
    Line(
        asked="At the same size, whatever the strength of weight decay?",
        told="Yes, if they are trained for as long in η·λ·steps: from λ = 0.5 to 2 the critical "
        "size changes by a factor of {ratio}. After equal steps that is open, and the larger λ "
        "forgets a little more.",
        rests_on="weight-decay",
        outcome="supported",
        numbers={"ratio": "threshold_ratio"},
    ),
    Line(
        asked="Not without weight decay?",
        told="Hardly: on 50 examples {without} is kept without decay, and {decayed} with it. But "
        "Adam's ε has a part in that: with a smaller one some is lost without decay as well.",
        rests_on="without-decay",
        outcome="supported",
        numbers={"without": "accuracy_without_decay", "decayed": "accuracy_with_decay"},
    ),
    Line(
        asked="Does it have to be weight decay?",
        told="No: with the norm held where it is, no decay, and an ε of 1e-20, they end at {few} "
        "on 50 examples and at {many} on 433.",
        rests_on="held-norm",
        outcome="supported",
        numbers={"few": "accuracy_at_smallest_size", "many": "accuracy_at_largest_size"},
    ),
    Line(
        asked="Can the critical size be foretold from norms alone?",
        told="In the mean, nearly: foretold / observed is {longest} after the longest training, "
        "and falls with its length. Networks of which more is foretold tend to ungrok at more; by "
        "how much is open.",
        rests_on="critical-size-ratio",
        outcome="undecided",
        numbers={"longest": "foretold_to_midpoint"},
    ),
    Line(
        asked="Does sharing cost more than one circuit alone?",
        told="No sign of it, though the theory says so: a mixture needs {excess} more, in the "
        "logarithm of the norm.",
        rests_on="sharing",
        outcome="undecided",
        numbers={"excess": "excess"},
    ),
    Line(
        asked="Do some networks stay half-way (semi-grokking)?",
        told="None is seen to: {share} of seeds; a few still move after 40,000 steps.",
        rests_on="semi-grokking",
        outcome="undecided",
        numbers={"share": "share_of_seeds_semi_grokked"},
    ),
    Line(
        asked="Do networks fall out of generalising by themselves?",
        told="Not as a rule: a share of {share} did, without decay and in a hundred times as many "
        "steps.",
        rests_on="anti-grokking",
        outcome="refuted",
        numbers={"share": Labelled("share_collapsed", epsilon=1e-20)},
    ),
    Line(
        asked="Is it something of tables alone?",
        told="No: networks unlearn induction, by decay and few sequences together: {lost} of "
        "tokens beyond what is lost without decay.",
        rests_on="induction-ungrokking",
        outcome="supported",
        numbers={"lost": Labelled("token_accuracy_lost", beyond="few sequences, without decay")},
    ),
)

MARKS = ("<!-- summary: begin -->", "<!-- summary: end -->")


def table(kept: Sequence[Sequence[Verdict]]) -> str:
    """Return all lines as a table in Markdown.

    Args:
        kept: Verdicts that were judged together, each at a size.

    Raises:
        InvalidInputError: What stands of a prediction is not what an answer rests on, no verdict of
            it is kept, or a number of it is not known.
    """
    found = {
        (row.name, verdict.size): (row, verdict)
        for rows in findings.by_name(kept).values()
        for row, verdict in rows
    }
    lines = [
        "| asked | found (95% interval) | the claim | looked at | networks |",
        "| --- | --- | --- | --- | ---: |",
    ]
    for one in LINES:
        if (one.rests_on, one.size) not in found:
            raise InvalidInputError(f"no verdict of {one.rests_on} at {one.size} is kept")
        row, verdict = found[one.rests_on, one.size]
        if row.outcome != one.outcome:
            raise InvalidInputError(
                f"the answer to {one.asked!r} rests on {one.rests_on} being {one.outcome}, and it "
                f"is {row.outcome}: write another answer in predictions/summary.py"
            )
        numbers = {slot: _number(verdict, name) for slot, name in one.numbers.items()}
        texts = {slot: _told(number) for slot, number in numbers.items()}
        n = max((number.n for number in numbers.values()), default=0)
        claim = f"`{one.rests_on}` **{row.outcome}**"
        told = one.told.format(**texts)
        lines.append(f"| {one.asked} | {told} | {claim} | {row.standing} | {n} |")
    return "\n".join(lines)


def _number(verdict: Verdict, name: Named) -> Estimate:
    found = verdict.numbers.get(name)
    if found is None:
        raise InvalidInputError(f"the verdict of {verdict.prediction} has no number {name}")
    return found


def _told(number: Estimate) -> str:
    if number.value is None or number.low is None or number.high is None:
        raise InvalidInputError(f"a number of an answer is not known: {number}")
    moving = " (not settled)" if number.status == "not settled" else ""
    return f"{number.value:.3g} [{number.low:.3g}, {number.high:.3g}]{moving}"


def main(document: Path, *kept: Path) -> None:
    """Write the lines between their marks in a document."""
    findings.rewrite(document, kept, MARKS, table)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
