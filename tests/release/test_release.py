"""What is released, installed where there is no checkout, on each Python that it says it is for.

``make test-release`` builds both archives and sets TEST_RELEASE to their folder. Installing torch
three times takes minutes and gigabytes: no other test does it.
"""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("efficiency", "paper_figures", "predictions", "runs")
PYTHONS = ("3.11", "3.12", "3.13")
SMOKE = ("run", "ungrokking", "--size", "smoke")

pytestmark = pytest.mark.skipif("TEST_RELEASE" not in os.environ, reason="`make test-release`")


@pytest.fixture(scope="session")
def wheel() -> Path:
    (found,) = Path(os.environ["TEST_RELEASE"]).glob("*.whl")
    return found


@pytest.fixture(scope="session", params=PYTHONS)
def installed(request, wheel, tmp_path_factory) -> Path:
    """The programs of an environment that has the wheel and nothing of the checkout."""
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} here")
    place = tmp_path_factory.mktemp(f"python-{request.param}")
    subprocess.run([python, "-m", "venv", place / "env"], check=True)
    programs = place / "env" / "bin"
    limits = ["--constraint", ROOT / "constraints.txt", "--no-compile"]
    pip = [programs / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *limits, wheel], check=True, cwd=place)
    return programs


def interpreter(version: str) -> str | None:
    """Return an interpreter of this version, if there is one: on the path, or one of pyenv's."""
    places = [shutil.which(f"python{version}"), *PYENV.glob(f"{version}.*/bin/python{version}")]
    for python in filter(None, places):
        asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(asked, check=False, capture_output=True, text=True)
        if answer.stdout.strip() == version:  # a shim may be of none
            return str(python)
    return None


PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def run(
    program: Path, *words: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run an installed program in a folder, with nothing of the checkout in reach."""
    env = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(folder), **environment}
    return subprocess.run(
        [program, *words], check=False, cwd=folder, env=env, capture_output=True, text=True
    )


def test_the_wheel_has_all_that_runs_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as held:
        names = set(held.namelist())
        (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        said = email.message_from_bytes(held.read(about))
        commit = held.read("runs/commit.txt").decode().strip()
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    ours = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert ours == {*tracked, "runs/commit.txt"}
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert commit == head.stdout.strip()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (said["Name"], said["Version"]) == (project["name"], project["version"])
    assert said["License-Expression"] == "MIT"
    assert {f"Programming Language :: Python :: {one}" for one in PYTHONS} <= set(
        said.get_all("Classifier", [])
    )


def test_the_source_archive_has_what_it_takes_to_test_and_to_cite_it():
    (archive,) = Path(os.environ["TEST_RELEASE"]).glob("*.tar.gz")
    with tarfile.open(archive) as held:
        names = {name.partition("/")[2] for name in held.getnames()}
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md", "Makefile"}
    wanted |= {"CONTRIBUTING.md", "VISION.md", "examples/sweep.toml", "tests/conftest.py"}
    wanted |= {"constraints.txt", "docs/tutorial.md", "containers/Dockerfile", "runs/commit.txt"}
    assert wanted <= names


def test_it_shows_the_effect_where_there_is_no_checkout(installed, tmp_path):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(installed / "predictions", "--version", folder=tmp_path).stdout.strip() == version
    done = run(installed / "predictions", *SMOKE, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report" / "ungrokking-smoke.html").read_text()
    assert f"version {version}, commit " in page
    assert "engine compiled" in page
    drawn = run(installed / "paper_figures", "build", "--size", "smoke", folder=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    told = run(installed / "predictions", "export", "all.sqlite", folder=tmp_path)
    assert told.returncode == 0, told.stderr


def test_it_trains_without_a_compiler_too(installed, tmp_path):
    # No program but Python's own: as on a machine without development tools.
    done = run(installed / "predictions", *SMOKE, folder=tmp_path, PATH=str(installed))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report" / "ungrokking-smoke.html").read_text()
    assert "engine stacked" in page
    assert "engine compiled" not in page


def test_types_of_what_is_installed_are_seen(installed, tmp_path):
    (tmp_path / "script.py").write_text("from efficiency import RunSettings\nRunSettings(tsk=1)\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", installed / "python", "script.py"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert 'Unexpected keyword argument "tsk"' in checked.stdout, checked.stdout
