from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import settings as hypothesis_settings

hypothesis_settings.register_profile("dev", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "dev")

# What tests expect of workers, engines and bits is a CPU's, on a machine with a GPU as well, and in
# the processes that they start. tests/gpu is what is for a GPU.
if "TEST_GPU" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

# Test processes, and what they start, run side by side; more threads each would only get in each
# other's way.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--calibration",
        choices=["short", "full"],
        default="short",
        help="how many sweeps calibration simulates, and how many processes are killed",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "calibration: is longer with --calibration full")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "full_calibration" in getattr(item, "fixturenames", ()):
            item.add_marker("calibration")


@pytest.fixture
def full_calibration(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--calibration") == "full")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def _called(monkeypatch, capsys, program: str):
    """Return what calls a command line in this process: arguments in, exit code and output out."""
    from predictions import command

    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            getattr(command, program)()
        captured = capsys.readouterr()
        return Answer(int(end.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def predictions(monkeypatch, capsys):
    """Call ``predictions`` in this process."""
    return _called(monkeypatch, capsys, "predictions")


@pytest.fixture
def paper_figures(monkeypatch, capsys):
    """Call ``paper_figures`` in this process."""
    return _called(monkeypatch, capsys, "paper_figures")


@pytest.fixture(scope="session")
def smoke_store(tmp_path_factory) -> Path:
    """A store with the smoke size of ungrokking, trained once and shared by the tests."""
    from predictions.registry import find
    from predictions.trainer import NetworkTrainer
    from runs import Store, execute

    store = Store(tmp_path_factory.mktemp("smoke") / "store")
    documents = [settings.document() for settings in find("ungrokking").settings("smoke")]
    execute(documents, store, NetworkTrainer("cpu"))
    return store.path


@pytest.fixture
def own_store(smoke_store: Path, tmp_path: Path) -> Path:
    """A copy of the smoke store, to be harmed."""
    copy = tmp_path / "store"
    shutil.copytree(smoke_store, copy)
    return copy
