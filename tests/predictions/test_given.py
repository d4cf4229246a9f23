"""Ungrokking is asked of networks that were trained elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file

from efficiency import InvalidInputError
from efficiency.analysis.measured import measure, module_of
from efficiency.settings import RunSettings
from efficiency.training.loop import train
from predictions import given
from predictions.grounds import GROUNDS, ground
from predictions.registry import select
from predictions.variants import Variant
from predictions.verdicts import Verdict
from runs import Store
from runs.identity import identity
from tests.build import run_settings

SMOKE = GROUNDS["smoke"]
HEADS = SMOKE.network.num_heads


@pytest.fixture(scope="module")
def networks(smoke_store, tmp_path_factory):
    """Files of start networks, as somebody has them who has nothing else of this project."""
    place, store = tmp_path_factory.mktemp("elsewhere"), Store(smoke_store)
    for seed in range(4000, 4003):
        weights = store.load(identity(SMOKE.start(seed).document())).weights()
        save_file(dict(weights), place / f"{seed}.safetensors")
    return place


def options(place, number=3) -> list[str]:
    return [
        word for k in range(number) for word in ("--start", str(place / f"{4000 + k}.safetensors"))
    ]


def as_lens(weights, heads=HEADS) -> dict[str, torch.Tensor]:
    """The same network as TransformerLens names it, with a row and a column for = ."""

    M = weights["W_E"].shape[1]

    def cut(name: str) -> np.ndarray:
        return weights[name].reshape(M, heads, -1).transpose(1, 0, 2)

    state = {
        "embed.W_E": weights["W_E"],
        "pos_embed.W_pos": weights["W_pos"],
        **{f"blocks.0.attn.{name}": cut(name) for name in ("W_Q", "W_K", "W_V")},
        "blocks.0.attn.W_O": weights["W_O"].reshape(heads, -1, M),
        **{f"blocks.0.mlp.{name}": weights[name] for name in ("W_in", "b_in", "W_out", "b_out")},
        "unembed.W_U": np.pad(weights["W_U"], ((0, 0), (0, 1))),
    }
    return {name: torch.as_tensor(np.ascontiguousarray(value)) for name, value in state.items()}


def as_nandas(weights, heads=HEADS) -> dict[str, torch.Tensor]:
    """The same network as Nanda et al. (2023) name it."""

    def cut(name: str) -> np.ndarray:
        return weights[name].T.reshape(heads, -1, weights[name].shape[0])

    state = as_lens(weights, heads)
    state |= {
        "embed.W_E": state["embed.W_E"].T,
        **{f"blocks.0.attn.{n}": torch.as_tensor(cut(n)) for n in ("W_Q", "W_K", "W_V")},
        "blocks.0.attn.W_O": torch.as_tensor(weights["W_O"].T),
        **{f"blocks.0.mlp.{n}": torch.as_tensor(weights[n].T) for n in ("W_in", "W_out")},
    }
    return {name: value.contiguous() for name, value in state.items()}


def test_one_network_is_one_whoever_wrote_it_down(networks, tmp_path):
    ours = given.read(networks / "4000.safetensors")
    weights = load_file(networks / "4000.safetensors")
    torch.save(as_lens(weights), tmp_path / "lens.pt")
    torch.save({"model": as_nandas(weights), "epoch": 3}, tmp_path / "nanda.pth")
    torch.save({name: torch.as_tensor(value) for name, value in weights.items()},
               tmp_path / "ours.pt")  # fmt: skip
    for name in ("lens.pt", "nanda.pth", "ours.pt"):
        assert given.read(tmp_path / name) == ours, name


def test_it_is_continued_as_it_is_and_judged(networks, predictions, tmp_path):
    asked = ("ungrokking", "--size", "smoke", *options(networks))
    place = ("--store", tmp_path / "store", "--out", tmp_path / "report")
    done = predictions("run", *asked, *place, "--json")
    assert done.code == 0, done.err
    (verdict,) = json.loads(done.out)
    variant = Variant.asked(" ".join(options(networks)))
    runs = select(("ungrokking",), variant)[0].settings("smoke")
    assert len(runs) == len(verdict["runs"]) == 3 * (1 + 4 * 2)  # no network that held pairs out
    assert all(run.continues for run in runs)
    store, start = Store(tmp_path / "store"), runs[0]
    before = store.load(identity(start.document())).history.iloc[0]
    weights = load_file(networks / "4000.safetensors")
    alone = measure(module_of(start.task, start.network, weights), start.task)
    for name in ("norm", "log_odds", "train_accuracy"):
        assert before[name] == pytest.approx(alone[name].value, rel=1e-4)
    assert start.num_steps == SMOKE.start_steps  # on the whole table, until it is at rest
    after = store.load(identity(start.document())).weights()
    page = next((tmp_path / "report").glob("*.md")).read_text()
    first = given.read(networks / "4000.safetensors").digest[:8]
    assert f"3 start networks that were trained elsewhere ({first}" in page
    assert Verdict.from_document(verdict).numbers["accuracy_at_smallest_size"].value < 0.5
    # From the same weights, not from new ones: a continuation is what the same settings make of
    # them in memory.
    child = next(run for run in runs if run.start == start)
    (again,) = train([child], [after])
    kept = store.load(identity(child.document())).history
    np.testing.assert_allclose(again.history, kept, rtol=1e-6)


def test_a_file_that_lies_elsewhere_asks_the_same_and_other_weights_another(networks, tmp_path):
    here = Variant.asked(" ".join(options(networks, 2)))
    for k in range(2):
        weights = load_file(networks / f"{4000 + k}.safetensors")
        save_file(weights, tmp_path / f"{4000 + k}.safetensors")
    there = Variant.asked(" ".join(options(tmp_path, 2)))
    assert there.question() == here.question()
    assert there.label() == here.label()
    assert there.options() != here.options()
    same, runs = (select(("ungrokking",), v)[0].settings("smoke") for v in (there, here))
    assert same == runs
    weights["W_E"] += np.float32(1e-3)
    save_file(weights, tmp_path / "4001.safetensors")
    assert Variant.asked(" ".join(options(tmp_path, 2))).question() != here.question()


def test_a_design_file_says_how_long_it_is_trained_on_the_whole_table_first(networks, tmp_path):
    path = tmp_path / "shorter.toml"
    path.write_text('size = "smoke"\n[ground]\nstart_steps = 1\n')
    shorter = Variant.asked(f"--design {path} {' '.join(options(networks, 1))}")
    start = ground("smoke", shorter).start(4000)
    assert start.num_steps == 1
    weights = load_file(networks / "4000.safetensors")
    (left,) = train([start], [weights])
    moved = max(np.abs(left.weights[name] - weights[name]).max() for name in weights)
    assert 0 < moved < 1e-4  # one update of the warm-up


def test_networks_that_others_may_have_looked_at_confirm_nothing(networks, predictions, tmp_path):
    place = ("--store", tmp_path / "store", "--out", tmp_path / "report")
    short = tmp_path / "short.toml"
    short.write_text('size = "smoke"\n[ground]\nstart_steps = 1\n')
    asked = ("ungrokking", "--design", short, *options(networks), "--first-seed", "20000")
    done = predictions("run", *asked, *place, "--json")
    (verdict,) = json.loads(done.out)
    assert "were trained elsewhere" in json.dumps(verdict["look"])


def test_a_network_whose_heads_are_others_is_another_function(networks, predictions, tmp_path):
    weights = load_file(networks / "4000.safetensors")
    torch.save(as_lens(weights, heads=4), tmp_path / "four.pt")
    done = predictions(
        "run", "ungrokking", "--size", "smoke", "--start", tmp_path / "four.pt", "--dry-run"
    )
    assert done.code == 2
    assert "has 4 attention heads, and 2 are asked for" in done.err


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2).to_sparse(),
        torch.zeros(1).expand(10**11),
        torch.zeros(2, device="meta"),
        "words",
    ],
    ids=["complex", "sparse", "vast", "meta", "words"],
)
def test_what_is_no_array_of_real_numbers_is_refused(value, tmp_path):
    torch.save({"W_E": value}, tmp_path / "odd.pt")
    with pytest.raises(InvalidInputError, match="--start"):
        given.read(tmp_path / "odd.pt")


def test_other_precisions_and_parameters_are_the_same_network(networks, tmp_path):
    ours = given.read(networks / "4000.safetensors")
    wide = {n: torch.nn.Parameter(torch.as_tensor(w).double()) for n, w in ours.weights.items()}
    torch.save(wide, tmp_path / "wide.pt")
    assert given.read(tmp_path / "wide.pt") == ours
    half = {name: torch.as_tensor(w).bfloat16() for name, w in ours.weights.items()}
    torch.save(half, tmp_path / "half.pt")
    rounded = given.read(tmp_path / "half.pt")
    assert rounded != ours
    with pytest.raises(InvalidInputError, match="are the same network, and each counts once"):
        given.require_different([ours, rounded])


def test_nandas_network_is_told_from_lens_by_its_axes_whatever_its_widths(tmp_path):
    rng, (M, H, F, L, S) = np.random.default_rng(0), (32, 1, 32, 8, 31)
    weights = {
        "W_E": rng.normal(size=(S + 1, M)),
        "W_pos": rng.normal(size=(3, M)),
        **{name: rng.normal(size=(M, H * F)) for name in ("W_Q", "W_K", "W_V")},
        "W_O": rng.normal(size=(H * F, M)),
        "W_in": rng.normal(size=(M, L)),
        "b_in": rng.normal(size=L),
        "W_out": rng.normal(size=(L, M)),
        "b_out": rng.normal(size=M),
        "W_U": rng.normal(size=(M, S)),
    }
    torch.save(as_nandas(weights, heads=H), tmp_path / "nanda.pt")
    found = given.read(tmp_path / "nanda.pt")
    for name, value in weights.items():
        np.testing.assert_allclose(found.weights[name], value, rtol=1e-6)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--start", "{}/none.pt"], "is no file"),
        (["--start", "{}/torn.safetensors"], "is no file of weights"),
        (["--start", "{}/torn.pt"], "is no file of weights"),
        (["--start", "{}/words.txt"], "does not end with"),
        (["--start", "{}/list.pt"], "holds no arrays by name"),
        (["--start", "{}/nan.safetensors"], "W_E is not finite"),
        (["--start", "{}/4000.safetensors"] * 2, "are the same network"),
        (["--start", "{}/4000.safetensors", "--seeds", "2"], "--start gives 1"),
        (["--start", "{}/4000.safetensors", "--operation-size", "13"], "do not fit"),
        (["--start", "{}/4000.safetensors", "--until-decided"], "1 of the 3 seeds"),
    ],
)
def test_what_cannot_be_continued_is_told(networks, predictions, tmp_path, words, told):
    weights = load_file(networks / "4000.safetensors")
    save_file(weights, tmp_path / "4000.safetensors")
    save_file(weights | {"W_E": weights["W_E"] * np.float32(np.nan)}, tmp_path / "nan.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"x" * 50)
    (tmp_path / "torn.pt").write_bytes(b"x" * 50)
    (tmp_path / "words.txt").write_text("x")
    torch.save([1, 2], tmp_path / "list.pt")
    asked = [word.format(tmp_path) for word in words]
    done = predictions("run", "ungrokking", "--size", "smoke", *asked, "--dry-run")
    assert done.code == 2
    assert told in done.err


def test_only_claims_about_what_networks_become_take_it(networks, predictions):
    done = predictions("show", "grokking", "--size", "smoke", *options(networks, 1))
    assert done.code == 2
    assert "--start would have no effect; choose from ungrokking, weight-decay" in done.err


def test_a_run_begins_in_one_way_only():
    with pytest.raises(ValidationError, match="exactly one of init_seed, start and given"):
        run_settings(given="0" * 32)
    with pytest.raises(ValidationError, match="given"):
        run_settings(given="somewhere", init_seed=None)
    run = run_settings(given="0" * 32, init_seed=None)
    assert RunSettings.from_document(run.document()) == run
    assert "given" not in run_settings().document()
    with pytest.raises(ValueError, match="that continues another was not given weights"):
        train([run])
