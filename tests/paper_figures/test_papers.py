"""Figures of the papers: drawn from the records, complete, and the same every time."""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from paper_figures.base import MissingRunsError, Source
from paper_figures.build import build
from paper_figures.catalogue import FIGURES, select
from paper_figures.panels.ungrokking import main_arm, points
from paper_figures.varma2023 import figure_04 as varma_04
from paper_figures.varma2023 import figure_07 as varma_07
from paper_figures.varma2023 import figure_09 as varma_09
from paper_figures.varma2023 import figure_10 as varma_10
from predictions import open_store
from runs import Store
from tests.predictions.plant import labelled

pytestmark = pytest.mark.xdist_group("smoke")

FROM_UNGROKKING = ["figure-04", "figure-07", "figure-10"]


@pytest.fixture(scope="module")
def source(smoke_store) -> Source:
    return Source(Store(smoke_store), "smoke")


@pytest.fixture(scope="module")
def ungrokking(source):
    (evidence,) = FIGURES["figure-04"].evidence(source)
    return evidence


def test_there_are_ten_figures_of_the_theory_and_three_of_the_first_study():
    numbered = [
        *(f"figure-{number:02d}" for number in range(1, 11)),
        *(f"first-study-{number:02d}" for number in range(1, 4)),
    ]
    assert list(FIGURES)[:13] == numbered
    for name in numbered:
        number = int(name.rsplit("-", 1)[1])
        after = FIGURES[name].after
        assert re.match(rf"Figure {number} of (Varma|Power) et al\. \(20\d\d\)$", after)
    for figure in FIGURES.values():
        assert figure.needs or figure.wants
        for need in (*figure.needs, *figure.wants):
            for size in need.asked().sizes:
                need.asked().settings(size)


def test_the_means_of_figure_4_are_those_of_the_records(ungrokking):
    (axes,) = varma_04.draw([ungrokking]).axes
    shown = labelled(axes)
    for decay, by_size in points(ungrokking.runs).items():
        sizes, means = shown[f"λ = {decay:g}"]
        assert sizes == pytest.approx(list(by_size), rel=0.03)
        assert means == pytest.approx([np.mean(values) for values in by_size.values()])


def test_the_medians_of_figure_7_are_those_of_the_histories(ungrokking):
    figure = varma_07.draw([ungrokking])
    arm = main_arm(ungrokking.runs)
    decay = sorted({run.weight_decay for run in arm})[len({run.weight_decay for run in arm}) // 2]
    panels = [axes for axes in figure.axes if axes.get_title("left")]
    sizes = sorted({run.dataset_size for run in arm})
    assert len(panels) == len(sizes)
    for axes, D in zip(panels, sizes, strict=True):
        runs = [run for run in arm if run.dataset_size == D and run.weight_decay == decay]
        assert axes.get_title("left") == f"D′ = {D}, {len(runs)} runs"
        for quantity, label in (
            ("train_accuracy", "Training accuracy"),
            ("novel_accuracy", "Accuracy on novel pairs"),
        ):
            steps, values = labelled(axes)[label]
            assert steps == list(runs[0].history["step"])
            expected = np.median([run.history[quantity] for run in runs], axis=0)
            assert values == pytest.approx(list(expected))


def test_gen_and_mem_of_figure_9_add_up_to_the_correct_logit(ungrokking):
    runs = [run for run in ungrokking.runs if "novel_centred_logit" in run.history]
    assert len(runs) > 3
    for run in runs[:3]:
        split = varma_09.circuits(run)
        assert list(split["gen"] + split["mem"]) == pytest.approx(list(split["centred_logit"]))
        assert list(split["gen"]) == list(run.history["novel_centred_logit"])


def test_figure_10_shows_a_ratio_or_counts_a_run_without_one(ungrokking):
    left, right = varma_10.draw([ungrokking]).axes
    arm = main_arm(ungrokking.runs)
    decays = sorted({run.weight_decay for run in arm})
    runs = [run for run in arm if run.weight_decay == decays[len(decays) // 2]]
    both = [varma_10.logits(run) for run in runs]
    assert None not in both
    ratios = sorted(gen / mem for gen, mem in both if gen > 0 and mem > 0)
    marks = [line for line in left.lines if line.get_alpha() is not None]
    assert sorted(y for line in marks for y in line.get_ydata()) == pytest.approx(ratios)
    sizes, medians = labelled(left)["median"]
    for D, median in zip(sizes, medians, strict=True):
        of_size = [
            gen / mem for run, (gen, mem) in zip(runs, both, strict=True) if run.dataset_size == D
        ]
        if all(
            gen > 0 and mem > 0
            for run, (gen, mem) in zip(runs, both, strict=True)
            if run.dataset_size == D
        ):
            assert median == pytest.approx(np.median(of_size))
    assert left.get_title("left").startswith(f"Gen / Mem; {len(runs) - len(ratios)} network")
    means = labelled(right)["mean"]
    assert means[0] == sorted({run.dataset_size for run in runs})


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # Gen alone not above 0 is the smallest, Mem alone the largest; seven have a range.
        ([(1, 1), (-1, 1), (2, -1), (3, 1), (2, 1), (4, 1), (5, 1)], (3, 0, math.inf)),
        ([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1)], (3.5, 1, 6)),
        # What may be either opens both ends, and the median where it lies next to it.
        ([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (-1, -1)], (math.nan, 0, math.inf)),
        ([(2, 1), (2, 1), (2, 1), (2, 1), (2, 1), (2, 1), None], (2, 0, math.inf)),
        ([(1, 1), (2, 1), (3, 1)], (2, 0, math.inf)),
    ],
)
def test_ratios_that_cannot_be_told_are_never_left_out(pairs, expected):
    assert varma_10.median_ratio(pairs) == pytest.approx(expected, nan_ok=True)


