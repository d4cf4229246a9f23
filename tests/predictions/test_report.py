from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from predictions.groups import THEORY
from predictions.labelled import Labelled, told
from predictions.registry import find
from predictions.report import build, figures, run_details, write_report
from predictions.report.run_table import origins
from predictions.stored import judge_stored
from runs import Store

pytestmark = pytest.mark.xdist_group("smoke")


@pytest.fixture(scope="module")
def written(smoke_store, tmp_path_factory):
    store, prediction = Store(smoke_store), find("ungrokking")
    verdict = judge_stored(prediction, "smoke", store)
    out = tmp_path_factory.mktemp("report")
    html, markdown = write_report([verdict], [prediction], store, out, name="one")
    return verdict, html, markdown


def test_the_numbers_of_a_verdict_follow_from_the_table_of_its_runs(written):
    verdict, html, _ = written
    path = html.parent / "one-runs.csv"
    assert f"<code>{path.name}</code>" in html.read_text()
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    assert {*table["run"]} == {*verdict.runs}
    assert {*table["start"].dropna()} == {*table["run"][table["role"] == "start"]}
    main = table[(table["arm"] == "whole table") & (table["role"] == "judged")]
    smallest = main[main["dataset_size"] == main["dataset_size"].min()]
    by_seed = smallest.groupby("seed")["novel_accuracy"].mean()
    assert by_seed.to_dict() == pytest.approx(verdict.by_seed["accuracy_at_smallest_size"])
    found = verdict.numbers["accuracy_at_smallest_size"]
    assert (by_seed.mean(), len(by_seed)) == (pytest.approx(found.value), found.n)


def test_the_numbers_of_a_verdict_are_a_table_with_a_column_for_each_label(written):
    verdict, html, markdown = written
    path = html.parent / "one-numbers.csv"
    assert f"<code>{path.name}</code>" in html.read_text()
    assert f"[{path.name}]" in markdown.read_text()
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    assert len(table) == len(verdict.numbers)
    assert [*table["name"][table["deciding"]]] == [verdict.deciding]
    thresholds = table[(table["name"] == "threshold") & table["weight_decay"].notna()]
    assert (
        len(thresholds)
        == len({run.weight_decay for run in verdict.evidence if not run.is_start})
        == 2
    )
    for _, row in thresholds.iterrows():
        found = verdict.numbers[Labelled("threshold", weight_decay=row["weight_decay"])]
        assert (row["low"], row["n"], row["unit"]) == (found.low, found.n, found.unit)


def test_a_run_is_shown_with_the_arm_that_it_is_there_for(written):
    verdict, _, markdown = written
    lines = [line.split(" | ") for line in markdown.read_text().splitlines()]
    shown = {cells[0][3:15]: cells[1] for cells in lines if cells[0].startswith("| `")}
    arms = {
        run.identity[:12]: f"{run.arm}, start" if run.is_start else run.arm
        for run in verdict.evidence
    }
    assert shown == arms
    assert {*arms.values()} >= {"whole table", "whole table, start", "held out"}


class Page(HTMLParser):
    """Collects tags and checks that they close in order."""

    VOID = ("meta", "link", "br", "img", "path", "use")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_both_reports_say_everything_that_the_verdict_says(written):
    verdict, html, markdown = written
    prediction = find("ungrokking")
    for file in (html, markdown):
        text = file.read_text().replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
        for expected in (
            verdict.outcome,
            verdict.sentence,
            verdict.rule,
            prediction.claim,
            prediction.refutation,
            prediction.design("smoke"),
            "predictions run ungrokking --size smoke",
            *prediction.assumptions,
            *verdict.notes,
            *(run[:12] for run in verdict.runs),
            *(told(name) for name in verdict.numbers),
        ):
            assert expected in text, (file.name, expected)
        assert re.search(r"commit [0-9a-f]{12}|no checkout", text)
        assert "torch 2." in text


def test_the_page_is_self_contained(written):
    _, html, _ = written
    page = Page(html.read_text())
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "img")
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert "@import" not in html.read_text()


def test_what_a_run_shows_when_it_is_opened_is_what_the_store_has(written, smoke_store):
    verdict, html, _ = written
    text = html.read_text()
    (embedded,) = re.findall(r'<script type="application/json" id="details">(.*?)</script>', text)
    shown, store = json.loads(embedded), Store(smoke_store)
    assert sorted(shown) == sorted(run[:12] for run in verdict.runs)
    for run in verdict.runs:
        record, found = store.load(run), shown[run[:12]]
        assert found["settings"] == record.settings
        history = record.history.set_index("step")
        assert {0, history.index[-1]} <= set(found["steps"]) <= set(history.index)
        accuracy = found["panels"]["accuracy"]
        assert next(iter(accuracy)) == "training"
        np.testing.assert_allclose(
            accuracy["training"], history["train_accuracy"].loc[found["steps"]], rtol=5e-4
        )


def test_a_curve_has_its_ends_and_gaps_and_no_more_points_than_can_be_seen():
    steps = np.arange(1000)
    norm = np.where(steps % 2, np.inf, 1.23456)
    history = pd.DataFrame({"step": steps, "norm": norm, "train_accuracy": np.nan})
    found = run_details.curves(history)
    assert found["steps"][0] == 0
    assert found["steps"][-1] == 999
    assert len(found["steps"]) == run_details.MOST_POINTS
    ((title, curves),) = found["panels"].items()
    assert title == "norm of the weights"
    assert curves == {"norm": [None if step % 2 else 1.235 for step in found["steps"]]}


