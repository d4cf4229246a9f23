"""The folders of groups in training, and what is to be found in them.

``work/<group>.lock`` is the claim of whoever trains a group. ``work/<group>/`` holds
``members.json`` (the settings of the group, in order), ``holder.json`` (who trains it, for whoever
asks), ``checkpoint`` (an npz file, which holds checksums) and, for moments, ``staging-HOST-…`` with
run folders that are being written. Nothing else in ``work`` is ever touched: a folder counts as
ours if its name is the hash of its members.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import re
import shutil
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from runs.execution.claims import Claim, is_held
from runs.files import (
    SCRAP_SECONDS,
    StoreError,
    explain_os_error,
    read_json,
    remove_if_old,
    remove_scraps,
    while_folders_vanish,
    write_file,
)
from runs.identity import Document, digest, identity
from runs.store import Store

_LOG = logging.getLogger(__name__)


def _place() -> str:
    """Return a name for what numbers its processes by itself: a machine, or a container on it."""
    host = re.sub(r"[^A-Za-z0-9.]", "_", platform.node()) or "host"
    with contextlib.suppress(OSError):
        return f"{host}.{os.stat('/proc/self/ns/pid').st_ino}"
    return host


PLACE = _place()

_JOB = ("SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "RAY_JOB_ID")
"""What cluster software calls the job that a process is of."""

_HOLDER = "holder.json"

NAME = re.compile(r"[0-9a-f]{32}")
"""Names of the folders of groups."""


def folder_of(store: Store, documents: Sequence[Document]) -> Path:
    """Return where a group is trained."""
    return store.work / digest([identity(document) for document in documents])


def set_out(store: Store, documents: Sequence[Document]) -> str:
    """Write down a group for whoever will train it; return its name.

    Raises:
        StoreError: It cannot be written.
    """
    folder = folder_of(store, documents)
    try:
        store.create()
        while_folders_vanish(lambda: _list_members(folder, documents))
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return folder.name


def _list_members(folder: Path, documents: Sequence[Document]) -> None:
    folder.mkdir(exist_ok=True)
    if not (folder / "members.json").exists():
        write_file(folder / "members.json", json.dumps(documents))


def lock(folder: Path) -> Path:
    """Return the file that stands for the claim of a workplace."""
    return folder.with_name(f"{folder.name}.lock")


def note_holder(folder: Path) -> None:
    """Write down that this process trains a group, for whoever asks.

    Raises:
        OSError: It cannot be written.
    """
    job = {name: os.environ[name] for name in _JOB if name in os.environ}
    held = {"host": platform.node(), "process": os.getpid(), "since": _now(), "place": PLACE}
    held |= job
    write_file(folder / _HOLDER, json.dumps(held))


def forget_holder(folder: Path) -> None:
    """Let a group that nobody has begun be one that was only set out."""
    (folder / _HOLDER).unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def clear_staging(folder: Path) -> None:
    """Remove what processes that have ended were writing into a workplace.

    Those of this machine are asked for, those of others have ended if it is long ago.
    """
    for staging in folder.glob("staging-*-*-*"):
        place, process, _ = staging.name.removeprefix("staging-").rsplit("-", 2)
        with contextlib.suppress(OSError):
            here = place == PLACE and process.isdigit()
            long_ago = staging.stat().st_mtime < time.time() - SCRAP_SECONDS
            if (here and not _is_alive(int(process))) or (not here and long_ago):
                shutil.rmtree(staging, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def remove(folder: Path) -> None:
    """Remove a workplace: what is known of it, and the folder if nothing else was in it."""
    clear_staging(folder)
    ours = ("checkpoint", "members.json", _HOLDER)
    with contextlib.suppress(OSError):
        for name in ours:
            for file in (folder / name, *folder.glob(f".{name}-*")):
                file.unlink(missing_ok=True)
        (folder / "lock").unlink(missing_ok=True)  # of an earlier version
        folder.rmdir()


def members_of(folder: Path) -> list[Document] | None:
    """Return the settings of the group that a folder of ``work`` is of, ``None`` if it is of none.

    A list that is not what its folder is named for is set aside.

    Raises:
        FileNotFoundError: There is no such list.
    """
    members = read_members(folder)
    if members is None and NAME.fullmatch(folder.name):
        file = folder / "members.json"
        aside = file.with_name("members.json.damaged")
        with contextlib.suppress(OSError):
            file.replace(aside)
            _LOG.warning("%s is not what was written; set aside as %s", file, aside.name)
    return members


def read_members(folder: Path) -> list[Document] | None:
    """Return the same as ``members_of``, and leave a damaged list where it is.

    Raises:
        FileNotFoundError: There is no such list.
    """
    try:
        members = json.loads((folder / "members.json").read_text(encoding="utf-8"))
        if digest([identity(run) for run in members]) == folder.name:
            return list(members)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        pass
    return None


def tidy(store: Store) -> None:
    """Remove what processes that were killed left: files half written, and workplaces without work.

    A workplace is left alone while a process holds it, and while any of its runs is not in the
    store.
    """
    try:
        remove_scraps(store.path / "store.json")
        for scrap in store.work.glob("*.lock.*"):  # of a claim that was being taken over
            remove_if_old(scrap)
    except OSError as error:
        raise explain_os_error(error, store.path) from error
    names = {entry.stem for entry in store.work.glob("*") if NAME.fullmatch(entry.stem)}
    for folder in (store.work / name for name in sorted(names)):
        claim = Claim(lock(folder))
        try:
            # Looked at before it is claimed, which takes longer, and again after.
            if not _is_done(folder, store) or not claim.take():
                continue
            try:
                if _is_done(folder, store):
                    remove(folder)
            finally:
                claim.give_up()
        except StoreError:
            continue  # damaged: said when it is asked for


def _is_done(folder: Path, store: Store) -> bool:
    """Return whether a group has nothing left to train: a killed process may have noted no run."""
    try:
        members = members_of(folder)
    except FileNotFoundError:
        return True
    return members is not None and all(store.has(identity(run)) for run in members)


def unfinished(store: Store) -> list[list[Document]]:
    """Return the groups that some process has begun and none has finished."""
    groups = []
    for members in sorted(store.work.glob("*/members.json")):
        try:
            group = members_of(members.parent)
        except FileNotFoundError:
            continue  # finished while we looked
        if group is not None:
            groups.append(group)
    return groups


def was_begun(folder: Path) -> bool:
    """Return whether a process has held the group of a folder: it was not only set out."""
    # Earlier versions left a checkpoint and not who held it.
    return (folder / _HOLDER).exists() or (folder / "checkpoint").exists()


def holder(folder: Path) -> tuple[str, str]:
    """Return on which machine a group is trained, and by what, or that this is not known."""
    try:
        held = read_json(folder / _HOLDER)
        job = next((f"job {held[name]}" for name in _JOB if name in held), None)
        return str(held["host"]), job or f"process {held['process']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another machine or process", ""


def is_trained(folder: Path) -> bool:
    """Return whether somebody seems to train a group now, for people.

    A process of this machine that was killed is known to have ended before its claim has.
    """
    if not is_held(lock(folder)):
        return False
    try:
        held = read_json(folder / _HOLDER)
        return held.get("place") != PLACE or _is_alive(int(held["process"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True


def in_training(store: Store) -> str:
    """Return in words how many groups are in training, and by whom; empty if none is."""
    folders = [folder for folder in sorted(store.work.glob("*")) if NAME.fullmatch(folder.name)]
    held = [holder(folder) for folder in folders if is_trained(folder)]
    many = "1 ensemble is" if len(held) == 1 else f"{len(held)} ensembles are"
    return f"{many} in training by {in_words(held)}" if held else ""


def in_words(holders: Collection[tuple[str, str]]) -> str:
    """Return who they are: the machines, and on each what it is or how many."""
    machines: dict[str, set[str]] = {}
    for host, what in holders:
        machines.setdefault(host, set()).add(what)
    said = []
    for host, each in sorted(machines.items()):
        what = min(each) if len(each) == 1 else f"{len(each)} processes"
        said.append(f"{host} ({what})" if what else host)
    return " and ".join(said)
