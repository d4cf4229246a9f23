"""What commands are asked: predictions by name, and what is asked of them."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from efficiency.errors import InvalidInputError
from predictions.cli.options import Asked
from predictions.sizes import Size

if TYPE_CHECKING:
    from predictions.protocol import Prediction
    from predictions.variants import Variant

DEFAULT_SIZE: Size = "quick"


def print_json(value: object) -> None:
    """Print JSON on standard output."""
    print(json_module.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def groups() -> tuple[str, ...]:
    """Return the names of all groups."""
    from predictions.groups import GROUPS

    return tuple(GROUPS)


def the_theory() -> tuple[str, ...]:
    """Return what is taken where nothing is named, and say so."""
    first, *others = groups()
    there = ", ".join(others)
    print(f"none was named: these are all of the theory; there are also {there}", file=sys.stderr)
    return (first,)


def chosen_of(
    names: tuple[str, ...], asked: Asked, size: Size | None
) -> tuple[list[Prediction], Size]:
    """Return the predictions that were named, as they are asked, and the size."""
    variant = variant_of(asked)
    size = size_of(size, variant) or DEFAULT_SIZE
    return selected(names, variant, size), size


def warn_of_no_effect(chosen: Sequence[Prediction]) -> None:
    """Say what of a design file changes nothing of the predictions that were asked."""
    from predictions.design_effects import without_effect

    file = chosen[0].variant.design
    if file is not None and (idle := without_effect(file, chosen)):
        names = ", ".join(one.name for one in chosen)
        print(
            f"warning: {', '.join(idle)} in {file.path} changes no run of {names}", file=sys.stderr
        )


def variant_of(asked: Asked) -> Variant:
    """Return what differs from the design of a size."""
    from predictions import design_files, given
    from predictions.variants import Variant

    design = None if asked.design is None else design_files.read(asked.design)
    start = tuple(given.read(path) for path in asked.start)
    return Variant(**{**vars(asked), "design": design, "start": start})


def size_of(size: Size | None, variant: Variant) -> Size | None:
    """Return the size that was asked for, by itself or by a design file."""
    if variant.design is None:
        return size
    of_file = variant.design.size
    if size not in (None, of_file):
        raise InvalidInputError(
            f"--size {size} beside --design {variant.design.path}, which is of the size {of_file}; "
            "leave out --size"
        )
    return of_file


def selected(names: tuple[str, ...], variant: Variant, size: Size | None) -> list[Prediction]:
    """Return the predictions of these names, see ``registry.select``."""
    from predictions.groups import GROUPS
    from predictions.registry import select

    if not names:
        raise InvalidInputError(
            f"name a prediction; predictions list has all, in the groups {', '.join(GROUPS)}"
        )
    return select(names, variant, size)