def test_runs_that_predictions_share_are_counted_once(source):
    figure = FIGURES["figure-04"]
    twice = replace(figure, needs=figure.needs * 2)
    assert twice.caption(source) == figure.caption(source)


def test_missing_runs_name_the_command_that_makes_them(tmp_path):
    empty = Source(Store(tmp_path / "a store"), "quick")
    with pytest.raises(MissingRunsError, match="246 of 246 runs of ungrokking") as error:
        FIGURES["figure-04"].evidence(empty)
    assert f"predictions run ungrokking --size quick --store '{tmp_path / 'a store'}'" in str(
        error.value
    )


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("figures")
    return out, build(list(FIGURES.values()), source, "svg", out)


def test_what_can_be_drawn_is_and_the_rest_is_listed_with_its_reason(built):
    out, results = built
    # The minimal example needs no runs.
    assert [one.figure.name for one in results.built] == ["figure-02", *FROM_UNGROKKING]
    assert set(results.missing) == set(FIGURES) - {"figure-02", *FROM_UNGROKKING}
    sheet = (out / "index.html").read_text()
    for name, why in results.missing.items():
        assert name in sheet
        assert "predictions run" in why
    for one in results.built:
        assert f'src="{one.file.name}"' in sheet
        assert one.file.read_bytes().startswith(b"<?xml")


def test_the_manifest_has_the_runs_behind_each_figure(built, source, ungrokking):
    out, _ = built
    manifest = json.loads((out / "manifest.json").read_text())
    for name in FROM_UNGROKKING:
        assert manifest["figures"][name]["runs"] == sorted(r.identity for r in ungrokking.runs)
        assert manifest["figures"][name]["outcomes"] == {"ungrokking": ungrokking.verdict.outcome}
    assert f"ungrokking: <strong>{ungrokking.verdict.outcome}</strong>" in (
        out / "index.html"
    ).read_text(encoding="utf-8")
    assert manifest["figures"]["figure-02"]["runs"] == []
    assert all(source.store.has(run) for run in manifest["figures"]["figure-04"]["runs"])


def test_captions_say_what_was_run_what_had_not_settled_and_what_differs(built, ungrokking):
    _, results = built
    caption = next(one.caption for one in results.built if one.figure.name == "figure-04")
    assert caption.startswith("After Figure 4 of Varma et al. (2023).")
    restless = sum(run.outcome.status == "not settled" for run in ungrokking.runs)
    assert f"{len(ungrokking.runs)} runs: addition at size 11" in caption
    assert (f"drawn or not, {restless} had not settled" in caption) == (restless > 0)
    assert "p = 11 (113)" in caption
    assert "width = 16 (128)" in caption


def test_what_several_captions_say_stands_on_the_sheet_once(built):
    out, results = built
    sheet = html.unescape((out / "index.html").read_text())
    said = [part for one in results.built for part in one.paragraphs]
    twice = {part for part in said if said.count(part) > 1}
    assert len(twice) >= 3  # runs, their state, how they differ: of all that are from ungrokking
    for part in {*said}:
        assert sheet.count(part) == 1, part
    assert sheet.count("of the paragraphs above") == len(FROM_UNGROKKING) - 1
    for one in results.built:
        assert one.figure.shows in one.paragraphs[0]


def test_figures_drawn_before_stay_on_the_sheet_if_they_are_of_the_same_store(source, tmp_path):
    def entries():
        return json.loads((tmp_path / "manifest.json").read_text())["figures"]

    build(select(("figure-10", "figure-02")), source, "svg", tmp_path)
    before = entries()
    build(select(("figure-04",)), source, "png", tmp_path)
    assert list(entries()) == ["figure-02", "figure-04", "figure-10"]
    assert entries()["figure-10"] == before["figure-10"]
    sheet = (tmp_path / "index.html").read_text()
    assert all(f'src="{one["file"]}"' in sheet for one in entries().values())
    (tmp_path / before["figure-10"]["file"]).unlink()
    build(select(("figure-04",)), source, "png", tmp_path)
    assert list(entries()) == ["figure-02", "figure-04"]
    # Those of another size are of another sheet, and a manifest that is none is no reason to fail.
    build(select(("figure-02",)), Source(source.store, "quick"), "svg", tmp_path)
    assert list(entries()) == ["figure-02"]
    (tmp_path / "manifest.json").write_text("[]")
    build(select(("figure-02",)), source, "svg", tmp_path)
    assert list(entries()) == ["figure-02"]


