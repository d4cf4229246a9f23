"""Training by jobs, with a Slurm of three small scripts; `make test-cluster` has a real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runs import Store, StoreError, identity
from runs.execution.executors import Submitted
from runs.execution.jobs import Job, jobs
from runs.execution.slurm import Slurm, SlurmOptions, active, requeue
from tests.runs.fake import FakeTrainer, document
from tests.runs.test_execute import family, final

SBATCH = """#!/bin/bash
number=$(( $(ls "$FAKE" | grep -c '^script') + 1 ))
echo "$@" > "$FAKE/asked-$number"
cat > "$FAKE/script-$number"
last=$(sed -n 's/^#SBATCH --array=0-//p' "$FAKE/script-$number")
for task in $(seq 0 "$last"); do
  if [ "$number" -gt "${FAKE_IDLE:-0}" ]; then
    SLURM_JOB_ID=$number bash "$FAKE/script-$number" >> "$FAKE/log-$number" 2>&1
  fi
done
echo "$number;cluster"
"""
SQUEUE = """#!/bin/bash
echo "$@" >> "$FAKE/queue"
if [ -n "${FAKE_QUEUE:-}" ] && [ "$(wc -l < "$FAKE/queue")" -le "$FAKE_QUEUE" ]; then
  echo RUNNING
elif [ -n "${FAKE_FORGETS:-}" ]; then
  echo "slurm_load_jobs error: Invalid job id specified" >&2
  exit 1
fi
"""
SCONTROL = """#!/bin/bash
echo "$@" > "$FAKE/control"
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """The folder in which a Slurm of scripts notes what it was asked."""
    tools, notes = tmp_path / "bin", tmp_path / "fake"
    tools.mkdir()
    notes.mkdir()
    for name, text in {"sbatch": SBATCH, "squeue": SQUEUE, "scontrol": SCONTROL}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(notes))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return notes


def slurm(detach=False, **options) -> Slurm:
    worker = [sys.executable, "-m", "tests.runs.fake_worker"]
    return Slurm(SlurmOptions(**options), worker, {}, detach=detach)


def execute(store, wanted, **options):
    return slurm(**options).execute(wanted, store, FakeTrainer(), report=lambda progress: None)


def test_what_is_asked_of_slurm_is_shown_before(tmp_path):
    store = Store(tmp_path / "s")
    asked = slurm(
        partition="gpu", time="01:00:00", max_jobs=1, setup=("module load python",), more=("-G 1",)
    )
    said = asked.foretold(family(), store, FakeTrainer())
    assert not store.path.exists()
    name = said.split("predictions-")[1].split("-")[0]
    first, second = said.split("#!/bin/bash\n")[1:]
    assert first == (
        f"""#SBATCH --job-name=predictions-{name}-0
#SBATCH --array=0-0
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=399M
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
#SBATCH --output={store.path}/jobs/{name}/%A_%a.log
#SBATCH --partition=gpu
#SBATCH -G 1
module load python
export OPENBLAS_NUM_THREADS=1
exec {sys.executable} -m tests.runs.fake_worker {store.path} {name} 0

"""
    )
    assert f"fake_worker {store.path} {name} 1\n" in second


def test_each_generation_is_an_array_after_the_one_before(tmp_path, fake):
    store = Store(tmp_path / "s")
    execution = execute(store, family(), max_jobs=2)
    for child in family()[2:]:
        assert final(store, child) == 20 * child["start"]["value"] + 20 * child["value"]
    assert (execution.by_others, execution.interrupted, execution.trained) == (10, False, [])
    assert (fake / "asked-1").read_text() == "--parsable\n"
    assert (fake / "asked-2").read_text() == "--parsable --dependency=afterany:1\n"
    assert "--array=0-1" in (fake / "script-2").read_text()
    (noted,) = jobs(store)
    assert list(noted.ids) == ["1", "2"]
    assert [*store.work.iterdir()] == []


def test_what_the_store_has_is_not_submitted(tmp_path, fake):
    store = Store(tmp_path / "s")
    execute(store, family()[:2])
    assert execute(store, family()[:2]).found == 2
    assert not (fake / "asked-2").exists()
    execute(store, family())
    assert "--array=0-3" in (fake / "script-2").read_text()
    assert not (fake / "asked-3").exists(), "the parents were there"


def test_what_jobs_did_not_do_is_submitted_again_as_long_as_they_do_something(
    tmp_path, fake, monkeypatch
):
    store = Store(tmp_path / "s")
    monkeypatch.setenv("FAKE_IDLE", "9")
    with pytest.raises(StoreError, match=r"^10 runs are missing, and no job is left in the queue"):
        execute(store, family())
    monkeypatch.setenv("FAKE_IDLE", "0")
    execute(store, family())
    assert len([*store.identities()]) == 10


def test_jobs_that_run_are_followed_and_not_submitted_again(tmp_path, fake, monkeypatch):
    store = Store(tmp_path / "s")
    monkeypatch.setenv("FAKE_IDLE", "1")
    with pytest.raises(Submitted) as submitted:
        execute(store, [document(1)], detach=True)
    (noted,) = jobs(store)
    assert submitted.value.jobs == (noted.name,)
    monkeypatch.setenv("FAKE_QUEUE", "3")
    (fake / "queue").unlink(missing_ok=True)
    execution = execute(store, [document(1)])
    assert len((fake / "queue").read_text().splitlines()) > 3, "it looked until the job had ended"
    assert final(store, document(1)) == 20, "and then submitted what it had not done"
    assert execution.by_others == 1


def test_what_continues_a_run_that_diverged_is_told_and_not_missed(tmp_path, fake):
    lost = document(1, ends="diverged")
    execution = execute(Store(tmp_path / "s"), [document(2, start=lost), document(3)])
    assert execution.skipped == {
        identity(document(2, start=lost)): "a run that it starts from diverged"
    }
    assert not execution.interrupted


def test_a_job_of_which_slurm_knows_nothing_any_more_has_ended(fake, monkeypatch):
    monkeypatch.setenv("FAKE_FORGETS", "1")
    assert not active(Job(levels=[["a"]], training={}, ids=("7",)))
    assert not active(Job(levels=[["a"]], training={}))


def test_a_task_has_itself_requeued_and_nothing_else_is(fake, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    requeue()
    assert not (fake / "control").exists()
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    requeue()
    assert (fake / "control").read_text() == "requeue 12\n"


def test_a_machine_without_slurm_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"sbatch cannot be started .*leave it out to train here"):
        execute(Store(tmp_path / "s"), [document(1)])
