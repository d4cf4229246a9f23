"""Things by name: ours, those that another package registers, and those that it only has.

A name with a colon is of a module: ``mymodule:thing`` is imported when it is first asked for, and
needs no registration.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar, final

from efficiency.errors import InvalidInputError, did_you_mean

T = TypeVar("T")


@final
class Registry(dict[str, T], Generic[T]):
    """What there is of one kind.

    Args:
        what: The kind, in words: ``operation``.
        made: From a name with a colon and what the module has under it to what is registered; a
            kind without it has no such names.

    Raises:
        InvalidInputError: (of ``made``) It is not what is wanted.
    """

    def __init__(self, what: str, made: Callable[[str, Any], T] | None = None) -> None:
        super().__init__()
        self.what = what
        self._made = made

    def register(self, name: str, value: T) -> T:
        """Give a name to something of this kind; return it.

        Raises:
            InvalidInputError: Something else has this name, or it has a colon.
        """
        if ":" in name:
            raise InvalidInputError(
                f"the {self.what} {name!r} cannot be registered: names with a colon are "
                "of modules; choose another"
            )
        if name in self and self[name] != value:
            raise InvalidInputError(f"there is another {self.what} {name!r}; choose another name")
        self[name] = value
        return value

    def find(self, name: str) -> T:
        """Return what has a name.

        Raises:
            InvalidInputError: Nothing has it, or it cannot be imported or used.
        """
        if name not in self:
            if ":" not in name or self._made is None:
                own = "" if self._made is None else ", or a name of your own, module:name"
                raise InvalidInputError(
                    f"unknown {self.what} {name!r}; {did_you_mean(name, self)}choose from "
                    f"{', '.join(sorted(one for one in self if ':' not in one))}{own}"
                )
            self[name] = self._made(name, imported(name, self.what))
        return self[name]


def imported(name: str, what: str) -> Any:
    """Return what a module has under a name, ``mymodule:thing``.

    Raises:
        InvalidInputError: There is no such module, or nothing of this name in it.
    """
    module_name, _, attribute = name.partition(":")
    module = import_module(module_name, what)
    if not attribute.isidentifier() or not hasattr(module, attribute):
        there = [one for one in vars(module) if not one.startswith("_")]
        raise InvalidInputError(
            f"the {what} {name!r}: {module_name} has no {attribute!r}; "
            f"{did_you_mean(attribute, there)}it has {', '.join(there) or 'nothing'}"
        )
    return getattr(module, attribute)


def import_module(name: str, what: str) -> Any:
    """Return a module, that of a file in the current folder too.

    Raises:
        InvalidInputError: There is none of this name. What fails inside it is not caught.
    """
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # last: it stands in the way of nothing
    alone, of_a_thing, _ = name.partition(":")
    if of_a_thing:
        raise InvalidInputError(
            f"the {what} takes modules, and {name!r} is a thing in one; write {alone}"
        )
    missing = InvalidInputError(
        f"the {what} asks for the module {name!r}, and there is none; it must be installed "
        f"beside this package, or lie in {here} as {name.replace('.', os.sep)}.py"
    )
    if name.endswith(".py") or os.sep in name:
        plain = os.path.basename(name).removesuffix(".py")
        raise InvalidInputError(
            f"the {what} takes the name of a module, and {name!r} is a path; run it where the file "
            f"lies, or put its folder into PYTHONPATH, and write {plain}"
        )
    if not all(part.isidentifier() for part in name.split(".")):
        raise missing
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not _is_part(error.name, name):
            raise
        raise missing from error


def _is_part(missing: str | None, name: str) -> bool:
    """Return whether it is the module itself that is missing, and not what it imports."""
    return missing is not None and (name == missing or name.startswith(f"{missing}."))
