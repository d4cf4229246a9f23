"""What a type checker, and a reader in an interactive session, see of the public API."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import efficiency

SCRIPT = """from efficiency import OptimiserSettings, RunSettings, TaskSettings, train

run = RunSettings(
    task=TaskSettings(operation="addition", size=13),
    optimiser=OptimiserSettings(learning_rate=3e-3),
    dataset_size=120,
    data_seed=0,
    init_seed=0,
    num_steps=10,
)
norm: float | None = train([run])[0].outcome.numbers["norm"].value
RunSettings(tsk=1)
"""


def test_a_type_checker_finds_a_misspelt_setting_in_a_users_script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    # Types of other packages are left out: they take a minute and say nothing of ours.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = True\n[mypy-torch.*,numpy.*,pandas.*,scipy.*]\nfollow_imports = skip\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = checked.stdout.splitlines()
    assert lines[0].startswith('script.py:12: error: Unexpected keyword argument "tsk" for "RunSe')
    assert lines[-1] == "Found 1 error in 1 file (checked 1 source file)"


def test_every_public_name_is_there_and_listed():
    assert set(efficiency.__all__) == set(efficiency._HOME)
    assert set(efficiency.__all__) <= set(dir(efficiency))
    for name in efficiency.__all__:
        assert getattr(efficiency, name) is not None
    with pytest.raises(AttributeError, match=r"no 'trian'; it offers .*train"):
        getattr(efficiency, "trian")  # noqa: B009


@pytest.mark.parametrize("package", ["efficiency", "runs", "predictions", "paper_figures"])
def test_every_package_says_that_it_is_typed(package):
    (folder,) = importlib.import_module(package).__path__
    assert (Path(folder) / "py.typed").exists()
