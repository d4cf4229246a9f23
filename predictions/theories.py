"""The theories side by side: where two of them say different things, and what was found.

``make findings`` writes it, with the verdicts kept in ``docs/found``, into ``docs/theories.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from predictions import findings
from predictions.questions import told
from predictions.verdicts import Verdict, VerdictOutcome

EFFICIENCY = "circuit efficiency"
REPRESENTATION = "representation"
PHASES = "phase changes"
STABILITY = "numerical stability"
DESCENT = "double descent"

THEORIES: Mapping[str, str] = {
    EFFICIENCY: "Varma et al. 2023: of two circuits that fit, training with weight decay keeps the "
    "one that gives more logit for its norm; what memorises needs more norm for more examples.",
    REPRESENTATION: "Liu et al. 2022: equal answers pull embeddings into a structure from which "
    "test examples follow; enough examples leave no other structure.",
    PHASES: "Nanda & Lieberum 2022: learning a circuit is a phase change; regularisation and "
    "limited data are what sets test loss apart from training loss.",
    STABILITY: "Prieto et al. 2025: without decay, rounding in the softmax stops training and "
    "gradients only scale the logits; what prevents either lets networks generalise.",
    DESCENT: "Belkin et al. 2019, Nakkiran et al. 2020: test loss is highest where a network just "
    "fits its examples.",
}
"""Each theory in a sentence of ours, with who holds it."""


@dataclass(frozen=True)
class Difference:
    """A question to which theories have different answers, or only one has any.

    Attributes:
        question: What is asked of networks.
        says: What a theory says, in a few words; one that is left out does not say.
        found: What is to be said of it, without numbers, which verdicts bring along.
        rests_on: The predictions whose verdicts answer it, with what each says by its own rule at
            the quick size: with another verdict, another answer is to be written.
    """

    question: str
    says: Mapping[str, str]
    found: str
    rests_on: Mapping[str, VerdictOutcome]


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "Does a network that generalises forget how, trained on fewer examples?",
        {
            EFFICIENCY: "yes, below a critical size, and only with something that limits the norm",
            REPRESENTATION: "no: nothing pulls at a structure that answers every example",
        },
        "Yes, with decay, in networks and in the toy in which the other theory was written; hardly "
        "without. In the toy without decay nothing is lost either, as both say. The theory of "
        "representations leaves out what decay does: in that it is refuted.",
        {
            "ungrokking": "supported",
            "without-decay": "supported",
            "structure-kept": "refuted",
            "structure-size": "supported",
        },
    ),
    Difference(
        "How few examples?",
        {
            EFFICIENCY: "as many as make both circuits cost the same norm, in each network",
            REPRESENTATION: "as many as leave no other structure, if any",
        },
        "In the toy, about where examples leave no other structure, which is the other theory's "
        "number for a phenomenon that it excludes. In networks, in the mean near where both "
        "circuits cost the same; seed by seed that is open.",
        {
            "structure-determined": "supported",
            "critical-part": "refuted",
            "critical-size-ratio": "undecided",
            "critical-size-association": "undecided",
        },
    ),
    Difference(
        "Does it depend on how strong the decay is?",
        {EFFICIENCY: "the speed does, the size does not"},
        "Not where training is longer for weaker decay. At equally many steps it is open, and so "
        "it is for two penalties of gradient descent, which has not come to rest.",
        {
            "weight-decay": "supported",
            "equal-steps": "undecided",
            "gradient-descent-decay": "undecided",
        },
    ),
    Difference(
        "Between both, does a network have some of either circuit?",
        {EFFICIENCY: "no, if sharing costs norm (its appendix D.4, κ above 2): one takes all"},
        "Networks that keep a part of their accuracy need about as much norm as the cheaper "
        "circuit: sharing does not cost what it should. Over dataset sizes the share of the "
        "logit passes smoothly from one circuit to the other.",
        {"sharing": "refuted", "larger-part": "supported"},
    ),
    Difference(
        "Is generalising under way while test loss stands still?",
        {
            EFFICIENCY: "yes: it is the slower circuit, and takes the place of the faster",
            PHASES: "yes: the circuit forms before memorising is cleaned up",
        },
        "Yes. Here they agree, and nothing in these verdicts sets them apart.",
        {
            "restricted-leads": "supported",
            "excluded-rises": "supported",
            "memory-first": "supported",
            "memory-gives-way": "supported",
        },
    ),
    Difference(
        "Is there a delay where data are plentiful?",
        {
            EFFICIENCY: "no: memorising so many examples costs more than generalising",
            PHASES: "no: one phase change for training and test examples",
        },
        "Hardly any on nearly all of the table, and the smaller the part the longer it is. Here "
        "they agree too.",
        {"plentiful-together": "supported", "delay-grows": "supported"},
    ),
    Difference(
        "Can a network generalise from little data without weight decay?",
        {
            EFFICIENCY: "not explained: its authors call the theory incomplete there",
            PHASES: "no: it takes regularisation",
            STABILITY: "yes, with a softmax that does not round, or gradients that do not scale",
        },
        "With gradients orthogonal to the weights, always, and sooner than with decay. With more "
        "digits or another softmax alone, never within the steps that they were given, although "
        "the softmax of the usual kind does collapse: half of that theory.",
        {
            "limited-without-decay": "supported",
            "softmax-collapse": "supported",
            "exact-loss": "refuted",
            "stablemax-scratch": "refuted",
            "orthogonal-scratch": "supported",
            "orthogonal-sooner": "supported",
        },
    ),
    Difference(
        "Does something other than decay make networks forget, and at the same size?",
        {
            EFFICIENCY: "yes, at the same size, whatever limits the norm",
            STABILITY: "not said; it names what limits the norm without decay",
        },
        "Yes: a norm that is held, both orthogonal gradients and StableMax do, in the mean near "
        "decay's size.",
        {
            "held-norm-size": "supported",
            "orthogonal-gradient-size": "supported",
            "orthogonal-gradients-size": "supported",
            "stablemax-size": "supported",
        },
    ),
    Difference(
        "What is largest where test loss peaks?",
        {
            EFFICIENCY: "the norm that the margin costs (our reading)",
            DESCENT: "nothing said of norms; the peak is where examples are just fitted",
        },
        "Both hold over the number of random features and over width. Over the number of examples "
        "both are open, and over training time networks of this size have no peak. After its peak "
        "over width the norm hardly falls.",
        {
            "features-peak": "supported",
            "features-norm": "supported",
            "width-peak": "supported",
            "width-norm": "supported",
            "examples-peak": "undecided",
            "examples-norm": "undecided",
            "epochs-peak": "refuted",
        },
    ),
    Difference(
        "Is it of tables alone, and what is counted?",
        {
            EFFICIENCY: "no; facts to be memorised, however they are split into examples (our "
            "reading)",
            PHASES: "no: induction and digits change phase too",
        },
        "Induction is learned in a phase change, with two layers and not with one, and is "
        "unlearned on few sequences with decay. The size is nearer to equal facts than to equal "
        "sequences, and not within the margin of equal facts; networks had not come to rest. "
        "Digits change phase at once here and not each on its own, and 700 examples are open.",
        {
            "induction-depth": "supported",
            "induction-fall": "supported",
            "induction-ungrokking": "supported",
            "induction-facts": "undecided",
            "induction-facts-not-sequences": "supported",
            "digits-fall": "refuted",
            "digits-apart": "refuted",
        },
    ),
)

MARKS = ("<!-- theories: begin -->", "<!-- theories: end -->")


def comparison(kept: Sequence[Sequence[Verdict]]) -> str:
    """Return all differences in Markdown, with what was found of each.

    Args:
        kept: Verdicts of whole groups, each at a size.
    """
    parts = ["\n".join(f"- **{name}**: {text}" for name, text in THEORIES.items())]
    for one in DIFFERENCES:
        said = ["| theory | says |", "| --- | --- |"]
        said += [f"| {name} | {one.says[name]} |" for name in THEORIES if name in one.says]
        parts += [f"## {one.question}", "\n".join(said), one.found, told(one.rests_on, kept)]
    return "\n\n".join(parts)


def main(document: Path, *kept: Path) -> None:
    """Write the comparison between its marks in a document."""
    findings.rewrite(document, kept, MARKS, comparison)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
