"""Let a built package know the commit that it was built from."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts ``runs/commit.txt`` into what is built from a checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the file; an editable install asks git, and an sdist has the file already."""
        if version == "editable" or not (Path(self.root) / ".git").exists():
            return
        asked = ["git", "-C", self.root, "rev-parse", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        place = Path(tempfile.mkdtemp()) / "commit.txt"  # not beside what will be uploaded
        place.write_text(f"{commit}\n", encoding="ascii")
        build_data["force_include"][str(place)] = "runs/commit.txt"
