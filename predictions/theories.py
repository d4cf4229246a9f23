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
            EFFICIENCY: "yes, below a critical size, with weight decay; without decay nothing "
            "makes it choose",
            REPRESENTATION: "nothing was said; its effective theory of embeddings has no force on "
            "a structure that answers every example (our reading)",
        },
        "With decay, yes, in networks and in the toy in which the other theory was written. "
        "Without, networks keep most of it as long as Adam's usual ε stops them early, and lose "
        "some of it with a smaller ε; in the toy all of it is kept. The effective theory of "
        "embeddings leaves decay out: as far as it was to say what becomes of a structure under "
        "decay, it fails.",
        {
            "ungrokking": "supported",
            "without-decay": "supported",
            "nothing-instead": "supported",
            "structure-kept": "refuted",
            "structure-size": "supported",
        },
    ),
    Difference(
        "How few examples?",
        {
            EFFICIENCY: "as many as make both circuits cost the same norm, in each network (as a "
            "forecast for each, our reading)",
            REPRESENTATION: "from scratch, as many as leave no other structure; of forgetting "
            "nothing was said",
        },
        "In the toy networks forget about where examples leave no other structure, alone; learned "
        "from scratch that structure takes half as many examples again, against the theory it is "
        "of. Networks forget, in the mean, near where both circuits cost the same; among all "
        "claims that, too, is open, and seed by seed it is open altogether.",
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
        {
            EFFICIENCY: "by its appendix D.4 one takes all if κ is above 2, and all have a share "
            "if it is below; κ of networks is not known",
        },
        "On few examples most of the logit is Mem's and on many Gen's. Whether networks that keep "
        "a part of their accuracy need less norm than the cheaper circuit is open: alone, the "
        "claim that they do not share was refuted at one size, and among all claims it is not.",
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
            EFFICIENCY: "not if Gen is learned before Mem has fitted so many examples (our "
            "reading); its authors ask that Gen be the slower one",
            PHASES: "no: one phase change for training and test examples",
        },
        "Hardly any on nearly all of the table, and the smaller the part the longer it is.",
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
        "digits or another softmax alone, never within the 12,000 steps that they were given, of "
        "which its authors give 80,000; the softmax of the usual kind does collapse.",
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
            EFFICIENCY: "whatever holds the norm does, at the same size (our reading); of a loss "
            "that lets it grow nothing was said",
            STABILITY: "of forgetting nothing was said",
        },
        "A norm that is held and both orthogonal gradients do, in the mean within a quarter of "
        "decay's size, two of the three open among all claims for how networks are ordered. So "
        "does StableMax, under which norms grow thirteenfold: that nothing holds the norm and "
        "networks forget all the same, the theory does not explain. All of it with an ε of 1e-20.",
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
            DESCENT: "the norm of the coefficients, shown of random features (Belkin et al., "
            "Figure 2); the peak is where examples are just fitted",
        },
        "Of random features the norm is largest where the loss is, as both say: no evidence for "
        "one of them. Over width the loss peaks near where networks just fit, and the norm near "
        "there, after which it hardly falls; among all claims the latter is open. Over examples "
        "both are open. Over training time test error rises and does not fall again in 10,000 "
        "steps.",
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
            PHASES: "no: induction and the digits of a sum change phase too, each digit on its own",
        },
        "Induction is learned in a phase change, with two layers and not with one, and is "
        "unlearned on few sequences with decay. After 1,600 steps the size is nearer to equal "
        "facts than to equal sequences, whether steps take equal facts or equal sequences; with "
        "the latter it is open whether it is within a quarter of equal facts, and the ratio was "
        "still moving towards sequences. Of two-digit sums the ones fall in a phase change and the "
        "leading digit does not; of five digits, at the size of the source, they are [apart]"
        "(found/phase-changes/five-digits.json).",
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
