"""What all settings have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from efficiency.errors import InvalidInputError, did_you_mean

Seed = Annotated[int, Field(ge=0, lt=2**63)]


def absent(value: object) -> bool:
    """Return whether a setting is left out of documents: so old documents stay as they were.

    A field that is added later has ``None`` for "not used" and ``Field(exclude_if=absent)``; the
    identity of a run that does not use it is then the same as before there was such a field.
    """
    return value is None


class Settings(BaseModel):
    """Base of all settings: frozen, complete, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _has_no_other_names(cls, given: Any) -> Any:
        # Pydantic says no more of such a name than that it is not permitted.
        known = list(cls.model_fields)
        for name in given if isinstance(given, Mapping) else ():
            if name not in known:
                others = f"choose from {', '.join(known)}" if known else "it has no settings"
                raise InvalidInputError(
                    f"there is no {name}; {did_you_mean(str(name), known)}{others}"
                )
        return given

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes, checked like settings made from scratch."""
        return type(self).model_validate({**dict(self), **(update or {})})


def leaves(settings: Settings, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting that is no group of settings, with its path, ``optimiser.beta1`` say.

    A run that another starts from is one setting.
    """
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Settings) and not isinstance(value, type(settings)):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def explain(error: ValidationError) -> str:
    """Return pydantic's complaints as one line each: field, what was given, what is allowed."""
    lines = []
    for complaint in error.errors(include_url=False):
        field = ".".join(str(part) for part in complaint["loc"])
        message = complaint["msg"].removeprefix("Value error, ")
        given = "" if complaint["type"] == "value_error" else f" (given: {complaint['input']!r})"
        lines.append(f"{field}: {message}{given}" if field else f"{message}{given}")
    return "\n".join(lines)
