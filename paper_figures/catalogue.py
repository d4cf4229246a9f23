"""Every figure of the papers by name."""

from __future__ import annotations

import importlib
import pkgutil

from efficiency.errors import InvalidInputError, did_you_mean
from paper_figures import (
    belkin2019,
    liu2022,
    nakkiran2020,
    nanda2023,
    power2022,
    prieto2025,
    varma2023,
)
from paper_figures.base import PaperFigure

_ROOMS = (varma2023, power2022, liu2022, nanda2023, belkin2019, nakkiran2020, prieto2025)

FIGURES: dict[str, PaperFigure] = {
    figure.name: figure
    for room in _ROOMS
    for module in sorted(module.name for module in pkgutil.iter_modules(room.__path__))
    for figure in [importlib.import_module(f"{room.__name__}.{module}").FIGURE]
}
"""The ten of Varma et al. (2023), the first three of Power et al. (2022), and some of each study of
another system, which are theirs in what they show and not one by one."""


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
