from __future__ import annotations

import dataclasses
import json
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.engines import ENGINES
from efficiency.operations import OPERATIONS
from predictions.cli import options
from predictions.grounds import GROUNDS, ground, judged_seeds
from predictions.groups import GROUPS
from predictions.plans import Extent
from predictions.registry import PREDICTIONS, group_of, select
from predictions.report import stem
from predictions.sizes import SIZES
from predictions.variants import AS_DESIGNED, MAX_SEEDS, NETWORKS, Variant
from runs import identity

ASKING = [prediction for prediction in PREDICTIONS.values() if prediction.varies]


def test_the_command_line_asks_for_all_that_may_differ_and_names_every_network():
    offered = get_type_hints(options.Asked)  # their help left out
    assert list(offered) == [field.name for field in dataclasses.fields(Variant)]
    told = get_type_hints(options.Asked, include_extras=True)["network"].__metadata__[0].help
    for name in NETWORKS:
        assert name in told or name == "one-layer"  # the design's own


def test_the_command_line_offers_every_engine():
    (_, told) = get_args(options.EngineOption)
    for name in ("auto", *ENGINES):
        assert name in told.help


@pytest.mark.parametrize("size", SIZES)
def test_nothing_asked_for_is_the_design(size):
    assert ground(size) == GROUNDS[size]
    same = Variant(operation=GROUNDS[size].task.operation, network="one-layer")
    assert ground(size, same) == GROUNDS[size]
    for prediction in (one for one in ASKING if size in one.sizes):
        assert type(prediction)(same).settings(size, 2) == prediction.settings(size, 2)


@given(
    st.sampled_from([name for name in sorted(OPERATIONS) if "mod p" in OPERATIONS[name].meaning]),
    st.sampled_from(NETWORKS),
    st.sampled_from(ASKING),
)
def test_every_run_has_the_operation_and_the_network_asked_for(operation, network, prediction):
    variant = Variant(operation=operation, network=network)
    varied, usual = type(prediction)(variant).settings("quick", 1), prediction.settings("quick", 1)
    assert {run.task.operation for run in varied} == {operation}
    assert {run.network for run in varied} == {ground("quick", variant).network}
    # The same parts of a table that may be smaller.
    assert len(set(varied)) == len(varied) == len(usual)
    pairs = ground("quick", variant).num_pairs
    for one, other in zip(varied, usual, strict=True):
        assert one.dataset_size == pytest.approx(other.dataset_size * pairs / 961, abs=0.51)


def test_a_group_takes_its_own_size():
    on = ground("quick", Variant(operation="composition", operation_size=4))
    assert on.num_pairs == 576
    assert on.scaled((961, 480)) == (576, 288)
    with pytest.raises(ValueError, match="outside 2 … 6 for composition"):
        ground("quick", Variant(operation="composition"))


def test_the_options_come_back_in_commands_and_names():
    variant = Variant(operation="composition", operation_size=4, network="mlp")
    words = "--operation composition --operation-size 4 --network mlp"
    assert " ".join(variant.options()) == words
    assert Variant.asked(words) == variant
    (prediction,) = select(("ungrokking",), variant)
    assert prediction.command("quick", Extent(seeds=5)).endswith(f"--size quick --seeds 5 {words}")
    verdict = prediction.judge("quick", [])
    assert verdict.options == words
    assert stem([prediction], "quick", Extent()) == "ungrokking-quick-composition-4-mlp"
    assert AS_DESIGNED.options() == []


@given(
    st.integers(1, MAX_SEEDS),
    st.integers(1, MAX_SEEDS),
    st.integers(-10, 20_000) | st.integers(0, 2**40),
)
def test_seeds_that_are_asked_for_are_fresh_or_refused(num_usual, num_seeds, first_seed):
    usual = judged_seeds(num_usual)
    try:
        asked = judged_seeds(num_seeds, first_seed)
    except ValueError:
        assert first_seed < 1000 or 3000 < first_seed < 5000 or first_seed > 10**9
        return
    assert first_seed == usual[0] or not {*asked} & {*usual}
    assert min(asked) >= 1000


