"""Every figure of the papers by name."""

from __future__ import annotations

from efficiency.errors import InvalidInputError, did_you_mean
from paper_figures import (
    power_01,
    power_02,
    power_03,
    varma_01,
    varma_02,
    varma_03,
    varma_04,
    varma_05,
    varma_06,
    varma_07,
    varma_08,
    varma_09,
    varma_10,
)
from paper_figures.base import PaperFigure

_MODULES = (
    *(varma_01, varma_02, varma_03, varma_04, varma_05),
    *(varma_06, varma_07, varma_08, varma_09, varma_10),
    *(power_01, power_02, power_03),
)

FIGURES: dict[str, PaperFigure] = {module.FIGURE.name: module.FIGURE for module in _MODULES}
"""The ten of Varma et al. (2023) and the first three of Power et al. (2022)."""


def select(names: tuple[str, ...]) -> list[PaperFigure]:
    """Return the named figures in their order, each once; all if none is named.

    Raises:
        ValueError: A name is not known.
    """
    for name in names:
        if name not in FIGURES:
            hint = did_you_mean(name, FIGURES)
            raise InvalidInputError(
                f"unknown figure {name!r}; {hint}choose from {', '.join(FIGURES)}"
            )
    return [FIGURES[name] for name in dict.fromkeys(names or tuple(FIGURES))]
