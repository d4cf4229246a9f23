"""The contact sheet in a real browser, on the screen of a phone."""

from __future__ import annotations

import itertools

import pytest

from paper_figures.base import Source
from paper_figures.build import build
from paper_figures.catalogue import FIGURES
from runs import Store
from tests.paper_figures import browser

pytestmark = [
    pytest.mark.xdist_group("smoke"),
    pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium"),
]

WIDTH = 390

# The contrast of every piece of text with what is behind it (WCAG 2.2, 1.4.3), the smallest.
CONTRAST = """(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour.length == 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let smallest = 21;
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    const element = walker.currentNode.parentElement;
    const pair = [light(channels(getComputedStyle(element).color)), light(behind(element))];
    smallest = Math.min(smallest, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
  }
  return smallest;
})()"""

NAMED = {"image", "link", "region", "heading", "button"}
"""Roles that mean nothing without a name."""


@pytest.fixture(scope="module")
def sheet(smoke_store, tmp_path_factory):
    out = tmp_path_factory.mktemp("sheet")
    build(list(FIGURES.values()), Source(Store(smoke_store), "smoke"), "svg", out)
    with browser.page(tmp_path_factory.mktemp("browser"), WIDTH) as page:
        page.open(out / "index.html")
        yield page


def test_nothing_is_wider_than_the_screen_of_a_phone(sheet):
    assert sheet.value("innerWidth") == WIDTH
    assert sheet.value("document.documentElement.scrollWidth") <= WIDTH


def test_every_picture_is_there_and_says_what_it_shows(sheet):
    assert sheet.value("document.images.length") == 4
    assert sheet.value("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert sheet.value("[...document.images].every(i => i.alt.length > 40)")


def test_whatever_needs_a_name_has_one(sheet):
    told = sheet.accessible()
    assert {"image", "link", "region", "heading"} <= {role for role, _ in told}
    assert [role for role, name in told if role in NAMED and not name.strip()] == []


def test_headings_go_down_one_step_at_a_time(sheet):
    levels = sheet.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_page_has_a_language_a_title_and_no_id_twice(sheet):
    assert sheet.value("document.documentElement.lang") == "en"
    assert sheet.value("document.title")
    ids = sheet.value("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_text_stands_out(sheet):
    assert sheet.value(CONTRAST) >= 4.5


def test_what_scrolls_can_be_reached_by_keyboard(sheet):
    scrolling = """[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth
        && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))"""
    assert sheet.value(f"{scrolling}.length") > 0
    assert sheet.value(f"{scrolling}.every(e => e.tabIndex == 0)")
