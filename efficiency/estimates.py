"""A number that says how sure it is and whether it may be read at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from efficiency.errors import InvalidInputError

Status = Literal["measured", "not settled", "diverged", "censored"]
STATUSES: tuple[Status, ...] = get_args(Status)


def alike(one: Estimate, other: Estimate) -> bool:
    """Return whether two estimates are the same up to the rounding of their last digits."""
    pairs = [(getattr(one, end), getattr(other, end)) for end in ("value", "low", "high")]
    return (one.n, one.unit, one.status) == (other.n, other.unit, other.status) and all(
        (a is None) == (b is None)
        and (a is None or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12))
        for a, b in pairs
    )


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured value with its uncertainty.

    Attributes:
        value: Best single value; ``None`` where only a bound is known.
        low: Lower end of the interval; ``None`` where it is unbounded.
        high: Upper end of the interval; ``None`` where it is unbounded.
        n: How many independent units (records, seeds) it rests on.
        unit: Unit of the three numbers, ``"1"`` for a ratio or a fraction.
        status: ``measured``; ``not settled`` (still moving when read); ``diverged``; ``censored``
            (the value lies outside what was looked at: only one end is known).
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    status: Status = "measured"

    def __post_init__(self) -> None:
        for number in (self.value, self.low, self.high):
            assert number is None or math.isfinite(number), self
        if self.low is not None and self.high is not None:
            assert self.low <= self.high, self

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Estimate:
        """Return the estimate that ``document`` describes.

        Raises:
            InvalidInputError: It is none.
        """
        known = {"value", "low", "high", "n", "unit", "status"}
        if not isinstance(document, Mapping) or not {"n", "unit"} <= document.keys() <= known:
            raise InvalidInputError(f"an estimate has {sorted(known)}; given: {document!r}")
        ends = [document.get(name) for name in ("value", "low", "high")]
        numbers = [x for x in ends if x is not None]
        if not all(type(x) in (int, float) and math.isfinite(x) for x in numbers) or (
            ends[1] is not None and ends[2] is not None and ends[1] > ends[2]
        ):
            raise InvalidInputError(
                f"value, low and high of an estimate are finite numbers or null, low not above "
                f"high; given: {ends!r}"
            )
        n, unit, status = document["n"], document["unit"], document.get("status", "measured")
        if type(n) is not int or n < 0 or not isinstance(unit, str) or status not in STATUSES:
            raise InvalidInputError(
                f"n of an estimate is a whole number, its unit a text and its status one of "
                f"{STATUSES}; given: {n!r}, {unit!r}, {status!r}"
            )
        value, low, high = ends
        return cls(value=value, low=low, high=high, n=n, unit=unit, status=status)

    def document(self) -> dict[str, Any]:
        """Return the estimate as JSON types."""
        return asdict(self)

    def texts(self) -> dict[str, str]:
        """Return value, interval, n, unit and status as they are shown; open ends show as ``…``."""

        def show(x: float | None) -> str:
            if x is None:
                return "…"
            return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"

        bounded = (self.low, self.high) != (None, None)
        return {
            "value": show(self.value),
            "interval": f"{show(self.low)} to {show(self.high)}" if bounded else "",
            "n": str(self.n),
            "unit": "" if self.unit == "1" else self.unit,
            "status": self.status,
        }

    def __str__(self) -> str:
        """Return e.g. ``113 [105 to 121] examples``."""
        shown = self.texts()
        parts = [
            shown["value"],
            f"[{shown['interval']}]" if shown["interval"] else "",
            shown["unit"],
            "" if self.status == "measured" else f"({self.status})",
        ]
        return " ".join(part for part in parts if part)
