"""Claims about both circuits inside a network, on histories whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from efficiency.training.outcome import Outcome, outcome
from efficiency.training.record_steps import recorded_steps
from predictions.cells import Run
from predictions.circuit_efficiency.circuits.larger_part import GEN, MEM, crossing_of
from predictions.circuit_efficiency.circuits.logits import Courses, bounds_of_ratio, comes_to
from predictions.circuit_efficiency.circuits.memory_first import MIN_SLOWER
from predictions.circuit_efficiency.circuits.memory_gives_way import LEFT, MEM_LEFT, NORM_FALLS
from predictions.clauses import majority_p
from predictions.groups import CIRCUITS
from predictions.labelled import Labelled, each, word
from predictions.registry import find, group_of, select
from predictions.verdicts import Verdict
from tests.build import Left
from tests.predictions.planted import ended

SHAPES = {
    "normal": lambda rng: rng.normal(),
    "two humps": lambda rng: rng.choice([-1.0, 1.0]) + 0.1 * rng.normal(),
    "skewed": lambda rng: rng.exponential() - 1,
}


def judge(name: str, runs: list[Run]) -> Verdict:
    return find(name).judge("quick", runs)


def grown(steps: np.ndarray, at: float) -> np.ndarray:
    """Return a logistic curve in log step that is half of 1 at a step."""
    return 1 / (1 + (at / np.maximum(steps, 0.5)) ** 6)


def network(
    seed: int,
    *,
    mem_at: float = 100.0,
    slower: float = 20.0,
    left: float = 0.1,
    norm_change: float = -0.1,
    gen: float = 30.0,
) -> Run:
    """Return a run from scratch whose Mem comes at a step, and Gen so many times later.

    Of Mem's logit a part is left once Gen has come, and the log norm changes by so much while Gen
    comes from a quarter to three quarters.
    """
    cells = find("memory-first").cells("quick", seed - 3999)
    cell = next(cell for cell in cells if cell.seed == seed)
    settings = cell.settings
    steps = np.array(recorded_steps(settings.recording, settings.num_steps))
    risen = grown(steps, mem_at * slower)
    novel = gen * risen
    mem = 20 * grown(steps, mem_at) * (1 - (1 - left) * grown(steps, 4 * mem_at * slower))
    quarter, three = (int(np.argmax(risen >= part * risen.max())) for part in (0.25, 0.75))
    rate = norm_change / (risen[three] - risen[quarter])
    history = pd.DataFrame(
        {
            "step": steps,
            "train_loss": 1e-7,
            "train_loss_peak": 1e-7,
            "train_accuracy": np.where(steps >= mem_at, 1.0, 0.5),
            "novel_accuracy": np.clip(risen if gen > 0 else 0 * risen, 1 / 31, 1),
            "log_odds": 17.0,
            "norm": 25 * np.exp(rate * risen),
            "centred_logit": novel + mem,
            "novel_centred_logit": novel,
        }
    )
    return Run(cell=cell, outcome=outcome(history, settings), left=Left(history))


def mem_of(run: Run) -> np.ndarray:
    """Return Mem's correct logit in every record of a run."""
    return (run.history["centred_logit"] - run.history["novel_centred_logit"]).to_numpy()


def networks(num_seeds: int = 6, **of_each) -> list[Run]:
    """Return runs from scratch; a function of a generator gives each its own number."""
    rng = np.random.default_rng(1)
    return [
        network(
            4000 + i,
            **{name: given(rng) if callable(given) else given for name, given in of_each.items()},
        )
        for i in range(num_seeds)
    ]


def continued(*, low: float = 0.1, high: float = 10.0, num_seeds: int = 8, **of_seed) -> list[Run]:
    """Return start networks and continuations with Gen / Mem from ``low`` to ``high`` along log D'.

    ``of_seed`` maps the number of a seed to its own (low, high).
    """
    cells = find("larger-part").cells("quick", num_seeds)
    sizes = sorted({c.settings.dataset_size for c in cells if c.role == "judged"})
    runs = []
    for cell in cells:
        s = cell.settings
        if cell.role == "start":
            runs.append(ended(cell))
            continue
        own_low, own_high = of_seed.get(f"seed_{s.data_seed - 4000}", (low, high))
        along = sizes.index(s.dataset_size) / (len(sizes) - 1)
        ratio = own_low ** (1 - along) * own_high**along
        gen = 40 * ratio / (1 + ratio)
        runs.append(
            ended(
                cell,
                centred_logit=40.0,
                novel_centred_logit=gen,
                novel_accuracy=0.05 + 0.9 * along,
            )
        )
    return runs