def test_nothing_in_settings_ends_the_script_that_holds_them():
    hostile = {"a": {"settings": {"name": "</script><script>alert(1)</script><!--"}}}
    text = build.render("runs.html.j2", {"runs": [], "source": "", "details": hostile})
    start, end = '<script type="application/json" id="details">', "</script>"
    embedded = text.partition(start)[2].partition(end)[0]
    assert "<" not in embedded
    assert json.loads(embedded) == hostile


def test_the_page_is_made_for_phones_and_screen_readers(written):
    _, html, _ = written
    page = Page(html.read_text())
    tags = [tag for tag, _ in page.tags]
    by_tag = dict(page.tags)
    assert by_tag["html"]["lang"] == "en"
    assert "width=device-width" in by_tag["meta"]["content"]
    assert tags.count("h1") == tags.count("main") == 1
    # A caption inside a table that scrolls is cut off on a phone: it stands before, as the label.
    ids = {attributes.get("id") for _, attributes in page.tags}
    labelled = [attributes["aria-labelledby"] for tag, attributes in page.tags if tag == "table"]
    assert len(labelled) == len(set(labelled)) == 2
    assert set(labelled) <= ids
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    wide, narrow = (attributes for tag, attributes in page.tags if tag == "svg")
    for figure in (wide, narrow):
        assert figure["role"] == "img"
        assert "width" not in figure
        assert "height" not in figure
        labels = figure["aria-labelledby"].split()
        assert set(labels) <= {attributes.get("id") for _, attributes in page.tags}
    shapes = [list(map(float, one["viewbox"].split()[2:])) for one in (wide, narrow)]
    assert shapes[0][0] > shapes[1][0]
    assert shapes[0][1] < shapes[1][1]


def test_a_figure_that_is_the_same_on_a_phone_is_there_once(
    written, smoke_store, tmp_path, monkeypatch
):
    verdict, _, _ = written

    def draw(verdict, runs):
        drawn = Figure(figsize=(4, 3))
        drawn.subplots().set_title("Left: mine")
        return drawn

    monkeypatch.setattr(figures, "find", lambda name: draw)
    html, _ = write_report(
        [verdict], [find("ungrokking")], Store(smoke_store), tmp_path, name="mine"
    )
    page = Page(html.read_text())
    assert [tag for tag, _ in page.tags].count("svg") == 1
    assert "Left: final accuracy" in html.read_text()
    assert "Top: final accuracy" not in html.read_text()


def test_a_reason_that_an_earlier_section_gave_is_counted_and_not_given_again(
    smoke_store, tmp_path
):
    store, prediction = Store(smoke_store), find("ungrokking")
    verdict = judge_stored(prediction, "smoke", store)
    verdicts = [
        verdict.saying(notes=("one is missing", "two is odd")),
        verdict.saying(notes=("two is odd", "three is late")),
    ]
    files = write_report(verdicts, [prediction, prediction], store, tmp_path, name="two")
    for file in files:
        text = file.read_text()
        assert text.count("two is odd") == text.count("three is late") == 1
        assert text.count("Here too: 1 of the reasons given above.") == 1


def test_the_same_records_give_the_same_bytes(written, smoke_store, tmp_path):
    verdict, html, markdown = written
    again = write_report([verdict], [find("ungrokking")], Store(smoke_store), tmp_path, name="one")
    assert again[0].read_bytes() == html.read_bytes()
    assert again[1].read_bytes() == markdown.read_bytes()
    picture = "one.svg"
    assert f"]({picture})" in markdown.read_text()
    assert (tmp_path / picture).read_bytes() == (markdown.parent / picture).read_bytes()


def test_one_report_of_all_predictions_has_their_table_on_top_and_a_section_each(
    predictions, smoke_store, tmp_path
):
    store = shutil.copytree(smoke_store, tmp_path / "store")
    arguments = ("--size", "smoke", "--store", store, "--out", tmp_path / "out")
    answer = predictions("run", "all", *arguments)
    assert answer.code == 0
    for name in THEORY:
        assert f"{name} (smoke): " in answer.out
    html, markdown = (tmp_path / "out" / f"all-smoke.{ending}" for ending in ("html", "md"))
    page = Page(html.read_text())
    sections = [attributes.get("id") for tag, attributes in page.tags if tag == "h2"]
    assert sections[: len(THEORY)] == list(THEORY)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    text = markdown.read_text()
    for name, prediction in THEORY.items():
        assert f"\n| {name} | **" in text
        assert text.index(f"\n| {name} | **") < text.index(prediction.claim)
    again = predictions("report", "all", *arguments)
    assert again.code == 0
    assert html.read_text() == (tmp_path / "out" / "all-smoke.html").read_text()


def test_a_report_names_every_engine_that_trained_a_run():
    def trained(engine):
        return {"device": "cpu", "device_name": "x", "threads": 1, "engine": engine}

    def run(engine, *earlier):
        return SimpleNamespace(
            provenance={
                "code": {"version": "1", "commit": None, "dirty": False},
                "environment": {"packages": {}, "python": "3.11", "platform": "y"},
                "training": trained(engine),
                "earlier": [{"training": trained(one), "until_step": 3} for one in earlier],
            }
        )

    ours, begun = origins([run("compiled"), run("compiled", "mine:E", "compiled", "stacked")])
    assert ours.endswith("engine compiled")
    assert begun.endswith("engine compiled, begun with mine:E and stacked")
