"""A store as pages in a browser of the same machine: ``predictions view``."""

from __future__ import annotations

from predictions.view.server import Server

__all__ = ["Server"]
