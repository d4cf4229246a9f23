"""What the pages of a store say. Nothing here writes to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from efficiency.errors import InvalidInputError
from predictions.cells import Cell, Run
from predictions.judging import plural
from predictions.looks import Planned, planned
from predictions.opened import OpenStore
from predictions.plans import Extent
from predictions.protocol import Prediction
from predictions.registry import PREDICTIONS
from predictions.report import build, run_table
from predictions.report.run_details import details_of
from predictions.sizes import Size
from predictions.stored import judge_stored
from predictions.underway import curves_of, in_a_line
from predictions.variants import Variant
from runs import Store, StoreError
from runs.execution.underway import underway
from runs.execution.workplaces import in_training

MOST_ROWS = 2000
"""Runs in one table: more take a browser seconds, and nobody reads them."""


class Pages:
    """The pages of one store.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._opened = store, OpenStore(store.path)
        self._drawing = threading.Lock()  # figures are drawn one at a time
        self._counted = (-1, 0)  # when runs were last added or removed, and how many there were
        self._judged: dict[str, tuple[object, tuple[str, dict[str, str]]]] = {}

    def index(self) -> str:
        """Return the page that lists plans and runs."""
        names = list(self._opened)
        shown = [
            Run(cell=Cell(settings=s), outcome=o) for s, o in self._opened.all(names[:MOST_ROWS])
        ]
        try:
            plans, unread = [_row(one) for one in reversed(planned(self._store))], ""
        except StoreError as error:  # runs can be looked at all the same
            plans, unread = [], str(error)
        context = {
            "place": str(self._store.path),
            "now": self.now()["words"],
            "plans": plans,
            "unread": unread,
            "not_shown": min(len(names), MOST_ROWS) - len(shown),
            "runs": run_table.table(shown),
            "count": len(names),
            "left_out": max(0, len(names) - MOST_ROWS),
            "source": "run/",
            "details": {},
        }
        return build.render("view.html.j2", context)

    def run(self, name: str) -> dict[str, Any]:
        """Return what is shown of one run, see ``report.run_details``.

        Raises:
            InvalidInputError: No run, or more than one, has this name.
            StoreError: It is damaged.
        """
        return details_of(self._opened.record(name))

    def now(self) -> dict[str, Any]:
        """Return how many runs there are, and what is in training as far as checkpoints tell."""
        groups = underway(self._store)
        count = self._count()
        held = [one for one in groups if one.held]
        words = [plural(count, "run"), *filter(None, [in_training(self._store)])]
        if left := len(groups) - len(held):
            words.append(f"{left} begun and left, to be gone on with")
        return {
            "runs": count,
            "words": "; ".join(words) + ".",
            "groups": [{"words": in_a_line(one)} | curves_of(one) for one in held],
        }

    def verdict(self, plan: str, file: str) -> str:
        """Return the page of a plan's prediction, or a table that stands beside it.

        Args:
            plan: The name of its statement.
            file: Empty for the page, or the name of a table.

        Raises:
            InvalidInputError: There is no such plan, or no such table.
            StoreError: A run is damaged.
        """
        made = [one for one in planned(self._store) if one.statement.name == plan]
        if not made or (asked := _asked(made[0])) is None:
            raise InvalidInputError(f"no plan {plan!r} can be judged here")
        with self._drawing:
            html, tables = self._judge(*asked, made[0])
        if file and file not in tables:
            raise InvalidInputError(f"there is no {file!r}; there are {', '.join(tables)}")
        return tables[file] if file else html

    def _judge(
        self, prediction: Prediction, size: Size, made: Planned
    ) -> tuple[str, dict[str, str]]:
        """Return a page and its tables, judged again where runs or looks have come or gone."""
        there = self._count(), made.looks
        before, found = self._judged.get(made.statement.name, (None, ("", {})))
        if before != there:
            seeds = made.plan.looks[max(0, len(made.looks) - 1)]
            verdict = judge_stored(prediction, size, self._store, seeds)
            found = build.page(
                *(verdict, prediction, self._store),
                extent=Extent(seeds=seeds),
                source="../../run/",
            )
            self._judged[made.statement.name] = there, found
        return found

    def _count(self) -> int:
        """Return how many runs there are, counted again where there are others than before."""
        try:
            changed = (self._store.path / "runs").stat().st_mtime_ns
        except OSError:
            return 0
        if self._counted[0] != changed:
            self._counted = changed, len(self._opened)
        return self._counted[1]


_REPEATED: Mapping[str, Callable[[str], Any]] = {
    "--operation": str,
    "--operation-size": int,
    "--network": str,
    "--first-seed": int,
}
"""Options that a plan has in full."""


def _asked(made: Planned) -> tuple[Prediction, Size] | None:
    """Return what a plan asks and at which size, if that follows from its options.

    Of a design file and of networks from elsewhere a plan has digests alone.
    """
    known, words = PREDICTIONS.get(made.plan.prediction), made.plan.options
    size = None if known is None else next((s for s in known.sizes if s == made.plan.size), None)
    options = dict(zip(words[::2], words[1::2], strict=False))
    if known is None or size is None or not options.keys() <= _REPEATED.keys():
        return None
    try:
        variant = Variant(
            **{
                name[2:].replace("-", "_"): _REPEATED[name](value)
                for name, value in options.items()
            }
        )
        asked = type(known)(variant)
        asked.cells(size, 1)
    except (InvalidInputError, ValueError):  # of a plug-in that was not named here, for one
        return None
    return asked, size


def _row(made: Planned) -> dict[str, Any]:
    plan = made.plan
    return {
        "link": f"verdict/{made.statement.name}/" if _asked(made) is not None else "",
        "prediction": plan.prediction,
        "size": plan.size,
        "options": " ".join(plan.options) or "the design's own seeds",
        "looks": ", ".join(map(str, plan.looks)),
        "taken": len(made.looks),
        "made": made.statement.made[:19].replace("T", " "),
    }
