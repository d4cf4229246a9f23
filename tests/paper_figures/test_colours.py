"""Colours are told apart on paper, in grey and by the colour-blind: by computation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from paper_figures import style
from paper_figures.catalogue import FIGURES
from tests.paper_figures.planted_source import source

MEANINGS = {
    "Mem": style.MEM,
    "Gen": style.GEN,
    "chance": style.CHANCE,
    "threshold": style.THRESHOLD,
}

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
BLIND = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour) -> np.ndarray:
    """Return linear RGB (IEC 61966-2-1)."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(rgb: np.ndarray) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ rgb)


def contrast(one: float, other: float) -> float:
    """Return the contrast ratio of two luminances (WCAG 2.2)."""
    high, low = max(one, other), min(one, other)
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB under D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.072175],
            [0.0193339, 0.119192, 0.9503041],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", MEANINGS)
def test_every_colour_of_meaning_can_be_read_as_text_on_white(name):
    assert contrast(luminance(linear(MEANINGS[name])), 1.0) >= 4.5


@pytest.mark.parametrize("sight", ["usual", *BLIND])
def test_mem_and_gen_and_summaries_are_told_apart_by_everybody(sight):
    matrix = np.eye(3) if sight == "usual" else np.array(BLIND[sight])
    seen = {name: lab(matrix @ linear(MEANINGS[name])) for name in ("Mem", "Gen", "threshold")}
    for one, other in itertools.combinations(seen, 2):
        # 2.3 is just noticed; curves on one page want ten times that.
        assert np.linalg.norm(seen[one] - seen[other]) > 23, (sight, one, other)


def test_shades_of_a_graded_quantity_keep_their_order_in_grey():
    for count in (2, 5, 12):
        greys = [luminance(linear(colour[:3])) for colour in style.graded(count)]
        assert greys == sorted(greys)
        assert min(np.diff(greys)) > 0
        # The lightest line is still seen on white (WCAG asks 3 of what is needed to understand).
        assert contrast(greys[-1], 1.0) >= 1.5


@pytest.mark.parametrize("name", ["figure-01", "figure-03", "figure-06", "figure-07", "figure-09"])
def test_mem_and_gen_differ_in_more_than_their_colour(name, tmp_path):
    # In grey both are the same.
    figure = FIGURES[name]
    both = 0
    for axes in figure.draw(figure.evidence(source(tmp_path))).axes:
        looks = {
            colour: {
                (line.get_linestyle(), line.get_marker())
                for line in axes.lines
                if to_hex(line.get_color()) == colour and line.get_label()[0] != "_"
            }
            for colour in (style.MEM, style.GEN)
        }
        both += all(looks.values())
        assert looks[style.MEM].isdisjoint(looks[style.GEN])
    assert both > 0


def test_the_same_colours_are_not_told_apart_by_a_bad_choice():
    # A negative control: red and green of equal lightness, to a deuteranope.
    matrix = np.array(BLIND["deuteranopia"])
    red, green = (lab(matrix @ linear(c)) for c in ("#c06050", "#7f8a35"))
    assert np.linalg.norm(red - green) < 23
