"""The notebooks run from their first cell to their last, where nothing but the packages is."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))

SHOWN = {
    "a-prediction-of-your-own": ("a true world supports it", r"ratio\s+of\s+times\s+is\s+[\d.]+"),
    "from-a-run-to-a-picture": ("UNDECIDED", "novel_accuracy"),
    "inside-a-network": ("settled", r"gen_logit +mem_logit", r"accuracy over the table: 1\.000"),
}
"""What each tells of what it did."""

FIGURES = {"a-prediction-of-your-own": 0, "from-a-run-to-a-picture": 2, "inside-a-network": 2}


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_shows_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    programs = Path(sys.executable).parent  # on the path of whoever starts Jupyter
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, resources=place).execute()
    found = outputs(notebook)
    text = "\n".join(
        one.get("text", "") + one.get("data", {}).get("text/plain", "") for one in found
    )
    for told in SHOWN[name]:
        assert re.search(told, text), told
    assert "Traceback" not in text
    assert sum("image/png" in one.get("data", {}) for one in found) == FIGURES[name]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_kept_without_what_a_run_of_it_leaves(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert outputs(notebook) == []
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}
    assert notebook.cells[0].source.startswith("# ")
