"""Training by jobs, with a Slurm of three small scripts; `make test-cluster` has a real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runs import Store, StoreError, identity
from runs.execution.executors import Submitted
from runs.execution.jobs import Job, jobs
from runs.execution.slurm import Slurm, SlurmOptions
from runs.execution.slurm_commands import in_the_queue, queue, requeue
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
  grep -l . "$FAKE"/script-* | while read -r script; do
    echo "${script##*-}|$(sed -n 's/^#SBATCH --job-name=//p' "$script")|RUNNING|None"
  done
  echo "1|somebody-elses|RUNNING|None"
elif [ -n "${FAKE_SILENT:-}" ]; then
  echo "slurm_load_jobs error: Unable to contact slurm controller" >&2
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
    return Slurm(SlurmOptions(**({"max_jobs": 1} | options)), worker, {}, detach=detach)


def execute(store, wanted, **options):
    return slurm(**options).execute(wanted, store, FakeTrainer(), report=lambda progress: None)


def test_what_is_asked_of_slurm_is_shown_before(tmp_path):
    store = Store(tmp_path / "s")
    asked = slurm(
        partition="gpu", time="01:00:00", max_jobs=1, setup=("module load python",), more=("-G 1",)
    )
    said = asked.preview(family(), store, FakeTrainer())
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
    execute(store, family()[:4], max_jobs=9)
    assert "--array=0-0" in (fake / "script-2").read_text(), "one group is left, and one task"
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


def test_what_the_last_job_said_is_in_the_error(tmp_path, fake):
    store = Store(tmp_path / "s")
    said = f"cd '{store.path}'/jobs/* && echo '/bin/sh: module: not found' > 1_0.log"
    with pytest.raises(StoreError, match="newest ends with '/bin/sh: module: not found'"):
        execute(store, [document(1)], setup=(said, "exit 1"))


def test_a_group_that_takes_longer_than_a_job_may_is_submitted_until_it_ends(
    tmp_path, fake, monkeypatch
):
    store = Store(tmp_path / "s")
    monkeypatch.setenv("FAKE_LIMIT", "4")  # of 20 steps
    execute(store, [document(1)])
    assert final(store, document(1)) == 20
    assert len(list(fake.glob("script-*"))) == 5
    monkeypatch.setenv("FAKE_LIMIT", "0")
    with pytest.raises(StoreError, match="1 runs are missing, and no job is left in the queue"):
        execute(store, [document(2)])
    assert len(list(fake.glob("script-*"))) == 6, "what makes no step is not tried again"


def test_who_mixes_lost_and_sound_runs_in_a_group_trains_the_sound_ones(tmp_path, fake):
    lost = document(1, ends="diverged")
    wanted = [document(2, start=lost), document(3, start=document(4))]
    store = Store(tmp_path / "s")
    execution = execute(store, wanted)
    assert execution.skipped.keys() == {identity(wanted[0])}
    assert not store.has(identity(wanted[0]))
    assert final(store, wanted[1]) == 140


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


def test_tasks_are_known_by_name_and_number(fake, monkeypatch):
    mine = Job(levels=[["a"], ["b"]], training={}, ids=("1", "2"))
    monkeypatch.setenv("FAKE_QUEUE", "9")
    assert queue([mine]) == {}
    for level in (0, 1):
        script = slurm().script(mine, level, Store(fake / "s"), 1e6)
        (fake / f"script-{level + 1}").write_text(script)
    assert queue([mine]) == {mine.name: {"running": 2}}
    mine.write(Store(fake / "s"))
    assert in_the_queue(Store(fake / "s")) == [f"job {mine.name} of Slurm: 2 running"]
    other = Job(levels=[["a"], ["b"]], training={}, ids=("7", "8"))
    assert queue([other]) == {}, "of another cluster"


def test_slurm_may_be_silent_while_jobs_are_followed(tmp_path, fake, monkeypatch):
    monkeypatch.setenv("FAKE_SILENT", "1")
    said = []
    Job(levels=[["a"]], training={}, ids=("7",)).write(Store(tmp_path / "other"))
    (line,) = in_the_queue(Store(tmp_path / "other"))
    assert line.startswith("what is in the queue is not known: squeue")
    store = Store(tmp_path / "s")
    with pytest.raises(StoreError, match="Unable to contact slurm controller"):
        slurm().execute(family(), store, FakeTrainer(), report=said.append)
    assert not store.path.exists()
    monkeypatch.setattr("runs.execution.following.SILENT_SECONDS", 1.0)
    monkeypatch.setenv("FAKE_QUEUE", str(len((fake / "queue").read_text().splitlines()) + 1))
    with pytest.raises(StoreError, match="Unable to contact slurm controller"):
        slurm().execute(family(), store, FakeTrainer(), report=said.append)
    assert any("not known" in progress.activity for progress in said)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_jobs": 0}, "max_jobs is 0; it must be 1 at least"),
        ({"warning_seconds": -5}, "warning_seconds is -5"),
        ({"partition": "a\nrm -r x"}, "partition is"),
        ({"time": " "}, "time is ' '"),
        ({"time": "banana"}, "time is 'banana'; give minutes, minutes:seconds"),
        ({"time": "1-00:00:00:00"}, "time is"),
        ({"time": "04:00:00\n#SBATCH --wrap=x"}, "time is"),
    ],
)
def test_options_that_make_no_script_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        SlurmOptions(**options)


@pytest.mark.parametrize(
    "time", ["30", "30:00", "04:00:00", "2-12", "2-12:30", "2-12:30:15", "UNLIMITED"]
)
def test_limits_of_time_are_those_of_sbatch(time):
    assert SlurmOptions(time=time).time == time


def test_a_store_with_a_space_and_a_percent_sign_keeps_its_name(tmp_path):
    said = slurm().preview(family(), Store(tmp_path / "my %j store"), FakeTrainer())
    assert f"#SBATCH --output='{tmp_path}/my %%j store/jobs/" in said


def test_a_task_has_itself_requeued_and_nothing_else_is(fake, monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    requeue()
    assert not (fake / "control").exists()
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    requeue()
    assert (fake / "control").read_text() == "requeue 12\n"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    requeue()
    assert (fake / "control").read_text() == "requeue 12_3\n", "and not the whole array"


def test_a_machine_without_slurm_is_told(tmp_path, monkeypatch):
    Job(levels=[["a"]], training={}, ids=("7",)).write(Store(tmp_path / "other"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert in_the_queue(Store(tmp_path / "other")) == []
    with pytest.raises(StoreError, match=r"squeue cannot be started .*leave it out to train here"):
        execute(Store(tmp_path / "s"), [document(1)])
    assert not (tmp_path / "s").exists(), "nothing is noted that nobody was asked for"
