"""The command that says what a machine has."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from predictions.cli.options import JsonOption, StoreOption, folder
from predictions.command import DONE, USAGE_ERROR


def doctor(
    *,
    store: StoreOption = Path("store"),
    like: Annotated[
        Path | None,
        Parameter(
            help="What --json printed on another machine, to compare versions with.",
            converter=folder,
        ),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Say what this machine has for training, and what is in the way.

    Versions, cores, memory, GPU, compiler, the store's file system and whether claims hold on it.
    On a node of a cluster: srun predictions doctor --store STORE --like HERE.json, where HERE.json
    is what --json printed where the runs are submitted. Ends with 2 if something is in the way.
    """
    from dataclasses import asdict

    from predictions.doctor import examine, facts, read_facts

    found = examine(store, None if like is None else read_facts(like))
    if json:
        told = {"facts": facts(store), "findings": [asdict(one) for one in found]}
        print(json_module.dumps(told, indent=2, ensure_ascii=False))
    else:
        width = max(len(one.about) for one in found)
        for one in found:
            mark = {"ok": " ", "slower": "~", "in the way": "!"}[one.state]
            print(f"{mark} {one.about:{width}}  {one.told}")
    return USAGE_ERROR if any(one.state == "in the way" for one in found) else DONE