@pytest.mark.parametrize("file_format", ["svg", "pdf", "png"])
def test_the_same_records_give_the_same_bytes(source, tmp_path, file_format):
    figures = select(("figure-04", "figure-02"))
    for name in ("one", "two"):
        build(figures, Source(source.store, source.size), file_format, tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_the_command_lists_builds_and_explains(paper_figures, smoke_store, tmp_path):
    listed = paper_figures("list")
    assert listed.code == 0
    assert len(listed.out.splitlines()) == 2 * len(FIGURES)
    wrong = paper_figures("build", "figure-4", "--store", smoke_store)
    assert wrong.code == 2
    assert "did you mean 'figure-04'" in wrong.err
    out = tmp_path / "out"
    some = paper_figures(
        "build", "figure-04", "figure-05", "--size", "smoke", "--store", smoke_store, "--out", out
    )
    assert some.code == 2
    assert "figure-05 was not drawn" in some.err
    assert "predictions run semi-grokking --size smoke" in some.err
    assert (out / "figure-04-smoke.svg").exists()
    every = paper_figures("build", "--size", "smoke", "--store", smoke_store, "--out", out)
    assert every.code == 0
    (told,) = every.err.splitlines()
    assert told.startswith("not drawn: figure-01, figure-03,")
    assert "<code>predictions run semi-grokking --size smoke" in (out / "index.html").read_text()
    nowhere = paper_figures("build", "--store", tmp_path / "none")
    assert nowhere.code == 2
    assert "there is no store" in nowhere.err


def test_figures_are_drawn_of_what_one_asked_for_oneself(
    predictions, paper_figures, own_store, tmp_path
):
    own = ("--operation", "subtraction", "--seeds", "1")
    here = ("--size", "smoke", "--store", own_store)
    assert predictions("run", "ungrokking", *own, *here, "--out", tmp_path / "report").code == 0
    designed = {*Store(own_store).identities()} - {*_subtractions(own_store)}
    assert designed
    drawn = paper_figures("build", "figure-04", *own, *here, "--out", tmp_path)
    assert drawn.code == 0
    assert (tmp_path / "figure-04-smoke-subtraction-1-seeds.svg").exists()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    asked = "--seeds 1 --operation subtraction"
    assert manifest["options"] == asked
    figure = manifest["figures"]["figure-04"]
    assert set(figure["runs"]) == {*_subtractions(own_store)}
    assert figure["predictions"] == ["ungrokking --operation subtraction"]
    assert "subtraction at size 11; one-layer transformer of width 16; 1 seed" in figure["caption"]
    assert f"Asked with {asked}." in figure["caption"]
    frame = open_store(own_store).frame(
        "ungrokking", size="smoke", seeds=1, operation="subtraction", role="judged"
    )
    assert {*frame["run"]} < {*_subtractions(own_store)}
    assert {"whole table", "held out"} <= {*frame["arm"]}
    # Fewer seeds of the design's own are another question than all.
    assert paper_figures("build", "figure-04", "--seeds", "1", *here, "--out", tmp_path).code == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["options"] == "--seeds 1"
    assert {*manifest["figures"]["figure-04"]["runs"]} < designed


def _subtractions(store) -> list[str]:
    held = Store(store)
    return [
        run
        for run in held.identities()
        if held.load(run).settings["task"]["operation"] == "subtraction"
    ]


def test_what_cannot_be_asked_so_is_told_with_the_reason(paper_figures, smoke_store, tmp_path):
    own = ("--size", "smoke", "--store", smoke_store, "--out", tmp_path / "out")
    refused = paper_figures("build", "figure-02", "figure-08", "--network", "mlp", *own)
    assert refused.code == 2
    assert "minimal-example has an operation and a network of its own" in refused.err
    assert "figure-08 was not drawn: it sets --operation multiplication" in refused.err
    assert "leave out --network mlp" in refused.err
    misspelt = paper_figures("build", "figure-04", "--operation", "additon", *own)
    assert misspelt.code == 2
    assert "did you mean 'addition'" in misspelt.err
    assert "pydantic" not in misspelt.err
    fresh = paper_figures("build", "figure-08", "--first-seed", "5000", *own)
    assert (
        "predictions run ungrokking --size smoke --operation multiplication --first-seed 5000"
        in fresh.err
    )
    # What was not drawn comes after what was, on the page too.
    paper_figures("build", "figure-04", "figure-05", *own)
    sheet = (tmp_path / "out" / "index.html").read_text()
    assert 0 < sheet.index('id="figure-04"') < sheet.index('id="missing"')
