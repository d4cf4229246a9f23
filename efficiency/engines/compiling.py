"""Compile the C code of this package where it is used, once for each compiler and instruction set.

A library compiled for one kind of processor may not run on another, so that it is no part of the
package: it is kept in the user's cache folder under a name that changes with the source, the
compiler, its flags and the level of the instruction set. Levels and not the processor at hand are
compiled for: so the same compiler makes the same code, and the code the same bits, on every
processor of a level, whoever made it.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import signal
import stat
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from efficiency.engines.subnormals import are_flushed

FOLDER = Path(__file__).parent
"""Where the C code is."""

COMPILE_SECONDS = 120.0
"""Longest that a compiler may take; it needs about six."""

_FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")

_X86_LEVELS = {"AVX512": "-march=x86-64-v4", "AVX2": "-march=x86-64-v3"}
"""Levels of the x86-64 psABI, by what torch says that the processor can do."""

_LOG = logging.getLogger(__name__)


class CompilerError(Exception):
    """There is no compiled library to be had here; the message says why."""


class _TooSlowError(CompilerError):
    """A compiler that hangs with some flags would hang with others."""


Check = Callable[[ctypes.CDLL], str | None]
"""Says what is wrong with a library that has been loaded, ``None`` if it is sound."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """A compiled library.

    Attributes:
        code: The library.
        flags: Of the instruction set that it was compiled for.
        compiler: What the compiler says of itself, its first line.
    """

    code: ctypes.CDLL
    flags: str
    compiler: str

    @property
    def kind(self) -> str:
        """What its last digits depend on: where it is equal, so are they.

        The instruction set, the compiler, and the C library (whose logarithm is in measuring).
        """
        libc = " ".join(platform.libc_ver())
        return ", ".join((self.flags or platform.machine(), self.compiler, libc))

    def __str__(self) -> str:
        """Return its name and the compiler, for the provenance."""
        return f"{Path(self.code._name).stem} by {self.compiler}"


def load(source: Path, check: Check) -> Library:
    """Return the compiled library: kept from an earlier time if that is sound, else made.

    Args:
        source: A file of C code in ``FOLDER``; it may include the headers there.
        check: Called on every library before it is used.

    Raises:
        CompilerError: There is no compiler, or what it makes does not work.
    """
    compiler = _compiler()
    problems = []
    for flags in _candidates():
        place = _cache_folder() / f"{_fingerprint(source, compiler, flags)}.so"
        command = [*compiler, *_FLAGS, *flags]
        try:
            code = _kept(place, check) or _made(command, source, place, check)
            said = _version(tuple(compiler)).splitlines() or ["a compiler that tells no version"]
            return Library(code=code, flags=" ".join(flags), compiler=said[0])
        except _TooSlowError:
            raise
        except CompilerError as problem:
            problems.append(str(problem))
    raise CompilerError(problems[0])


def _candidates() -> list[tuple[str, ...]]:
    """Return flags for the instruction set, the best first."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        level = _X86_LEVELS.get(torch.backends.cpu.get_cpu_capability())
        # An old compiler may not know the levels, but the processor that it runs on.
        return [(level,), ("-march=native",), ()] if level else [()]
    return [("-march=native",), ("-mcpu=native",), ()]


def _kept(place: Path, check: Check) -> ctypes.CDLL | None:
    """Return the library at ``place`` if it is there, as it was written, and works."""
    if not place.exists():
        return None
    problem: str | None
    try:
        if not _ours(place):
            problem = "others may write to it"
        elif _checksum(place) != _note(place).read_text("ascii"):
            problem = "it is not what was written"
        else:
            library = _loaded(place)
            problem = check(library)
            if problem is None:
                return library
    except (OSError, UnicodeDecodeError, AttributeError) as error:
        problem = str(error)
    _LOG.warning("compiled code is made anew, for %s cannot be used: %s", place, problem)
    place.unlink(missing_ok=True)
    return None


def _made(command: list[str], source: Path, place: Path, check: Check) -> ctypes.CDLL:
    """Return the library compiled by a command, which is kept at ``place``."""
    _LOG.info(
        "compiling %s with %s, once (%.0f s at the most)",
        source.stem,
        command[0],
        COMPILE_SECONDS,
    )
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        made = Path(folder) / place.name
        _compile(command, source, made)
        try:
            problem = check(_loaded(made))
        except (OSError, AttributeError) as error:
            problem = str(error)
        if problem is not None:
            raise CompilerError(f"{shlex.join(command)} made code that does not work: {problem}")
        _note(made).write_text(_checksum(made), "ascii")
        # Whole on the disk before it has its name: a library cut off would end the process.
        for path in (made, _note(made)):
            path.chmod(0o600)  # whatever the umask: where others may write it is not used
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        _note(made).replace(_note(place))
        made.replace(place)
    return _loaded(place)


