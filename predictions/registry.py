"""Every prediction by name."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import overload

from efficiency.errors import InvalidInputError, did_you_mean
from predictions.design_files import GROUND, DesignFile
from predictions.groups import GROUPS, TITLES
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.variants import AS_DESIGNED, Variant

PREDICTIONS = {name: one for members in GROUPS.values() for name, one in members.items()}

OURS = frozenset(GROUPS)
"""Groups that no other package adds to."""


@overload
def register(
    prediction: type[Prediction], *, group: str | None = None, title: str | None = None
) -> type[Prediction]: ...
@overload
def register(
    *, group: str | None = None, title: str | None = None
) -> Callable[[type[Prediction]], type[Prediction]]: ...
def register(
    prediction: type[Prediction] | None = None,
    *,
    group: str | None = None,
    title: str | None = None,
) -> type[Prediction] | Callable[[type[Prediction]], type[Prediction]]:
    """Register a prediction of another package; return it, so that it can decorate the class.

    Args:
        prediction: Its class; left out where a decorator is given a group, ``register(group=…)``.
        group: The group that it is judged with, one of its own by default: members of a group
            share a correction for their number, so that no claim of ours depends on whose
            package is installed.
        title: Of the report of a group that is new.

    Raises:
        InvalidInputError: Another has this name, the group is one of ours, or a method is missing.
    """
    if prediction is None:
        return functools.partial(register, group=group, title=title)
    if left := sorted(getattr(prediction, "__abstractmethods__", ())):
        raise InvalidInputError(
            f"the prediction {prediction.__name__} has no {', no '.join(left)}: see `A prediction` "
            "in docs/extending.md"
        )
    one = prediction()
    _require_words(one)
    group = group or one.name
    if group in OURS or one.name in OURS:
        raise InvalidInputError(
            f"the group {group!r} of the prediction {one.name!r} is ours: its correction is for "
            "its own claims; choose another name"
        )
    known = PREDICTIONS.get(one.name)
    if known is not None and type(known) is not prediction:
        raise InvalidInputError(f"there is another prediction {one.name!r}; choose another name")
    if group in PREDICTIONS and group != one.name:
        raise InvalidInputError(f"the group {group!r} is a prediction; choose another name")
    PREDICTIONS[one.name] = one
    GROUPS.setdefault(group, {})[one.name] = one
    TITLES.setdefault(group, title or one.title)
    return prediction


def _require_words(prediction: Prediction) -> None:
    """Refuse a prediction that lacks what reports print, before anything is trained for it.

    Raises:
        InvalidInputError: An attribute is missing, or is not what it should be.
    """
    called = type(prediction).__name__
    for word in ("name", "title", "claim", "rule", "refutation"):
        if not isinstance(said := getattr(prediction, word, None), str) or not said.strip():
            raise InvalidInputError(
                f"the prediction {called} needs a text as {word}, and has {said!r}: see `A "
                "prediction` in docs/extending.md"
            )
    least = getattr(prediction, "min_seeds", None)
    if type(least) is not int or least < 1:
        raise InvalidInputError(
            f"the prediction {called} needs a whole number from 1 on as min_seeds, below which it "
            f"decides nothing, and has {least!r}"
        )
    if not re.fullmatch(r"\w([\w.-]*\w)?", prediction.name):
        raise InvalidInputError(
            f"the prediction {called} is named {prediction.name!r}, after which files are called: "
            "take letters, digits, hyphens and dots between them"
        )


def find(name: str) -> Prediction:
    """Return a prediction.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PREDICTIONS:
        hint = did_you_mean(name, [*PREDICTIONS, *GROUPS])
        groups = "" if hint else f", in the groups {', '.join(GROUPS)}"
        raise InvalidInputError(
            f"unknown prediction {name!r}; {hint}predictions list has all{groups}; "
            "that of another package takes --plugins, or in Python that its module was imported"
        )
    return PREDICTIONS[name]


def select(
    names: tuple[str, ...], variant: Variant = AS_DESIGNED, size: Size | None = None
) -> list[Prediction]:
    """Return the named predictions in their order, each once.

    Args:
        names: Their names, or those of ``GROUPS``.
        variant: Another operation, network or seeds to ask; a group then leaves out what has an
            operation and a network of its own.
        size: The size that they are asked at; a group leaves out what has no design for it.

    Raises:
        ValueError: A name is not known, or that prediction cannot be varied or has no such size.
    """
    chosen: dict[str, Prediction] = {}
    for name in names:
        for prediction in GROUPS[name].values() if name in GROUPS else [find(name)]:
            why_not = _why_not(prediction, variant, size)
            if why_not is None:
                chosen[prediction.name] = type(prediction)(variant)
            elif name not in GROUPS:
                raise InvalidInputError(f"{name} {why_not}")
    if variant.design is not None:
        _require_known(variant.design)
    if not chosen:
        first = next(iter(GROUPS[names[0]].values()))
        raise InvalidInputError(f"each of {', '.join(names)} {_why_not(first, variant, size)}")
    return list(chosen.values())


def _require_known(file: DesignFile) -> None:
    """Refuse a design file with a table that no design has."""
    known = {part.name for one in PREDICTIONS.values() for part in one.parts} | {GROUND}
    for name in file.tables:
        if name not in known:
            raise InvalidInputError(
                f"{file.path} has a table [{name}], which no design has; "
                f"{did_you_mean(name, known)}choose from {', '.join(sorted(known))}"
            )


def _why_not(prediction: Prediction, variant: Variant, size: Size | None) -> str | None:
    """Return why a prediction cannot be asked, what would follow its name; ``None`` if it can."""
    if variant.elsewhere and not prediction.varies:
        return (
            f"has an operation and a network of its own; leave out {' '.join(variant.options())}, "
            "which would have no effect"
        )
    if variant.start and not prediction.continues:
        able = ", ".join(name for name, one in PREDICTIONS.items() if one.continues)
        return f"trains networks of its own, and --start would have no effect; choose from {able}"
    if size is not None and size not in prediction.sizes:
        return f"has no design of the size {size}; choose from {', '.join(prediction.sizes)}"
    return None


def in_groups(names: Sequence[str], size: Size) -> list[str]:
    """Return the same names, but for a whole group (or all of it that can be asked) its own."""
    left = list(names)
    found: list[str] = []
    while left:
        for end in range(len(left), 0, -1):
            group = group_of(left[:end], size)
            if group is not None or end == 1:
                found.append(group or left[0])
                left = left[end:]
                break
    return found


def group_of(names: Sequence[str], size: Size) -> str | None:
    """Return the name of the group of these predictions: all that has a design of a size.

    Or all of that which can be varied.
    """
    for group, members in GROUPS.items():
        there = [one for one in members.values() if size in one.sizes]
        varying = [one.name for one in there if one.varies]
        if len(there) > 1 and list(names) in ([one.name for one in there], varying):
            return group
    return None