TRUE = {
    "memory-first": networks(slower=lambda rng: 20 * math.exp(0.5 * rng.normal())),
    "memory-gives-way": networks(
        left=lambda rng: rng.uniform(0.05, 0.15), norm_change=lambda rng: rng.uniform(-0.15, -0.05)
    ),
    "larger-part": continued(),
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_planted_truth_is_supported_and_survives_json(name):
    verdict = judge(name, TRUE[name])
    assert verdict.outcome == "supported", verdict.sentence
    assert verdict.p_value < 0.05 < verdict.p_refuted
    assert verdict.deciding in verdict.numbers
    for found in verdict.numbers:
        assert word(found) in find(name).glossary, found
    assert Verdict.from_document(verdict.document()) == verdict


@pytest.mark.parametrize("name", CIRCUITS)
def test_too_few_or_diverged_networks_decide_nothing(name):
    two = {run.settings.data_seed for run in TRUE[name]}
    few = [run for run in TRUE[name] if run.settings.data_seed in sorted(two)[:2]]
    assert judge(name, few).outcome == "undecided"
    assert judge(name, few).p_value is None
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    assert judge(name, [replace(run, outcome=lost) for run in TRUE[name]]).outcome == "invalid"
    assert judge(name, []).outcome == "invalid"


def test_gen_as_early_as_mem_or_a_little_later_refutes_memory_first():
    for slower in (1.0, 2.0):
        verdict = judge("memory-first", networks(slower=lambda rng, s=slower: s + rng.uniform()))
        assert (verdict.outcome, verdict.deciding) == ("refuted", "gen_after_mem")


def test_gen_that_never_comes_is_as_late_as_the_run_is_long():
    runs = networks(gen=lambda rng: -rng.uniform(1, 2))
    verdict = judge("memory-first", runs)
    assert (verdict.outcome, verdict.deciding) == ("undecided", "final_accuracy")
    assert verdict.numbers["runs_without_gen"].value == len(runs)
    assert "step_of_gen" not in verdict.numbers
    mem = [run.history["step"][comes_to(mem_of(run), 0.5)] for run in runs]
    assert verdict.numbers["gen_after_mem"].value == pytest.approx(40_000 / np.mean(mem), rel=0.01)
    kept = judge("memory-gives-way", runs)
    assert kept.by_seed[NORM_FALLS] == {run.settings.data_seed: 0.0 for run in runs}
    assert kept.outcome == "refuted"


def test_memory_that_stays_or_a_norm_that_rises_refutes_that_it_gives_way():
    def some(rng):
        return rng.uniform(-0.15, -0.05)

    stays = judge(
        "memory-gives-way", networks(left=lambda rng: rng.uniform(0.7, 1), norm_change=some)
    )
    assert (stays.outcome, stays.deciding) == ("refuted", MEM_LEFT)
    rises = judge("memory-gives-way", networks(norm_change=lambda rng: rng.uniform(0.02, 0.1)))
    assert (rises.outcome, rises.deciding) == ("refuted", NORM_FALLS)


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_circuit_that_keeps_its_part_refutes_the_larger_part(end):
    verdict = judge("larger-part", continued(**{end: 1.0}))
    assert verdict.outcome == "refuted"
    assert verdict.deciding == (MEM if end == "low" else GEN)


def test_networks_of_which_half_are_as_it_says_are_an_undecided_larger_part():
    half = {f"seed_{i}": (0.1, 1.0) for i in range(4)}
    assert judge("larger-part", continued(**half)).outcome == "undecided"


@pytest.mark.parametrize(
    ("shape", "most"), [("normal", 0.05), ("two humps", 0.05), ("skewed", 0.12)]
)
@pytest.mark.parametrize(
    ("name", "number"), [("memory-first", None), ("memory-gives-way", MEM_LEFT)]
)
def test_a_mean_at_its_bound_is_rarely_decided_either_way(name, number, shape, most):
    # Five percent of both sides together; of six skewed values a t test errs by itself in 11%.
    outcomes, count = [], 100
    rng, cell = np.random.default_rng(2), TRUE["memory-first"][0].cell
    for _ in range(count):
        of_each = [0.05 * SHAPES[shape](rng) for _ in range(6)]
        outcomes.append(judged(name, [edge(name, number, off, cell) for off in of_each]))
    wrong = sum(outcome != "undecided" for outcome in outcomes)
    assert wrong / count <= most + 2 * math.sqrt(most * (1 - most) / count)


def test_a_norm_that_falls_by_decay_alone_is_rarely_taken_for_gen():
    # It falls ever more slowly, whatever the circuits do; noise makes it fall faster in some.
    rng, cell, count = np.random.default_rng(4), TRUE["memory-first"][0].cell, 60
    outcomes = []
    for _ in range(count):
        seen = []
        for _ in range(8):
            both, run = edge("memory-gives-way", NORM_FALLS, -0.1, cell)
            norm = 20 + 6 * np.exp(-both.step / 5e3) + 0.05 * rng.normal(size=len(both.step))
            seen.append((replace(both, norm=norm), run))
        outcomes.append(judged("memory-gives-way", seen))
    assert outcomes.count("supported") <= 0.05 * count
    assert outcomes.count("refuted") > 0.5 * count


def judged(name, seen) -> str:
    """Return what a rule says of both circuits and the runs of some seeds."""
    both, runs = ({seed: one[i] for seed, one in enumerate(seen)} for i in (0, 1))
    return find(name).judged(both, runs, ()).outcome


def edge(name, number, off, cell):
    """Return both circuits of a network at a rule's bound, but for ``off``, and its run."""
    steps = np.exp(np.linspace(0, math.log(1e6), 801))
    gen_at = 100 * MIN_SLOWER * math.exp(off) if name == "memory-first" else 1e4
    gen = 30 / (1 + (gen_at / steps) ** 6)
    mem = 20 / (1 + (100 / steps) ** 6)
    norm = 25 * np.exp((off if number == NORM_FALLS else -0.1) / 0.5 * gen / gen.max())
    left = LEFT + off if number == MEM_LEFT else 0.1
    run = ended(cell, centred_logit=30 + 20 * left, novel_centred_logit=30.0, novel_accuracy=0.99)
    return Courses(step=steps, gen=gen, mem=mem, norm=norm), run


def test_the_advertised_power_is_there():
    rng, cell = np.random.default_rng(3), TRUE["memory-first"][0].cell
    first = way = 0
    for _ in range(60):
        late = math.log(20 / MIN_SLOWER) + math.log(2) * rng.normal(size=6)
        first += (
            judged("memory-first", [edge("memory-first", None, off, cell) for off in late])
            == "supported"
        )
        nine = []
        for left in 0.1 + 0.05 * rng.normal(size=9):
            change = -0.1 if rng.random() < 0.98 else 0.1
            both, _ = edge("memory-gives-way", NORM_FALLS, change, cell)
            ends = ended(cell, novel_centred_logit=30.0, centred_logit=30 + 20 * left)
            nine.append((both, ends))
        way += judged("memory-gives-way", nine) == "supported"
    assert first >= 48
    assert way >= 48
    # Of nine networks eight must be so at either end.
    assert majority_p(8, 9) < 0.05 < majority_p(7, 9)
    assert stats.binom.sf(7, 9, 0.97) ** 2 >= 0.8


def test_what_is_steady_comes_to_a_part_and_what_flickers_does_not():
    assert comes_to([0, 5, 0, 5, 6, 10, 10, 10], 0.5) == 3
    assert comes_to([0, 9, 0, 9, 0, 10, 0], 0.5) is None
    assert comes_to([-1, -2, 0, 0], 0.5) is None
    assert comes_to([10, 10], 0.5) is None


def test_a_crossing_of_parts_is_found_if_there_is_one_upwards():
    assert crossing_of([100, 400], [0.25, 0.75]) == pytest.approx(200)
    assert crossing_of([100, 200, 400], [0.0, 0.2, 0.8]) == pytest.approx(200 * math.sqrt(2))
    assert crossing_of([100, 200, 400], [0.6, 0.7, 0.8]) is None
    assert crossing_of([100, 200, 400], [0.1, 0.2, 0.3]) is None
    assert crossing_of([1, 2, 3, 4], [0.1, 0.6, 0.4, 0.9]) is None
    assert crossing_of([1, 2], [math.nan, 0.9]) is None


def test_equal_logits_are_where_the_planted_ratio_is_one():
    numbers = judge("larger-part", continued(low=0.1, high=10.0)).numbers
    sizes = sorted(name["dataset_size"] for name, _ in each(numbers, "gen_to_mem", "dataset_size"))
    middle = math.sqrt(sizes[2] * sizes[3])
    assert numbers["size_of_equal_logits"].value == pytest.approx(middle, rel=0.02)
    assert numbers[Labelled("gen_to_mem", dataset_size=sizes[0])].value == pytest.approx(0.1)


def test_a_circuit_without_a_logit_is_the_smaller_one():
    assert bounds_of_ratio((0.0, 3.0)) == (0.0, 0.0)
    assert bounds_of_ratio((3.0, -1.0)) == (math.inf, math.inf)
    assert bounds_of_ratio((-1.0, -1.0)) == (0.0, math.inf)
    assert bounds_of_ratio(None) == (0.0, math.inf)


def test_circuits_are_a_group_that_trains_nothing_of_its_own():
    assert [p.name for p in select(("circuits",))] == list(CIRCUITS)
    assert group_of(list(CIRCUITS), "quick") == "circuits"
    assert [p.name for p in select(("circuits",), size="replication")] == ["larger-part"]
    theirs = {s for name in ("grokking", "ungrokking") for s in find(name).settings("quick")}
    assert {s for one in CIRCUITS.values() for s in one.settings("quick")} <= theirs
