"""Options of the command line that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from efficiency.errors import InvalidInputError
from predictions.sizes import Size

SizeOrDesign = Annotated[
    Size | None,
    Parameter(help="How large an experiment; default: quick, or the design file's."),
]


def whole_number(kind: object, tokens: Sequence[Token]) -> int:
    """Convert to an integer and never round."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise InvalidInputError(f"{tokens[0].value!r} is not a whole number") from None


def folder(kind: object, tokens: Sequence[Token]) -> Path:
    """Convert to a path; an empty one is an unset variable, not the current folder."""
    if not tokens[0].value:
        raise InvalidInputError("the name of a folder is empty; give one")
    return Path(tokens[0].value)


def folders(kind: object, tokens: Sequence[Token]) -> tuple[Path, ...]:
    """Convert to paths, none of them empty."""
    return tuple(folder(kind, [token]) for token in tokens)


SeedsOption = Annotated[
    int | None,
    Parameter(
        help="Independent networks; default: as many as the design fixes.", converter=whole_number
    ),
]
StoreOption = Annotated[Path, Parameter(help="Folder of finished runs.", converter=folder)]
OutOption = Annotated[Path, Parameter(help="Folder for reports.", converter=folder)]
EngineOption = Annotated[
    str,
    Parameter(
        help="What trains: auto, the first that can; compiled or layered, compiled code on a CPU "
        "for one layer or for any network written down as layers; stacked, batched tensor "
        "operations; exact, what is solved and not trained; or module:Engine of one's own."
    ),
]
JsonOption = Annotated[bool, Parameter(negative=(), help="Print JSON on standard output.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a prediction is asked of, if not of what its size has: options of every command."""

    operation: Annotated[
        str | None,
        Parameter(
            help="Another operation than the design's, see `predictions table`, or module:function "
            "of one's own."
        ),
    ] = None
    operation_size: Annotated[
        int | None,
        Parameter(help="Its modulus, or n of Sₙ; default: the design's.", converter=whole_number),
    ] = None
    network: Annotated[
        str | None,
        Parameter(
            help="Another network than the design's one-layer transformer, as wide: two-layer, "
            "mlp, or module:Network of one's own."
        ),
    ] = None
    first_seed: Annotated[
        int | None,
        Parameter(
            help="The first seed, 1000 … 3000 or from 5000 on, which share none with those of the "
            "designs from 4000 on: a replication.",
            converter=whole_number,
        ),
    ] = None
    design: Annotated[
        Path | None,
        Parameter(
            help="A file with a design of one's own; `show NAME --toml` prints one to begin with.",
            converter=folder,
        ),
    ] = None
    start: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Weights of a start network that was trained elsewhere, one option for each: "
            "weights.safetensors of a run, or the state of a one-layer transformer of "
            "TransformerLens or Nanda et al. (2023).",
            converter=folders,
        ),
    ] = ()


AS_DESIGNED = Asked()