def _loaded(path: Path) -> ctypes.CDLL:
    """Return the library in a file, and this thread's arithmetic as it was.

    Code that is linked with ``-ffast-math`` changes it for whoever loads it.
    """
    before = are_flushed()
    try:
        return ctypes.CDLL(str(path))
    finally:
        torch.set_flush_denormal(before)


def _note(place: Path) -> Path:
    """Return where the checksum of a library is kept."""
    return place.with_suffix(".sha256")


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _ours(path: Path) -> bool:
    """Return whether a file or folder is this user's and nobody else may write to it."""
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _compiler() -> list[str]:
    """Return the command of a C compiler: ``$CC`` if set, else what built Python, or ``cc``."""
    named = shlex.split(os.environ.get("CC", ""))
    built_with = shlex.split(sysconfig.get_config_var("CC") or "")
    for candidate in filter(None, [named] if named else [built_with[:1], ["cc"]]):
        try:
            _version(tuple(candidate))
        except (OSError, subprocess.SubprocessError):
            continue
        return candidate
    if named:
        raise CompilerError(f"{shlex.join(named)}, named in $CC, is no C compiler that works here")
    raise CompilerError("no C compiler was found; install gcc or clang, or name one in $CC")


@functools.lru_cache(maxsize=8)
def _version(compiler: tuple[str, ...]) -> str:
    """Return what a compiler says of itself."""
    done = _run([*compiler, "--version"], seconds=10)
    done.check_returncode()
    return done.stdout


def _run(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command; past its time it is ended with all that it started.

    Raises:
        subprocess.TimeoutExpired: It took longer.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            out, errors = process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def _text(source: Path) -> str:
    """Return the C code of a file with that of every header that it might include."""
    headers = sorted(FOLDER.glob("*.h"))
    return "\0".join(file.read_text("utf-8") for file in (source, *headers))


def _fingerprint(source: Path, compiler: list[str], flags: tuple[str, ...]) -> str:
    parts = [_text(source), _version(tuple(compiler))]
    parts += [shlex.join([*compiler, *_FLAGS, *flags]), platform.machine()]
    if "native" in "".join(flags):
        parts.append(_processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


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
    """Return a folder of the user's own for compiled code; one for this process if need be."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        folder = Path(base) / "circuit-efficiency"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            # Code from a folder where others may write would be theirs.
            if _ours(folder):
                return folder
        why = "others may write to it"
    except (OSError, RuntimeError) as error:  # no such folder, or no home
        why = str(error)
    own = Path(tempfile.mkdtemp(prefix="circuit-efficiency-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    _LOG.warning(
        "compiled code cannot be kept in the cache folder (%s): it is made anew at every start; "
        "name a folder of your own in $XDG_CACHE_HOME",
        why,
    )
    return own


def least_ever(source: Path, measured: float) -> float:
    """Return the least of a measured time and of what it was, with this code, before.

    Kept beside the compiled code; where nothing can be kept it is the number itself.

    Args:
        source: The code that was timed.
        measured: The number, > 0.
    """
    kind = hashlib.sha256(f"{_processor()}\0{_text(source)}".encode()).hexdigest()[:16]
    place = _cache_folder() / f"step-{kind}.txt"
    try:
        before = float(place.read_text("ascii"))
        least = min(measured, before) if before > 0 else measured
    except (OSError, ValueError):
        least = measured
    try:
        with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as file:
            file.write(repr(least))
        os.replace(file.name, place)
    except OSError:
        pass
    return least


def _compile(command: list[str], source: Path, made: Path) -> None:
    """Compile to ``made``.

    Raises:
        CompilerError: The compiler failed, or took too long.
    """
    try:
        done = _run([*command, "-o", str(made), str(source), "-lm"], COMPILE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise _TooSlowError(
            f"{shlex.join(command)} was not done in {COMPILE_SECONDS:.0f} s and was ended"
        ) from error
    except OSError as error:
        raise CompilerError(f"{shlex.join(command)} failed: {error}") from error
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise CompilerError(f"{shlex.join(command)} failed: {first}")
    if not made.exists():
        raise CompilerError(f"{shlex.join(command)} reported success and made nothing")
