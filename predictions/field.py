"""What published work claims about when and why networks generalise, and what tests it here.

``make findings`` writes it, with the verdicts kept in ``docs/found``, into ``docs/claims.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from predictions import findings
from predictions import multiplicity as family
from predictions.registry import find
from predictions.verdicts import Verdict


@dataclass(frozen=True)
class Published:
    """A claim of somebody's.

    Attributes:
        claim: What is said, in a sentence of ours.
        source: Who says it, and where.
        tested_by: Names of the predictions here that test it; none if nothing does yet.
        reread: Whether it was read again in the source for this list; else it is from memory.
    """

    claim: str
    source: str
    tested_by: tuple[str, ...] = ()
    reread: bool = True


POWER = "Power et al. 2022, *Grokking*"
VARMA = "Varma et al. 2023, *Explaining grokking through circuit efficiency*"
LIU = "Liu et al. 2022, *Towards understanding grokking*"
NANDA = "Nanda et al. 2023, *Progress measures for grokking via mechanistic interpretability*"
PHASE = "Nanda & Lieberum 2022, *A mechanistic interpretability analysis of grokking*"
PRIETO = "Prieto et al. 2025, *Grokking at the edge of numerical stability*"
NAKKIRAN = "Nakkiran et al. 2020, *Deep double descent*"
BELKIN = "Belkin et al. 2019, *Reconciling modern machine-learning practice*"
READERS = "Questions of readers"

PUBLISHED: tuple[Published, ...] = (
    Published(
        "Networks generalise long after they fit.", POWER, ("delayed-generalisation", "grokking")
    ),
    Published(
        "The less data, the longer it takes, steeply near a smallest part of the table.",
        POWER,
        ("data-fraction",),
    ),
    Published("Weight decay is the intervention that helps most.", POWER, ("interventions",)),
    Published(
        "Symmetric operations need less data; a³ + ab² + b is not learned at all.",
        POWER,
        ("operations",),
    ),
    Published("A few wrong answers are tolerated, many are not.", POWER, ("label-noise",)),
    Published("Embeddings show the structure of the operation.", POWER, ("learned-structure",)),
    Published("Networks in flatter minima generalise.", POWER, ("sharpness",)),
    Published("Networks that have generalised stay so.", READERS, ("staying-grokked",)),
    Published("A larger table takes longer.", READERS, ("table-size",)),
    Published(
        "Two circuits, one more efficient and one faster, suffice for grokking.",
        VARMA,
        ("minimal-example",),
    ),
    Published(
        "The norm that memorising needs grows with D, that of generalising does not.",
        VARMA,
        ("efficiency",),
    ),
    Published(
        "Below a critical size a network that has generalised falls back: ungrokking.",
        VARMA,
        ("ungrokking", "comes-to-rest", "gradient-descent"),
    ),
    Published(
        "The critical size does not depend on weight decay, the speed does.",
        VARMA,
        ("weight-decay", "equal-steps", "gradient-descent-decay"),
    ),
    Published(
        "Near the critical size networks come late to partial accuracy: semi-grokking.",
        VARMA,
        ("semi-grokking",),
    ),
    Published(
        "Generalising is learned more slowly, and then takes the place of memorising.",
        VARMA,
        ("memory-first", "memory-gives-way", "larger-part"),
    ),
    Published("Sharing weight among circuits does not pay: one takes all.", VARMA, ("sharing",)),
    Published(
        "The critical size is where both circuits are equally efficient, in each network.",
        f"{VARMA}; as a forecast, ours",
        (
            "critical-size-ratio",
            "critical-size-association",
            "critical-size-identity",
            "critical-size-coverage",
        ),
    ),
    Published(
        "Decay is what makes networks forget.",
        f"{VARMA}; as a control, ours",
        ("without-decay", "small-epsilon", "nothing-instead", "epsilon-size"),
    ),
    Published(
        "Whatever else limits the norm makes networks ungrok too, at the same size.",
        f"{VARMA}; tested first here",
        (
            *("held-norm", "held-norm-size", "orthogonal-gradient", "orthogonal-gradient-size"),
            *("orthogonal-gradients", "orthogonal-gradients-size", "stablemax", "stablemax-size"),
        ),
    ),
    Published(
        "Networks that have generalised collapse late without weight decay.",
        "Prakash & Martin 2025, *Grokking and generalization collapse*",
        ("anti-grokking",),
        reread=False,
    ),
    Published(
        "A representation is found from as many examples on as leave no other.",
        LIU,
        ("critical-part", "structure-determined"),
    ),
    Published(
        "How long that takes follows from an effective theory of embeddings alone.",
        LIU,
        ("effective-time",),
    ),
    Published("Learning rate and decay of the decoder lead to four phases.", LIU, ("four-phases",)),
    Published(
        "No relation of examples pulls at a representation that is there.",
        f"{LIU}; against efficiency, ours",
        ("structure-kept", "structure-size"),
    ),
    Published(
        "Grokking comes from too large an initial norm; at the right norm there is none.",
        "Liu et al. 2023, *Omnigrok*",
        reread=False,
    ),
    Published(
        "Before test loss falls, the loss of a few frequencies alone does, and the loss without "
        "them rises.",
        NANDA,
        ("restricted-leads", "excluded-rises"),
    ),
    Published("Networks add modulo p by sines and cosines of few frequencies.", NANDA),
    Published(
        "With plentiful data the same phase change needs no regularisation, and has no delay.",
        PHASE,
        ("plentiful-together", "plentiful-without-decay", "skip-trigrams-fall"),
    ),
    Published(
        "Grokking is a phase change with limited data and regularisation.",
        PHASE,
        ("delay-grows", "limited-without-decay", "skip-trigrams-delay"),
    ),
    Published(
        "Each digit of a sum is a phase change of its own.",
        PHASE,
        ("digits-fall", "digits-apart"),
    ),
    Published(
        "Two layers form induction heads in a phase change, one does not.",
        f"{PHASE}; Olsson et al. 2022, *In-context learning and induction heads*",
        ("induction-depth", "induction-fall"),
    ),
    Published(
        "Circuits of sequences ungrok too, by decay and few examples together.",
        "Ours, of circuit efficiency",
        ("induction-ungrokking",),
    ),
    Published(
        "Below which size networks unlearn sequences is a matter of how many facts these hold.",
        "Ours, of circuit efficiency",
        ("induction-facts", "induction-facts-not-sequences"),
    ),
    Published(
        "Without decay the float32 softmax collapses, and that is why networks do not grok.",
        PRIETO,
        ("softmax-collapse", "exact-loss", "stablemax-scratch"),
    ),
    Published(
        "Gradients orthogonal to the weights bring generalising back, and sooner.",
        PRIETO,
        ("orthogonal-scratch", "orthogonal-sooner"),
    ),
    Published(
        "Test loss peaks where there are as many random features as examples, and the norm with "
        "it.",
        BELKIN,
        ("features-peak", "features-norm"),
        reread=False,
    ),
    Published(
        "Test loss (here cross-entropy) peaks near the width that just fits.",
        NAKKIRAN,
        ("width-peak",),
    ),
    Published("More data can hurt, at most where it just fits.", NAKKIRAN, ("examples-peak",)),
    Published(
        "Test error falls twice while a (residual; here small) network is trained.",
        NAKKIRAN,
        ("epochs-peak",),
    ),
    Published(
        "Optimal regularisation removes double descent.",
        "Nakkiran et al. 2021, *Optimal regularization can mitigate double descent*",
        ("features-decay", "width-decay"),
        reread=False,
    ),
    Published(
        "The norm of what memorises peaks where test loss does.",
        "Ours, of circuit efficiency",
        ("width-norm", "examples-norm"),
    ),
    Published(
        "With noise there are two peaks over examples, at inputs and at parameters.",
        "d'Ascoli et al. 2020, *Triple descent and the two kinds of overfitting*",
    ),
    Published(
        "The critical size depends on the width of a network (here: grows with it).",
        "Huang et al. 2024, *Unified view of grokking, double descent and emergent abilities*",
        ("threshold-width",),
        reread=False,
    ),
    Published(
        "Grokking and double descent are patterns learned at different speeds.",
        "Davies et al. 2023, *Unifying grokking and double descent*",
        reread=False,
    ),
    Published(
        "Grokking comes with instabilities of adaptive optimisers late in training (slingshots).",
        "Thilak et al. 2022, *The slingshot mechanism*",
        reread=False,
    ),
    Published(
        "Grokking is the transition from lazy to feature learning.",
        "Kumar et al. 2024, *Grokking as the transition from lazy to rich training dynamics*",
        reread=False,
    ),
    Published(
        "Early and late phases have implicit biases of their own, and theirs make the delay.",
        "Lyu et al. 2024, *Dichotomy of early and late phase implicit biases*",
        reread=False,
    ),
    Published(
        "A dense subnetwork memorises and a sparse one generalises.",
        "Merrill et al. 2023, *A tale of two circuits*",
        reread=False,
    ),
    Published(
        "Hidden progress on parities precedes the fall of the loss.",
        "Barak et al. 2022, *Hidden progress in deep learning*",
        reread=False,
    ),
    Published(
        "Networks add modulo p in more than one way.",
        "Zhong et al. 2023, *The clock and the pizza*",
        reread=False,
    ),
    Published(
        "Networks learn a group by its irreducible representations.",
        "Chughtai et al. 2023, *A toy model of universality*",
        reread=False,
    ),
    Published(
        "Linear estimators and Gaussian processes grok too.",
        "Levi et al. 2024, *Grokking in linear estimators*; Miller et al. 2024, *Grokking beyond "
        "neural networks*",
        reread=False,
    ),
    Published(
        "Amplifying slow parts of gradients shortens the delay.",
        "Lee et al. 2024, *Grokfast*",
        reread=False,
    ),
    Published(
        "Grokking is a phase transition of first order.",
        "Rubin et al. 2024, *Grokking as a first order phase transition*",
        reread=False,
    ),
    Published(
        "Transformers reason implicitly over facts only after grokking.",
        "Wang et al. 2024, *Grokked transformers are implicit reasoners*",
        reread=False,
    ),
)

MARKS = ("<!-- claims: begin -->", "<!-- claims: end -->")


def table(kept: Sequence[Sequence[Verdict]]) -> str:
    """Return all published claims as a Markdown table, with the verdicts that are kept.

    Args:
        kept: Verdicts of whole groups, each at a size.
    """
    found = findings.by_name(kept)
    lines = ["| claim | source | tested by | found |", "| --- | --- | --- | --- |"]
    for one in PUBLISHED:
        names = [find(name).name for name in one.tested_by]
        told = "<br>".join(
            ", ".join(map(_told, found.get(name, []))) or "not kept" for name in names
        )
        shown, mark = "<br>".join(f"`{name}`" for name in names), "" if one.reread else " °"
        lines.append(f"| {one.claim} | {one.source}{mark} | {shown or '–'} | {told or 'not yet'} |")
    return "\n".join(lines)


def _told(of_size: tuple[family.Row, Verdict]) -> str:
    row, verdict = of_size
    alone = "" if row.alone == row.outcome else f"; alone {row.alone}"
    return f"{row.outcome} ({verdict.size}{alone})"


def main(document: Path, *kept: Path) -> None:
    """Write the table between its marks in a document."""
    findings.rewrite(document, kept, MARKS, table)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
