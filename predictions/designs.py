"""Parts of designs: what a size has, and what a design file has instead.

A part belongs to one kind of runs and may serve several claims: grokking and semi-grokking read the
same networks from scratch. Whoever makes runs asks the part for its values *on a ground*, and gets
those of the size or of the file without knowing which.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, final

from pydantic import Field, PositiveFloat, PositiveInt

from efficiency.errors import InvalidInputError
from predictions.design_files import DesignFile, instead
from predictions.grounds import GROUNDS, Ground
from predictions.sizes import Size

D = TypeVar("D")

DatasetSizes = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
"""D or D', rising."""

MOST_OF_TABLE = 0.9
"""Largest part of a table that a design file trains on: the rest is to be judged by."""

WeightDecays = Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
"""λ."""


@final
@dataclass(frozen=True, eq=False)
class Part(Generic[D]):
    """A part of designs, a value of one dataclass for each size.

    Fields whose name ends in ``sizes`` hold dataset sizes of the table that its ground has.

    Attributes:
        name: The name of its table in a design file.
        by_size: What each size has.
    """

    name: str
    by_size: Mapping[Size, D]

    def __getitem__(self, size: Size) -> D:
        """Return what a size has."""
        return self.by_size[size]

    def on(self, ground: Ground) -> D:
        """Return what the size of a ground has, or its design file.

        Raises:
            InvalidInputError: The file has what such a part has not, or nothing where it must.
        """
        usual = self[ground.size]
        return usual if ground.file is None else _instead(self, ground.file, ground)

    def table(self, ground: Ground) -> dict[str, Any]:
        """Return the same as JSON types."""
        value: Any = self.on(ground)
        return {
            field.name: list(one) if isinstance(one := getattr(value, field.name), tuple) else one
            for field in dataclasses.fields(value)
        }


@functools.lru_cache(maxsize=256)
def _instead(part: Part[D], file: DesignFile, ground: Ground) -> D:
    usual: Any = part[ground.size]
    given = file.tables.get(part.name, {})
    names = [field.name for field in dataclasses.fields(usual)]
    sizes = [name for name in names if name.endswith("sizes")]
    missing = [name for name in sizes if name not in given and getattr(usual, name)]
    if missing and ground.task != GROUNDS[ground.size].task:
        raise InvalidInputError(
            f"{file.path}: [{part.name}] has no {', '.join(missing)}, and those of the size "
            f"{ground.size} are of another table; say which to take among {ground.num_pairs:,} "
            "pairs"
        )
    changed: D = instead(file.path, part.name, usual, given)
    for name in sizes:
        if name in given:
            _require_dataset_sizes(file.path, part.name, name, given[name], ground.num_pairs)
    for name in (one for one in names if one.endswith("decays") and one in given):
        if len(set(given[name])) < len(given[name]):
            raise InvalidInputError(f"{file.path}: [{part.name}] {name} has a value twice")
    return changed


def _require_dataset_sizes(
    path: str, table: str, name: str, sizes: Sequence[int], num_pairs: int
) -> None:
    most = int(MOST_OF_TABLE * num_pairs)
    if any(not 1 <= D <= most for D in sizes) or list(sizes) != sorted(set(sizes)):
        raise InvalidInputError(
            f"{path}: [{table}] {name} = {list(sizes)}; give them in rising order, each once, from "
            f"1 to {most:,}: {MOST_OF_TABLE:.0%} of the {num_pairs:,} pairs of the table, so that "
            "something is left to be judged by"
        )
