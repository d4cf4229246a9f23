"""How much of the machine this process may use: memory and cores."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch

ROOT = Path("/sys/fs/cgroup")
"""Where Linux shows control groups."""

_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def free_bytes(device: str) -> float:
    """Return the memory that is free on the device; 4 GiB where the system does not say."""
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0])
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
        kibibytes = dict(line.split()[:2] for line in text.splitlines())["MemAvailable:"]
    except (OSError, KeyError):
        return 4.0 * 2**30
    return min(1024.0 * float(kibibytes), *_left_by_control_groups(), math.inf)


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` calls them."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    number = torch.cuda.device_count()
    if said is None:
        return [str(one) for one in range(number)]
    return [one.strip() for one in said.split(",")][:number]


def _left_by_control_groups(root: Path = ROOT) -> list[float]:
    """Return the memory that each control group around this process leaves to it."""
    left = []
    for group, version in _control_groups("memory", root):
        limit, used = ("memory.max", "memory.current") if version == 2 else _VERSION_1
        try:
            left.append(float((group / limit).read_text()) - float((group / used).read_text()))
        except (OSError, ValueError):  # none there, or "max": no limit
            continue
    return left


def cores(root: Path = ROOT) -> list[float]:
    """Return the processor time per time that each control group around this process allows."""
    allowed = []
    for group, version in _control_groups("cpu", root):
        try:
            if version == 2:
                quota, period = (group / "cpu.max").read_text().split()
            else:
                quota, period = (
                    (group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
                )
            if float(quota) > 0:
                allowed.append(float(quota) / float(period))
        except (OSError, ValueError):  # none there, or "max": no limit
            continue
    return allowed


def _control_groups(controller: str, root: Path) -> Iterator[tuple[Path, int]]:
    """Yield the Linux control groups around this process, a batch job say, with their version."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Version 2 has one tree without a name; version 1 one for each controller.
        tree = root / controllers
        here = tree / path.lstrip("/")
        for group in (here, *here.parents):
            if not group.is_relative_to(tree):
                break
            yield group, 1 if controllers else 2


def resident_bytes() -> float:
    """Return the memory that this process has taken so far; 400 MiB where nothing says."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    except OSError:
        return 400.0 * 2**20
    return float(pages) * os.sysconf("SC_PAGE_SIZE")
