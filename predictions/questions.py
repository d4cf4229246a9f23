"""What readers ask of grokking, answered with the verdicts that are kept.

``make findings`` writes it, with the verdicts kept in ``docs/found``, into ``docs/questions.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from predictions import findings
from predictions import multiplicity as family
from predictions.registry import find
from predictions.verdicts import Verdict, VerdictOutcome


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        question: As a reader asks it.
        answer: What is to be said of it, without numbers, which verdicts bring along.
        rests_on: The predictions whose verdicts answer it, with what each says by its own rule at
            the quick size: with another verdict, another answer is to be written.
    """

    question: str
    answer: str
    rests_on: Mapping[str, VerdictOutcome]


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Why is one operation never learned? Would more steps do it, or nothing?",
        "a³ + ab² + b was learned on no part of its table within the steps of the first "
        "study, there or here. Whether that is time or its critical size lying beyond its "
        "table is not decided: a network has to compute it before it can be asked how few "
        "examples keep it, and on the whole table it may know all by heart instead. How hard "
        "an operation is, as the norm that its circuit needs, has not been measured against "
        "its number of terms.",
        {
            "operations": "supported",
        },
    ),
    Question(
        "Does a network fall out of generalisation by itself?",
        "Not on the examples on which it came to generalise, with weight decay or without, as "
        "long as was looked. It does on fewer: that is ungrokking.",
        {
            "staying-grokked": "supported",
            "anti-grokking": "refuted",
            "ungrokking": "supported",
        },
    ),
    Question(
        "Does it take weight decay?",
        "Where data are limited, within the steps that were given, yes, or something that "
        "limits weights in its place. Where nearly all of a table of 59 is trained on, no. "
        "Orthogonal gradients do it without decay; another loss or more digits alone did not.",
        {
            "limited-without-decay": "supported",
            "plentiful-without-decay": "supported",
            "nothing-instead": "supported",
            "orthogonal-scratch": "supported",
            "exact-loss": "refuted",
            "stablemax-scratch": "refuted",
        },
    ),
    Question(
        "What other constraint than decay makes a network ungrok, and at the same size?",
        "A norm that is held, gradients orthogonal to the weights, and StableMax: each of "
        "them, on average at sizes near decay's, though two of the four are open at 5% among "
        "all that is tested there. Nothing at all in its place does not.",
        {
            "held-norm-size": "supported",
            "orthogonal-gradient-size": "supported",
            "orthogonal-gradients-size": "supported",
            "stablemax-size": "supported",
            "nothing-instead": "supported",
        },
    ),
    Question(
        "Is it decay of AdamW's kind that does it, or any penalty on the norm?",
        "Any of two: gradient descent with an L2 penalty, whose resting points are those of "
        "the theory, ungroks as well. Whether at one size whatever the penalty is open.",
        {
            "gradient-descent": "supported",
            "gradient-descent-decay": "undecided",
        },
    ),
    Question(
        "Does a larger table take longer?",
        "No: at the same part of the table a larger one takes fewer steps.",
        {
            "table-size": "refuted",
        },
    ),
    Question(
        "Does it need operations that are symmetric?",
        "No: subtraction is learned too. A symmetric operation seems to need less of its "
        "table, half of which says the rest.",
        {
            "operations": "supported",
            "plentiful-without-decay": "supported",
        },
    ),
    Question(
        "Is it something of tables alone?",
        "No. Induction, learned on sequences without end, is unlearned where a few of them "
        "and weight decay come together, and hardly by one of the two alone. That skip "
        "trigrams grok on few is open.",
        {
            "skip-trigrams-delay": "undecided",
            "induction-ungrokking": "supported",
        },
    ),
    Question(
        "Can one see it coming?",
        "One can see that it was under way: by the frequencies of a network's end its loss "
        "has fallen, and that without them risen, long before its test loss is half of "
        "chance. Which they will be is read off the end: nothing is foretold here.",
        {
            "restricted-leads": "supported",
            "excluded-rises": "supported",
        },
    ),
    Question(
        "Can the critical size be foretold?",
        "In the mean, nearly, from norms alone; for which network it is larger, not so far.",
        {
            "critical-size-ratio": "undecided",
            "critical-size-association": "undecided",
            "critical-size-identity": "undecided",
        },
    ),
)

MARKS = ("<!-- questions: begin -->", "<!-- questions: end -->")


def answers(kept: Sequence[Sequence[Verdict]]) -> str:
    """Return all questions in Markdown, with what was found of each.

    Args:
        kept: Verdicts of whole groups, each at a size.
    """
    parts = (
        f"## {one.question}\n\n{one.answer}\n\n{told(one.rests_on, kept)}" for one in QUESTIONS
    )
    return "\n\n".join(parts)


def told(names: Iterable[str], kept: Sequence[Sequence[Verdict]]) -> str:
    """Return what was found of predictions as a list in Markdown, a line for each size.

    Args:
        names: The predictions.
        kept: Verdicts of whole groups, each at a size.
    """
    found, lines = findings.by_name(kept), []
    for name in names:
        there = found.get(find(name).name, [])
        lines += [_line(row, verdict) for row, verdict in there]
        if not there:
            lines.append(f"- `{name}`: no verdict is kept.")
    return "\n".join(lines)


def _line(row: family.Row, verdict: Verdict) -> str:
    alone = "" if row.alone == row.outcome else f", alone {row.alone}"
    return f"- `{row.name}` ({verdict.size}): **{row.outcome}**{alone}. {verdict.sentence}"


def main(document: Path, *kept: Path) -> None:
    """Write the answers between their marks in a document."""
    findings.rewrite(document, kept, MARKS, answers)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
