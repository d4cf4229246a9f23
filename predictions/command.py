"""What both commands have in common: errors, interrupts, closed pipes, packages in the way.

Imports next to nothing, so that whatever happens while a command is loaded is met here too.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import App

DONE, FAILED, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: 1 where a part failed by a fault of code, 2 for what a caller can mend."""

PACKAGES = ("efficiency", "runs", "predictions", "paper_figures")


def predictions() -> None:
    """Run the command ``predictions``."""
    run("predictions", lambda: importlib.import_module("predictions.cli.app").app)


def paper_figures() -> None:
    """Run the command ``paper_figures``."""
    run("paper_figures", lambda: importlib.import_module("paper_figures.cli").app)


def run(program: str, load: Callable[[], App]) -> None:
    """Run a command line to its end and leave with its exit code.

    Errors that the caller can mend are one message; any other shows its trace, and so does
    everything with ``--debug``.

    Args:
        program: Its name, for messages.
        load: Returns the command line.
    """
    words = sys.argv[1:]
    debug = "--debug" in words
    code: Any = DONE
    try:
        _prepare(debug=debug)
        if (problem := in_the_way()) is not None:
            raise SystemExit(_told(program, problem))
        words, plugins = taken_out([word for word in words if word != "--debug"], "--plugins")
        _load_plugins(plugins)
        code = load()(words, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _interrupted()
    except BrokenPipeError:
        # The reader of a pipe has what he wanted, and has gone.
        _close_output()
        code = DONE
    except Exception as error:
        message = None if debug else _mendable(error)
        if message is None:
            if isinstance(error, ImportError) and (problem := in_the_way(deeply=True)) is not None:
                raise SystemExit(_told(program, problem)) from error
            raise
        code = _told(program, message)
    sys.exit(code)


def taken_out(words: Sequence[str], option: str) -> tuple[list[str], list[str]]:
    """Return the words of a command without an option, and its values, set apart by commas.

    Raises:
        InvalidInputError: The option has no value.
    """
    from efficiency.errors import InvalidInputError

    left: list[str] = []
    values: list[str] = []
    rest = iter(words)
    for word in rest:
        name, given, value = word.partition("=")
        if name != option:
            left.append(word)
            continue
        value = value if given else next(rest, "")
        if not value or value.startswith("-"):
            raise InvalidInputError(f"{option} has no value; write {option} mymodule")
        values += value.split(",")
    return left, values


def _load_plugins(asked: Sequence[str]) -> None:
    """Import the plug-ins that were asked for, and those that are installed."""
    from predictions import plugins

    plugins.load_installed()
    plugins.load(asked)


def _prepare(*, debug: bool) -> None:
    """Let nothing be lost that a terminal cannot show, and show what the packages report."""
    import logging

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    for package in PACKAGES:
        logger = logging.getLogger(package)
        if not logger.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(message)s"))
            logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if debug else logging.INFO)


def in_the_way(*, deeply: bool = False) -> str | None:
    """Return which other package stands where one of this project should, and what to do.

    Args:
        deeply: Whether to look into the packages too; takes as long as importing them.
    """
    import importlib.util

    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        origin = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
        whole = origin == home / name / "__init__.py"
        if whole and deeply and name == "runs":
            # Another project of this name may be installed over it.
            whole = "SCHEMA_VERSION" in origin.read_text("utf-8") if origin else False
        if not whole:
            return (
                f"the package {name!r} that Python finds is not this project's: "
                f"{origin or 'there is none'}, where {home / name} was expected. If another "
                f"project of that name is installed, give this one an environment of its own, or "
                f"uninstall the other and install this one again; if it is a file or folder of "
                f"yours, leave its folder, or take it out of $PYTHONPATH"
            )
    return None


def _told(program: str, message: str) -> int:
    print(f"{program}: {message}", file=sys.stderr)
    return USAGE_ERROR


def as_given() -> str:
    """Return the command that this process runs, to be given again."""
    import shlex

    program = Path(sys.argv[0])
    words = sys.argv
    if program.name == "__main__.py":  # as a module
        words = [sys.executable, "-m", program.parent.name, *sys.argv[1:]]
    return shlex.join(words)


def _interrupted() -> int:
    print(
        f"Interrupted; what the store has stays. The same command does it again:\n  {as_given()}",
        file=sys.stderr,
    )
    return INTERRUPTED


def _close_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _mendable(error: Exception) -> str | None:
    """Return the message of an error that the caller can mend, ``None`` of any other."""
    from cyclopts import CycloptsError

    from efficiency.errors import InvalidInputError
    from runs.files import StoreError

    if isinstance(error, CycloptsError | InvalidInputError | StoreError):
        return str(error)
    if isinstance(error, OSError):
        _close_output_if_it_failed(error)
        if error.filename:
            return f"{error.filename}: {error.strerror}"
        return f"cannot write what there is to say: {error.strerror or error}; send it elsewhere"
    if "pydantic" in type(error).__module__:
        from pydantic import ValidationError

        from efficiency.settings import explain

        if isinstance(error, ValidationError):
            return explain(error)
    return None


def _close_output_if_it_failed(error: OSError) -> None:
    """Keep the interpreter from trying again, at its end, what standard output has refused."""
    if error.filename is None:
        try:
            sys.stdout.flush()
        except OSError:
            _close_output()
