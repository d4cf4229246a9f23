"""What `predictions doctor` finds, and what it says is in the way."""

from __future__ import annotations

import json
from collections import namedtuple

import pytest

from predictions import doctor
from predictions.doctor import Finding, examine, facts, file_system
from runs import Store
from runs.execution.claims import Claim


def states(found: list[Finding]) -> dict[str, str]:
    return {one.about: one.state for one in found}


def test_a_machine_that_can_train_is_told_so_and_nothing_is_left_behind(tmp_path, predictions):
    place = tmp_path / "store"
    answer = predictions("doctor", "--store", place)
    assert answer.code == 0
    lines = dict(line[2:].split("  ", 1) for line in answer.out.splitlines())
    assert {"versions", "processor", "memory", "store", "claims", "scratch"} <= lines.keys()
    assert "(not there yet)" in lines["store"]
    assert not [*tmp_path.iterdir()]


def test_a_store_that_is_there_is_left_as_it_is(own_store, predictions):
    before = sorted(own_store.rglob("*"))
    assert predictions("doctor", "--store", own_store).code == 0
    assert sorted(own_store.rglob("*")) == before


def test_versions_are_compared_with_those_of_another_machine(tmp_path, predictions):
    said = predictions("doctor", "--store", tmp_path / "s", "--json")
    there = json.loads(said.out)
    assert there["facts"] == facts(tmp_path / "s")
    file = tmp_path / "there.json"
    file.write_text(said.out)
    unseen = predictions("doctor", "--store", tmp_path / "s", "--like", file)
    assert unseen.code == 2
    assert "! the store" in unseen.out
    Store(tmp_path / "s").create()
    file.write_text(predictions("doctor", "--store", tmp_path / "s", "--json").out)
    assert predictions("doctor", "--store", tmp_path / "s", "--like", file).code == 0
    Store(tmp_path / "another").create()
    assert predictions("doctor", "--store", tmp_path / "another", "--like", file).code == 2
    there["facts"]["numpy"] = "0.1"
    file.write_text(json.dumps(there))
    answer = predictions("doctor", "--store", tmp_path / "s", "--like", file)
    assert answer.code == 2
    assert "! the other machine" in answer.out
    assert "numpy is" in answer.out
    assert "0.1 there" in answer.out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"facts": 1}'])
def test_a_file_of_something_else_is_refused(tmp_path, predictions, text):
    file = tmp_path / "there.json"
    file.write_text(text)
    answer = predictions("doctor", "--like", file)
    assert answer.code == 2
    assert "make it on the other machine: predictions doctor --json > FILE" in answer.err


def test_claims_that_everybody_gets_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Claim, "take", lambda claim: True)
    monkeypatch.setattr(Claim, "give_up", lambda claim: None)
    (claims,) = [one for one in examine(tmp_path) if one.about == "claims"]
    assert claims.state == "slower"
    assert "harms nothing" in claims.told


def test_a_folder_that_cannot_be_written_is_in_the_way(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", refuse)
    found = examine(tmp_path / "store")
    assert states(found)["writing"] == "in the way"


def test_a_full_disk_and_little_memory_are_in_the_way(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(10, 9, 1))
    monkeypatch.setattr(doctor.limits, "free_bytes", lambda device: 2.0**29)
    found = states(examine(tmp_path))
    assert found["store"] == found["memory"] == "in the way"


def test_a_machine_without_a_compiler_is_slower_and_not_in_the_way(tmp_path, monkeypatch):
    engine = doctor.engines.ENGINES.find("compiled")
    monkeypatch.setattr(engine, "missing", classmethod(lambda cls, device: "there is no compiler"))
    found = [one for one in examine(tmp_path) if one.about == "engine compiled"]
    assert [(one.state, one.told.split(";")[0]) for one in found] == [
        ("slower", "there is no compiler")
    ]


def test_a_clock_that_is_apart_is_told_and_harms_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.time, "time", lambda: 0.0)
    (clock,) = [one for one in examine(tmp_path) if one.about == "clock"]
    assert clock.state == "ok"
    assert "later; leases, of 120 s, do not depend on it" in clock.told


def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(tmp_path):
    inner = tmp_path / "a b" / "c"
    inner.mkdir(parents=True)
    mounts = tmp_path / "mounts"
    escaped = str(tmp_path / "a b").replace(" ", "\\040")
    mounts.write_text(f"disk / ext4 rw 0 0\nhost:/x {escaped} nfs4 rw 0 0\n")
    assert file_system(inner, mounts) == "nfs4"
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "none") == "a file system of unknown kind"
