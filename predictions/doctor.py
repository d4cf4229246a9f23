"""What a machine, a node of a cluster above all, has for training, and what is in the way."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from efficiency import engines
from efficiency.errors import InvalidInputError
from predictions import limits
from predictions.trainer import usable_cores
from runs import Store, StoreError, provenance
from runs.execution.claims import LEASE_SECONDS, Claim
from runs.files import read_json
from runs.identity import digest

State = Literal["ok", "slower", "in the way"]

LEAST_MEMORY, LEAST_SPACE = 2**30, 2**30
"""Bytes below which even quick designs may not fit."""

GIB = 2.0**30


@dataclass(frozen=True)
class Finding:
    """One thing that a machine has or lacks.

    Attributes:
        about: What, in a word or two.
        told: What was found, in a phrase.
        state: Whether that is as it should be.
    """

    about: str
    told: str
    state: State = "ok"


def facts(store: Path) -> dict[str, Any]:
    """Return what must be equal on all machines that share a store, as JSON types.

    Args:
        store: The store; whether they see the same one is among it.
    """
    there = provenance.environment()
    code = provenance.code()
    return {
        "version": code["version"],
        "commit": code["commit"],
        "python": there["python"],
        **there["packages"],
        "compiled by": engines.ENGINES.find("compiled").compiled_by(),
        "store": _label_of(store),
    }


def _label_of(store: Path) -> str | None:
    """Return what tells a store from others, ``None`` if it is not there: when it was made."""
    label = store / "store.json"
    try:
        return f"{digest(read_json(label))[:12]} of {label.stat().st_mtime_ns}"
    except (OSError, ValueError):
        return None


def examine(store: Path, like: Mapping[str, Any] | None = None) -> list[Finding]:
    """Return what this machine has.

    Args:
        store: Where runs will be kept; a file is written there and removed.
        like: ``facts`` of another machine, to compare with.
    """
    return [
        *_versions(store, like),
        *_processor(),
        *_graphics(),
        *_compiled(),
        *_place(store),
        *_scratch(),
    ]


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts that ``predictions doctor --json`` printed into a file.

    Raises:
        InvalidInputError: It is no such file.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["facts"]
        return dict(found.items())
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"{path} cannot be compared with ({type(error).__name__}: {error}); make it on the "
            "other machine: predictions doctor --json > FILE"
        ) from error


def _versions(store: Path, like: Mapping[str, Any] | None) -> Iterator[Finding]:
    here = facts(store)
    changed = ", with changes" if provenance.code()["dirty"] else ""
    ours = f"{here['version']} (commit {str(here['commit'])[:12]}{changed})"
    packages = {name: here[name] for name in ("python", *provenance.environment()["packages"])}
    others = [f"{name} {version}" for name, version in packages.items()]
    yield Finding("versions", ", ".join([ours, *others]))
    if like is None:
        return
    differ = [
        f"{name} is {here.get(name)} here and {like.get(name)} there"
        for name in sorted({*here, *like})
        if here.get(name) != like.get(name)
    ]
    if not store.exists():
        yield Finding(
            "the store",
            f"{store} is not there; begin it where runs are submitted, on a file system that this "
            "machine sees too",
            "in the way",
        )
    if differ:
        yield Finding("the other machine", "; ".join(differ), "in the way")
    else:
        yield Finding("the other machine", "has the same")


def _processor() -> Iterator[Finding]:
    cores, free = usable_cores(), limits.free_bytes("cpu")
    yield Finding("processor", f"{provenance.processor()}, {cores} cores that may be used")
    state: State = "ok" if free >= LEAST_MEMORY else "in the way"
    yield Finding("memory", f"{free / GIB:.1f} GiB free", state)


def _graphics() -> Iterator[Finding]:
    if not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = "" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})"
        yield Finding("GPU", f"none that torch {torch.__version__} sees{why}; not needed")
        return
    for number in range(torch.cuda.device_count()):
        about = f"GPU {number}"
        try:
            card = torch.cuda.get_device_properties(number)
            float(torch.ones(2, device=f"cuda:{number}").sum())
            free = torch.cuda.mem_get_info(number)[0]
        except RuntimeError as error:  # full, kept by another, or of a kind that torch is not for
            yield Finding(about, f"cannot be used: {str(error).splitlines()[0]}", "in the way")
            continue
        told = f"{card.name}, {free / GIB:.1f} of {card.total_memory / GIB:.1f} GiB free"
        yield Finding(about, told if number == 0 else f"{told}; --on gpus uses it too")


def _compiled() -> Iterator[Finding]:
    for name in ("compiled", "layered"):
        engine = engines.ENGINES.find(name)
        why = engine.missing("cpu")
        if why is None:
            yield Finding(f"engine {name}", str(engine.compiled_by()))
        else:
            yield Finding(f"engine {name}", f"{why}; training is several times slower", "slower")


def _place(path: Path) -> Iterator[Finding]:
    there = path
    while not there.exists():
        there = there.parent
    space = shutil.disk_usage(there).free
    kind = file_system(there)
    state: State = "ok" if space >= LEAST_SPACE else "in the way"
    where = f"{path} on {kind}" if there == path else f"{path} (not there yet) on {kind}"
    yield Finding("store", f"{where}, {space / GIB:.0f} GiB free", state)
    try:
        if there == path:
            Store(path).require_writable()
        with tempfile.TemporaryDirectory(dir=there, prefix=".doctor-") as folder:
            yield from _claims(Path(folder))
            yield _clock(Path(folder))
    except (OSError, StoreError) as error:
        yield Finding("writing", str(error), "in the way")


def _claims(folder: Path) -> Iterator[Finding]:
    """Whether of two that want the same only one gets it, and then the other."""
    first, second = (Claim(folder / "claim") for _ in range(2))
    taken = [first.take(), second.take()]
    first.give_up()
    if taken[0]:
        taken.append(second.take())
        second.give_up()
    if taken == [True, False, True]:
        yield Finding("claims", "hold: of two that want the same one gets it")
    else:
        yield Finding(
            "claims",
            "do not hold here: processes may train the same runs beside each other, which harms "
            "nothing and gains nothing",
            "slower",
        )


def _clock(folder: Path) -> Finding:
    """Whether files are dated as this machine dates them, which only people look at."""
    probe = folder / uuid.uuid4().hex
    probe.write_bytes(b"")
    apart = probe.stat().st_mtime - time.time()
    told = f"files there are dated {abs(apart):.1f} s {'later' if apart > 0 else 'earlier'}"
    if abs(apart) < 1.0:
        return Finding("clock", "agrees with that of the store")
    return Finding("clock", f"{told}; leases, of {LEASE_SECONDS:.0f} s, do not depend on it")


def _scratch() -> Iterator[Finding]:
    folder = Path(tempfile.gettempdir())
    space = shutil.disk_usage(folder).free
    yield Finding("scratch", f"{folder} on {file_system(folder)}, {space / GIB:.0f} GiB free")


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the kind of file system that a folder is on, as the kernel calls it."""
    try:
        rows = [line.split(" ") for line in mounts.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "a file system of unknown kind"
    kinds = {Path(row[1].replace("\\040", " ")): row[2] for row in rows if len(row) > 2}
    at = path.resolve()
    return next((kinds[one] for one in (at, *at.parents) if one in kinds), "an unknown file system")
