"""The contact sheet and a report in a real browser, on the screen of a phone."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest

from paper_figures.base import Source
from paper_figures.build import build
from paper_figures.catalogue import FIGURES
from predictions.registry import find
from predictions.report.build import write_report
from predictions.stored import judge_stored
from runs import Store
from tests.paper_figures import browser

pytestmark = [
    pytest.mark.xdist_group("smoke"),
    pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium"),
]

WIDTH = 390

NAMED = {"image", "link", "region", "heading", "button"}
"""Roles that mean nothing without a name."""


@pytest.fixture(scope="module", params=["sheet", "report"])
def page(request, smoke_store, tmp_path_factory):
    out, store = tmp_path_factory.mktemp("pages"), Store(smoke_store)
    if request.param == "sheet":
        build(list(FIGURES.values()), Source(store, "smoke"), "svg", out)
        file = out / "index.html"
    else:
        asked = [find("ungrokking")]
        verdicts = [judge_stored(asked[0], "smoke", store)]
        file, _ = write_report(verdicts, asked, store, out, name="report")
    with browser.page(tmp_path_factory.mktemp("browser"), WIDTH) as opened:
        opened.open(file)
        assert opened.value("document.title") in file.read_text(encoding="utf-8")
        yield opened


def test_nothing_is_wider_than_the_screen_of_a_phone(page):
    assert page.value("innerWidth") == WIDTH
    assert page.value("document.documentElement.scrollWidth") <= WIDTH


def test_every_picture_is_there_and_says_what_it_shows(page):
    shown = "[...document.querySelectorAll('img, svg')].filter(e => e.checkVisibility())"
    assert page.value(f"{shown}.length") >= 1
    assert page.value("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert page.value("[...document.images].every(i => i.alt.length > 20)")
    pictures = [name for role, name in page.accessible() if role == "image"]
    assert len(pictures) == page.value(f"{shown}.length")


def test_whatever_needs_a_name_has_one(page):
    told = page.accessible()
    assert {"image", "heading"} <= {role for role, _ in told}
    assert [role for role, name in told if role in NAMED and not name.strip()] == []


def test_headings_go_down_one_step_at_a_time(page):
    levels = page.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_page_has_a_language_a_title_and_no_id_twice(page):
    assert page.value("document.documentElement.lang") == "en"
    assert page.value("document.title")
    ids = page.value("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", features=features)
    assert page.value(browser.CONTRAST) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", features=features)
    page.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.violations() == []


def test_axe_finds_what_is_there():
    with tempfile.TemporaryDirectory() as folder, browser.page(Path(folder), WIDTH) as opened:
        opened.go("data:text/html,<title>x</title><img src='x'>")
        assert any(one.startswith("image-alt, 1 times") for one in opened.violations())


def test_what_scrolls_can_be_reached_by_keyboard(page):
    scrolling = """[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth
        && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))"""
    assert page.value(f"{scrolling}.length") > 0
    assert page.value(f"{scrolling}.every(e => e.tabIndex == 0)")


RUNS = "[...document.querySelectorAll('#runs tbody tr:not(.opened)')]"


@pytest.fixture(scope="module")
def report(smoke_store, tmp_path_factory):
    out, store, asked = tmp_path_factory.mktemp("report"), Store(smoke_store), [find("ungrokking")]
    verdicts = [judge_stored(asked[0], "smoke", store)]
    file, _ = write_report(verdicts, asked, store, out, name="report")
    with browser.page(tmp_path_factory.mktemp("browser"), WIDTH) as opened:
        opened.open(file)
        yield opened, verdicts[0]


def test_the_verdict_and_its_figure_stand_before_the_rule(report):
    page, _ = report
    tops = [
        page.value(f"document.querySelector('{what}').getBoundingClientRect().top")
        for what in (".outcome", ".lead", "figure .narrow svg", "details", "table")
    ]
    assert tops == sorted(tops)
    assert tops[0] < 200


def test_a_figure_of_a_report_needs_no_scrolling_on_a_phone(report):
    page, _ = report
    seen = "[...document.querySelectorAll('figure svg')].filter(e => e.checkVisibility())"
    (right,) = page.value(f"{seen}.map(e => e.getBoundingClientRect().right)")
    assert right <= WIDTH
    # What the caption says is beside stands below.
    caption = page.value("document.querySelector('figcaption').innerText")
    assert "Top" in caption
    assert "Left" not in caption


def test_runs_are_sorted_by_a_heading_as_numbers_and_back(report):
    page, verdict = report
    headings = page.value(
        "[...document.querySelectorAll('#runs thead th')].map(h => h.textContent)"
    )
    column = headings.index("Examples")
    button = f"document.querySelectorAll('#runs thead button')[{column}]"
    shown = f"{RUNS}.map(r => +r.cells[{column}].textContent)"
    page.value(f"{button}.click()")
    rising = page.value(shown)
    assert rising == sorted(rising)
    assert len(rising) == len(verdict.runs)
    assert len(set(rising)) > 2
    page.value(f"{button}.click()")
    assert page.value(shown) == rising[::-1]
    assert page.value(f"{button}.parentElement.ariaSort") == "descending"


def test_runs_are_found_by_words_and_opened_one_at_a_time(report):
    page, verdict = report
    page.value(
        "{const f = document.querySelector('#find'); f.value = '4001 cont'; "
        "f.dispatchEvent(new Event('input'))}"
    )
    left = page.value(f"{RUNS}.filter(r => !r.hidden).map(r => r.textContent)")
    assert 0 < len(left) < len(verdict.runs)
    assert all("4001" in text and "continued" in text for text in left)
    buttons = f"{RUNS}.filter(r => !r.hidden).map(r => r.querySelector('tbody button'))"
    for number in (0, 1):
        page.value(f"{buttons}[{number}].click()")
        assert page.value("document.querySelectorAll('.opened').length") == 1
        assert page.value(f"{buttons}[{number}].ariaExpanded") == "true"
    drawn = page.value("[...document.querySelectorAll('.opened svg')].map(s => s.ariaLabel)")
    assert len(drawn) == 2
    assert drawn[0].startswith("accuracy over steps: training, ")
    lines = page.value(
        "[...document.querySelectorAll('.opened path:not(.frame)')].map(p => p.getAttribute('d'))"
    )
    assert all(line.count("L") > 5 and "NaN" not in line for line in lines)
    assert page.value("document.documentElement.scrollWidth") <= WIDTH
    for scheme in ("dark", "light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.call("Emulation.setEmulatedMedia", features=features)
        assert page.value(browser.CONTRAST) >= 4.5
    page.value(f"{buttons}[1].click()")
    assert page.value("document.querySelectorAll('.opened').length") == 0
