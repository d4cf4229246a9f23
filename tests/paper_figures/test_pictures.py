"""A few figures as pictures, against those that someone has looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.testing.compare import compare_images

from paper_figures.catalogue import FIGURES
from paper_figures.files import as_bytes
from tests.paper_figures.planted_source import source

SEEN = Path(__file__).parent / "pictures"
TOLERANCE = 2.0
"""Root mean square of the difference, of 255; a curve moved by its width is above 3."""


@pytest.mark.parametrize("name", ["figure-02", "figure-04", "figure-05"])
def test_a_picture_is_the_one_that_was_looked_at(tmp_path, name):
    figure = FIGURES[name]
    drawn = figure.draw(figure.evidence(source(tmp_path / "store")))
    file = tmp_path / f"{name}.png"
    file.write_bytes(as_bytes(drawn, "png", name))
    seen = SEEN / file.name
    assert seen.exists(), f"look at {file} and, if it is right, copy it to {seen}"
    different = compare_images(str(seen), str(file), TOLERANCE)
    assert different is None, f"{different}\nlook at it; if it is right, copy it to {seen}"
