"""A number that says how sure it is and whether it may be read at all."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["measured", "not settled", "diverged", "censored"]


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
        numbers = (self.value, self.low, self.high)
        assert not any(x is not None and not math.isfinite(x) for x in numbers), self
        if self.low is not None and self.high is not None:
            assert self.low <= self.high, self

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
