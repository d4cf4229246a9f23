"""Other packages' operations, networks, engines, predictions and figures.

A plug-in is a module that registers what it adds when it is imported: see ``register`` in
``efficiency.networks``, ``efficiency.operations.OPERATIONS``, ``predictions.registry`` and
``predictions.report.figures``. An installed package names its module as an entry point in the
group ``circuit_efficiency.plugins``; ``--plugins mymodule`` takes any other, that of a file in the
current folder too.
"""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from collections.abc import Sequence
from typing import Any

from efficiency.registry import import_module

GROUP = "circuit_efficiency.plugins"
"""Of entry points."""

_LOG = logging.getLogger(__name__)

_asked: list[str] = []


def load(names: Sequence[str]) -> None:
    """Import plug-ins that were asked for.

    Raises:
        InvalidInputError: There is no such module; what fails inside one is not caught.
    """
    for name in names:
        import_module(name, "option --plugins")
        if name not in _asked:
            _asked.append(name)


def load_installed() -> None:
    """Import the plug-ins of installed packages; one that fails is named, and leaves nothing."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        before = [(table, dict(table)) for table in _tables()]
        modules = set(sys.modules)
        try:
            entry.load()
        except Exception as error:  # of a package that nobody asked for
            for table, held in before:
                table.clear()
                table.update(held)
            # A plug-in that shares modules with this one runs them again, and registers by that.
            package = entry.module.partition(".")[0]
            for name in set(sys.modules) - modules:
                if name.partition(".")[0] == package:
                    del sys.modules[name]
            _LOG.warning(
                "the plug-in %s (%s) could not be loaded, and is left out: %s: %s; mend it, or "
                "uninstall it",
                entry.name,
                entry.value,
                type(error).__name__,
                error,
            )


def _tables() -> list[dict[str, Any]]:
    """Return all that a plug-in may add to."""
    from efficiency.engines import ENGINES
    from efficiency.measures import MEASURES
    from efficiency.networks import architectures
    from efficiency.operations import OPERATIONS
    from efficiency.settings.networks import NETWORK_SETTINGS
    from efficiency.settings.task import TASKS
    from predictions.executors import EXECUTORS
    from predictions.groups import GROUPS, TITLES
    from predictions.registry import PREDICTIONS
    from predictions.report import figures

    registries: list[dict[str, Any]] = [ENGINES, MEASURES, OPERATIONS, NETWORK_SETTINGS]
    registries += [TASKS, EXECUTORS, figures.REGISTERED]
    registries += [architectures.ARCHITECTURES, architectures.REGISTERED]
    return [*registries, PREDICTIONS, TITLES, GROUPS, *GROUPS.values()]


def options() -> list[str]:
    """Return the options that ask for the plug-ins that were asked for."""
    return ["--plugins", ",".join(_asked)] if _asked else []
