"""The documentation site is built from documents whose links lead to pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paper_figures import browser

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import assemble  # noqa: E402 - it is no package

sys.path.remove(str(ROOT / "docs"))


@pytest.mark.parametrize(
    ("target", "document", "place"),
    [
        ("docs/glossary.md", "README.md", "glossary.md"),
        ("docs/decisions", "README.md", "decisions/index.md"),
        ("benchmarks/NOTES.md", "README.md", "notes.md"),
        ("docs/figures/figure-01-quick.svg", "README.md", "figures/figure-01-quick.svg"),
        ("../README.md", "docs/evidence.md", "index.md"),
        ("verdicts.md", "docs/evidence.md", "verdicts.md"),
        ("../evidence.md", "docs/decisions/019-replication.md", "../evidence.md"),
        ("../../CONTRIBUTING.md", "docs/decisions/019-replication.md", "../contributing.md"),
        ("../docs/decisions/002-programs.md", "benchmarks/NOTES.md", "decisions/002-programs.md"),
    ],
)
def test_links_lead_to_the_pages_that_documents_become(target, document, place):
    assert assemble.moved(target, document) == place


def test_every_page_is_in_the_contents_once(tmp_path):
    assemble.assemble(tmp_path)
    pages = {one.relative_to(tmp_path).as_posix() for one in tmp_path.rglob("*.md")}
    listed = [f"{name}.md" for names in assemble.CONTENTS.values() for name in names]
    assert len(listed) == len({*listed})
    alone = {page for page in pages if not page.startswith("decisions/")}
    assert {*listed, "index.md"} == alone | {"decisions/index.md"}


def test_the_site_is_built_without_a_warning(tmp_path):
    assemble.assemble(tmp_path / "source")
    words = ["--fail-on-warning", "--keep-going", "--quiet", "-c", "docs"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, tmp_path / "source", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    html = {one.name: one.read_text() for one in (tmp_path / "site").glob("*.html")}
    assert 'href="evidence.html"' in html["index.html"]
    assert "efficiency.theory.crossing" in (tmp_path / "site/reference/efficiency.html").read_text()
    if browser.CHROMIUM is not None:
        with browser.page(tmp_path / "browser", 390) as page:
            for name in ("index.html", "theories.html", "evidence.html"):
                page.open(tmp_path / "site" / name)
                assert page.violations() == []
    # It opens from a file, without a network.
    for name, text in html.items():
        loaded = re.findall(r'<(?:script|img)[^>]*src="(https?:[^"]*)"', text)
        styles = re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="(https?:[^"]*)"', text)
        assert not loaded + styles, name
