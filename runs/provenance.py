"""Where a result comes from: code, versions, machine."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

DISTRIBUTION = "circuit-efficiency"

_PACKAGES = ("torch", "numpy", "scipy", "pandas", "pyarrow", "safetensors", "pydantic")


def _git(*arguments: str) -> str | None:
    """Return what git says of the checkout that this code runs from, ``None`` if there is none."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(here), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _built_from() -> str | None:
    """Return the commit that an installed package was built from, see ``hatch_build.py``."""
    try:
        return (Path(__file__).with_name("commit.txt")).read_text("ascii").strip() or None
    except OSError:
        return None


@functools.lru_cache(maxsize=1)
def code() -> dict[str, Any]:
    """Return version, commit and whether tracked files differed from it (``None``: no checkout)."""
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "version": importlib.metadata.version(DISTRIBUTION),
        "commit": _git("rev-parse", "HEAD") or _built_from(),
        "dirty": None if changes is None else bool(changes),
    }


@functools.lru_cache(maxsize=1)
def processor() -> str:
    """Return what the processor calls itself."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


@functools.lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """Return the interpreter, the machine and the versions of the packages that make numbers."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {
        "python": sys.version.split()[0],
        "host": platform.node(),
        "processor": processor(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": versions,
    }
