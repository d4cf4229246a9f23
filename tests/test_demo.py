"""The live demonstration trains the network that Python trains, and shows what it says it shows."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from efficiency import train
from tests.paper_figures import browser

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "demo.html"
sys.path.insert(0, str(ROOT / "docs" / "demo"))
import write_demo  # noqa: E402 - it is no package

sys.path.remove(str(ROOT / "docs" / "demo"))

needs_chromium = pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium")


def test_the_page_that_is_kept_is_that_of_its_parts():
    assert PAGE.read_text(encoding="utf-8") == write_demo.page(), (
        "python docs/demo/write_demo.py docs/demo.html"
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser.page(tmp_path_factory.mktemp("browser"), 390) as opened:
        opened.open(PAGE)
        yield opened


@needs_chromium
@pytest.mark.parametrize("seed", write_demo.SEEDS)
def test_it_computes_what_python_computes(page, seed):
    (trained,) = train([write_demo.run(seed, num_steps=400)])
    page.value(f"at('seed').value = '{seed}'; set({write_demo.GROKKING}); begin()")
    for _, now in trained.history.iterrows():
        page.value(f"advance({now['step']:.0f} - total)")
        assert page.value("network.norm()") == pytest.approx(now["norm"], rel=1e-9)
        assert page.value("network.accuracy(trained)") == pytest.approx(now["train_accuracy"])
        assert page.value("network.accuracy(unseen)") == pytest.approx(now["novel_accuracy"])


@needs_chromium
def test_it_groks_and_ungroks_and_keeps_what_it_knows_without_decay(page):
    novel = "network.accuracy(unseen)"
    page.value(f"at('seed').value = '1'; set({write_demo.GROKKING}); begin(); advance(200)")
    assert page.value("network.accuracy(trained)") == 1
    assert page.value(novel) < 0.2
    page.value("advance(2800)")
    assert page.value(novel) == 1
    page.value("const kept = network.weights.map(w => w.slice())")
    page.value(f"set({write_demo.UNGROKKING}); take(); advance(3000)")
    assert page.value("network.accuracy(trained)") == 1
    assert page.value(novel) < 0.2
    page.value("network.weights = kept")
    page.value(f"set({write_demo.UNGROKKING}, 0); take(); advance(3000)")
    assert page.value(novel) > 0.8


@needs_chromium
def test_the_one_that_it_takes_for_it_semi_groks(page):
    novel = "network.accuracy(unseen)"
    page.value("at('semi').click(); run(false); begin(); advance(200)")
    assert page.value("network.accuracy(trained)") == 1
    assert page.value(novel) < 0.2
    found = [page.value(f"advance(1500), {novel}") for _ in range(4)]
    assert all(0.2 < one < 0.8 for one in found[1:])
    assert found[-1] - found[1] < 0.1


@needs_chromium
def test_the_page_fits_a_phone_and_keeps_to_the_rules_of_accessibility(page):
    page.value("draw()")
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.call("Emulation.setEmulatedMedia", features=features)
        assert page.violations() == []
        assert page.value(browser.CONTRAST) >= 4.5
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert "novel pairs" in page.value("at('said').textContent")
    page.value("at('run').click()")
    assert page.value("at('run').textContent") == "Pause"
    page.value("at('run').click()")
    assert page.value("at('run').textContent") == "Train"


def test_what_was_recorded_stands_beside_it():
    verdicts = json.loads((ROOT / "docs" / "found" / "quick.json").read_text(encoding="utf-8"))
    (judged,) = (one for one in verdicts if one["prediction"] == "ungrokking")
    text = PAGE.read_text(encoding="utf-8")
    marks = re.findall(r'class="network" cx="([\d.]+)" cy="([\d.]+)"', text)
    accuracies = [
        value
        for end in ("smallest", "largest")
        for one in judged["by_seed"]
        if one["name"] == f"accuracy_at_{end}_size"
        for value in one["seeds"].values()
    ]
    assert [(230 - float(y)) / 215 for _, y in marks] == pytest.approx(accuracies, abs=1e-3)
    assert len({x for x, _ in marks}) == 2
    centres = [float(x) for x in re.findall(r'class="threshold" cx="([\d.]+)"', text)]
    thresholds = [n["value"] for n in judged["numbers"] if n["name"] == "threshold" and n["labels"]]
    smallest, largest = (size for size, _ in write_demo.recorded()["ends"])
    left, right = sorted({float(x) for x, _ in marks})
    scale = (right - left) / (largest - smallest)
    assert centres == pytest.approx([left + scale * (D - smallest) for D in thresholds], abs=0.2)
    assert judged["sentence"].replace("'", "&#39;") in text
