"""Compile the C code of this package where it is used, once for each machine and compiler.

A library compiled for the processor at hand may not run on another, so that it is no part of the
package: it is kept in the user's cache folder under a name that changes with the source, the
compiler, its flags and the processor.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("one_layer_transformer.c")

_FLAGS = (
    *("-std=gnu11", "-O3", "-funroll-loops", "-fno-math-errno", "-fno-trapping-math"),
    *("-fPIC", "-shared"),
)
# On x86 -mcpu is but another name for -mtune; on ARM it is what -march=native does elsewhere.
_ON_X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
_FOR_THIS_PROCESSOR = (("-march=native",), *(() if _ON_X86 else (("-mcpu=native",),)), ())


class CompilerError(Exception):
    """There is no compiled library to be had here; the message says why."""


@functools.lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Return the compiled library.

    Raises:
        CompilerError: There is no compiler, or it fails.
    """
    compiler = _compiler()
    problems = []
    for native in _FOR_THIS_PROCESSOR:
        flags = (*_FLAGS, *native)
        place = _cache_folder() / f"{_fingerprint(compiler, flags)}.so"
        try:
            return _loaded([*compiler, *flags], place)
        except (CompilerError, OSError) as problem:
            problems.append(str(problem))
    raise CompilerError(problems[0])


def _loaded(command: list[str], place: Path) -> ctypes.CDLL:
    """Return the library at ``place``, compiled if it is not there or is damaged."""
    if place.exists():
        try:
            return ctypes.CDLL(str(place))
        except OSError:
            place.unlink(missing_ok=True)
    _compile(command, place)
    return ctypes.CDLL(str(place))


@functools.lru_cache(maxsize=1)
def problem() -> str | None:
    """Return why there is no compiled library, ``None`` if there is one."""
    try:
        library()
    except CompilerError as error:
        return str(error)
    return None


def description() -> str:
    """Return with what the library was compiled, or why there is none, for the provenance."""
    if (reason := problem()) is not None:
        return reason
    version = _version(_compiler()).splitlines()[0]
    return f"{Path(library()._name).stem} by {version}"


def _compiler() -> list[str]:
    """Return the command of a C compiler: ``$CC`` if set, else what built Python, or ``cc``."""
    named = shlex.split(os.environ.get("CC", ""))
    built_with = shlex.split(sysconfig.get_config_var("CC") or "")
    for candidate in filter(None, [named] if named else [built_with[:1], ["cc"]]):
        try:
            _version(candidate)
        except (OSError, subprocess.SubprocessError):
            continue
        return candidate
    if named:
        raise CompilerError(f"{shlex.join(named)}, named in $CC, is no C compiler that works here")
    raise CompilerError("no C compiler was found; install gcc or clang, or name one in $CC")


def _version(compiler: list[str]) -> str:
    """Return what a compiler says of itself."""
    return subprocess.run(
        [*compiler, "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout


def _fingerprint(compiler: list[str], flags: tuple[str, ...]) -> str:
    parts = [SOURCE.read_text("utf-8"), _version(compiler), shlex.join([*compiler, *flags])]
    return hashlib.sha256("\0".join([*parts, _processor()]).encode()).hexdigest()[:24]


def _processor() -> str:
    """Return what tells processors apart that need different code."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}"
    telling = ("vendor_id", "model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(telling)}))


@functools.lru_cache(maxsize=1)
def _cache_folder() -> Path:
    """Return a folder of the user's own for compiled code; a fresh one if there is no home."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    folder = Path(base) / "circuit-efficiency"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            # In a folder of another user, the code that is loaded would be another user's.
            if folder.stat().st_uid == os.getuid():
                return folder
    except OSError:
        pass
    own = Path(tempfile.mkdtemp(prefix="circuit-efficiency-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own


def _compile(command: list[str], place: Path) -> None:
    """Compile to ``place``, which is complete or absent at any moment."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        made = Path(folder) / place.name
        try:
            done = subprocess.run(
                [*command, "-o", str(made), str(SOURCE), "-lm"],
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        except subprocess.SubprocessError as error:
            raise CompilerError(f"{shlex.join(command)} failed: {error}") from error
        if done.returncode:
            first = (done.stderr.strip().splitlines() or ["no message"])[0]
            raise CompilerError(f"{shlex.join(command)} failed: {first}")
        if not made.exists():
            raise CompilerError(f"{shlex.join(command)} reported success and made nothing")
        made.replace(place)
