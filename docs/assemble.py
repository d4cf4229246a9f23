"""Assemble the sources of the documentation site: these documents, and those that lie elsewhere.

The README, CONTRIBUTING and their like are read where they are, too. Here each becomes a page, and
links between them and the documents of this folder lead there. Sphinx does the rest.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

ROOT = Path(__file__).parent.parent

PAGES = {
    "README.md": "index.md",
    "VISION.md": "vision.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/NOTES.md": "notes.md",
}
"""Documents that lie elsewhere, and what they are here."""

BESIDE = ("found", "figures")
"""Folders of what documents show or offer."""

CONTENTS = {
    "Begin": ("tutorial",),
    "How to": ("using", "python", "extending", "verdicts"),
    "What was found": ("evidence", "theories", "claims", "questions"),
    "Look up": (
        *("theory", "glossary", "reference/efficiency", "reference/predictions"),
        "reference/runs",
    ),
    "Behind it": ("decisions/index", "contributing", "notes", "changelog", "vision"),
}
"""Pages by the heading that they have beside every page."""

_LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def moved(target: str, document: str) -> str:
    """Return where a link of a document leads, from the page that it becomes.

    Args:
        target: Where it leads from the document, without an anchor.
        document: The document's place in the project.
    """
    full = normpath(join(dirname(document), target))
    if full == "docs/decisions":
        full = "docs/decisions/index.md"
    place = PAGES.get(full) or relpath(full, "docs")
    return relpath(place, dirname(page_of(document)) or ".")


def page_of(document: str) -> str:
    """Return the page that a document becomes."""
    return PAGES.get(document) or relpath(document, "docs")


def page(document: str) -> str:
    """Return a document with links that lead to pages."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return _LINK.sub(lambda found: moved(found[1], document) + (found[2] or ""), text)


def contents() -> str:
    """Return the list of pages beside every page."""
    trees = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"])
        for caption, names in CONTENTS.items()
    ]
    return "\n\n".join(trees)


def decisions(documents: list[str]) -> str:
    """Return the page that lists decisions."""
    names = [Path(one).stem for one in documents if one.startswith("docs/decisions/")]
    tree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *names, "```"])
    return f"# Decisions\n\nWhy things are as they are, and what was tried.\n\n{tree}\n"


def assemble(into: Path) -> None:
    """Write all sources into an empty folder."""
    shutil.rmtree(into, ignore_errors=True)
    here = sorted((ROOT / "docs").rglob("*.md"))
    documents = [*PAGES, *(one.relative_to(ROOT).as_posix() for one in here)]
    pages = {page_of(one): page(one) for one in documents}
    pages["index.md"] += f"\n{contents()}\n"
    pages["decisions/index.md"] = decisions(documents)
    for name, text in pages.items():
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    for folder in BESIDE:
        shutil.copytree(ROOT / "docs" / folder, into / folder)


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