@pytest.mark.parametrize("name", sorted(PREDICTIONS.keys() - {"minimal-example"}))
@pytest.mark.parametrize("size", ["quick", "standard"])
def test_a_replication_shares_no_run_with_the_first(name, size):
    (usual,), (again,) = select((name,)), select((name,), Variant(first_seed=7000))
    first, second = ({identity(r.document()) for r in p.settings(size)} for p in (usual, again))
    assert first
    assert len(first) == len(second)
    assert not first & second
    assert min(run.data_seed for run in again.settings(size)) == 7000
    assert len(again.settings(size, 2)) == len(usual.settings(size, 2))


def test_other_seeds_are_asked_of_every_prediction_and_told_in_commands_and_names():
    variant = Variant(first_seed=7000)
    assert not variant.elsewhere
    assert Variant.asked("--first-seed 7000") == variant
    assert [p.name for p in select(tuple(GROUPS), variant)] == list(PREDICTIONS)
    (prediction,) = select(("ungrokking",), variant)
    assert prediction.command("quick", Extent(seeds=5)).endswith(
        "--size quick --seeds 5 --first-seed 7000"
    )
    assert prediction.judge("quick", []).options == "--first-seed 7000"
    assert stem([prediction], "quick", Extent(seeds=5)) == "ungrokking-quick-from-seed-7000-5-seeds"


def test_what_asks_no_network_has_no_variant():
    varied = select(
        ("all", "circuits", "critical-size", "controls", "substitutes", "at-rest"),
        Variant(network="mlp"),
    )
    assert {p.name for p in varied} == {p.name for p in ASKING}
    with pytest.raises(
        ValueError, match=r"minimal-example has an operation.*leave out --network mlp"
    ):
        select(("minimal-example",), Variant(network="mlp"))


def test_a_group_leaves_out_what_has_no_design_of_a_size():
    chosen = [one.name for one in select(tuple(GROUPS), size="replication")]
    assert chosen == [one.name for one in PREDICTIONS.values() if "replication" in one.sizes]
    assert "semi-grokking" not in chosen
    of_theory = [one.name for one in select(("all",), size="replication")]
    assert group_of(of_theory, "replication") == "all"
    assert group_of(of_theory, "quick") is None
    assert group_of(of_theory[1:], "replication") is None
    for name in ("semi-grokking", "first-study"):
        with pytest.raises(ValueError, match=rf"{name} has no design .* standard, paper"):
            select((name,), size="replication")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--first-seed", "999"], "outside 1000 … 3000 and 5000 … 1000000000: designs were chosen"),
        (["--first-seed", "3001"], "those near 4000 may have been judged before"),
        (["--first-seed", "4005"], "those near 4000 may have been judged before"),
        (["--first-seed", "4999"], "those near 4000 may have been judged before"),
        (["--first-seed", "4e3"], "'4e3' is not a whole number"),
        (["--network", "rnn"], "choose from one-layer, two-layer, mlp"),
        (["--operation", "sum"], "choose from addition, composition"),
        (["--operation-size", "1"], "outside 2 … 999 for addition"),
        (["--operation-size", "0"], "size = 0 (modulus p) is outside"),
        (["--operation", "division", "--operation-size", "12"], "not prime"),
        (["--operation", "composition", "--operation-size", "2"], "4 pairs, too few"),
        (["--operation-size", "5"], "25 pairs, too few for the dataset sizes of this design"),
    ],
)
def test_a_variant_that_makes_no_sense_is_refused(predictions, tmp_path, arguments, message):
    answer = predictions("run", "ungrokking", "--store", tmp_path / "store", *arguments)
    assert answer.code == 2
    assert message in answer.err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("network", ["two-layer", "mlp"])
def test_ungrokking_runs_on_another_operation_and_network(predictions, tmp_path, network):
    # Far too small to show anything: that runs train, are judged and reported.
    arguments = ["ungrokking", "--size", "smoke", "--seeds", "1", "--store", tmp_path / "store"]
    varied = ["--operation", "subtraction", "--operation-size", "7", "--network", network]
    out = ["--out", tmp_path / "out"]
    trained = predictions("run", *arguments, *varied, *out, "--json")
    assert trained.code == 0
    (verdict,) = json.loads(trained.out)
    assert verdict["options"] == " ".join(varied)
    assert (tmp_path / "out" / f"ungrokking-smoke-subtraction-7-{network}-1-seeds.html").exists()
    judged = predictions("judge", *arguments, *varied, "--json")
    assert json.loads(judged.out) == [verdict]
    missing = predictions("judge", *arguments, *varied[:4], "--json")
    assert "are not in the store" in json.loads(missing.out)[0]["sentence"]
