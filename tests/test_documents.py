"""What the documents say must be so."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from predictions.cli.app import app
from predictions.sizes import SIZES

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "docs" / "decisions", ROOT / "benchmarks")
    for path in folder.glob("*.md")
)
README = (ROOT / "README.md").read_text()


USING, FROM_PYTHON = ((ROOT / "docs" / name).read_text() for name in ("using.md", "python.md"))


def commands() -> list[str]:
    blocks = re.findall(r"```\n(.*?)```", README + USING, flags=re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("predictions")])
def test_every_command_that_is_shown_is_understood(command):
    app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)


def test_every_make_target_that_is_shown_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    wanted = {c.split()[1] for c in commands() if c.startswith("make")}
    assert {"ungrokking", "test"} <= wanted <= set(targets)


def test_the_python_that_is_shown_runs(capsys):
    first, over_training = re.findall(r"```python\n(.*?)```", FROM_PYTHON, flags=re.DOTALL)
    exec(compile(first, "python.md", "exec"), {})  # noqa: S102 - it is our own
    assert len(re.findall(r"train_accuracy", capsys.readouterr().out)) == 2
    exec(compile(over_training, "python.md", "exec"), {})  # noqa: S102 - the same
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in (lines[0], lines[-1])] == ["0", "300"]
    assert len([line for line in over_training.splitlines() if line]) <= 12


@pytest.mark.xdist_group("smoke")
def test_the_python_in_the_readme_reads_a_store(smoke_store, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    block = block.replace('"store"', repr(str(smoke_store)))
    block = block.replace('"ungrokking",', '"ungrokking", size="smoke",')
    held: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), held)  # noqa: S102 - it is our own
    assert "dataset_size" in capsys.readouterr().out
    assert [*held["curve"]] == ["step", "train_accuracy", "novel_accuracy", "norm"]
    assert [*held["network"].reads] == ["a", "b", held["settings"].task.size]


@pytest.mark.xdist_group("smoke")
def test_the_tutorial_works_as_it_stands(smoke_store, tmp_path, monkeypatch, predictions, capsys):
    text = (ROOT / "docs" / "tutorial.md").read_text()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").symlink_to(smoke_store)
    *blocks, mine = re.findall(r"```python.*?\n(.*?)```", text, flags=re.DOTALL)
    held: dict[str, Any] = {}
    for block in blocks:
        smoke = block.replace('"ungrokking",', '"ungrokking", size="smoke",')
        exec(compile(smoke, "tutorial.md", "exec"), held)  # noqa: S102 - it is our own
    told = capsys.readouterr().out
    assert "novel_accuracy" in told
    assert re.search(r"^3 \+ 4 = \d+, by a network that was trained on \d+$", told, re.MULTILINE)
    lines = held["plt"].gca().lines
    assert len(lines) == len(held["smallest"]) > 1
    assert (tmp_path / "ungrokking.svg").stat().st_size > 1000
    held["plt"].close("all")
    (tmp_path / "mine.py").write_text(mine)
    (command,) = re.findall(r"^predictions (.*--size smoke)$", text, flags=re.MULTILINE)
    monkeypatch.syspath_prepend(tmp_path)
    done = predictions(*shlex.split(command), "--dry-run")
    assert done.code == 0, done.err
    sys.modules.pop("mine", None)


def test_every_size_is_named_in_order():
    assert (
        tuple(
            re.findall(
                r"^\| `(smoke|quick|standard|replication|paper)` \|", USING, flags=re.MULTILINE
            )
        )
        == SIZES
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document):
    for name in re.findall(
        r"`((?:efficiency|runs|predictions|tests|docs)/[\w./]+)`", document.read_text()
    ):
        assert (ROOT / name).exists(), name


def test_the_vision_is_short():
    assert len((ROOT / "VISION.md").read_text().splitlines()) <= 10
