"""Predictions on another operation or another network than their sizes have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from efficiency.errors import InvalidInputError
from efficiency.settings import (
    MLPSettings,
    NetworkSettings,
    OneLayerTransformerSettings,
    TransformerSettings,
)

# Without normalisation: what LayerNorm divides by is lost to the norm that the theory speaks of.
_NETWORKS: Mapping[str, Callable[[OneLayerTransformerSettings], NetworkSettings]] = {
    "one-layer": lambda n: n,
    "two-layer": lambda n: TransformerSettings(
        d_model=n.d_model,
        num_heads=n.num_heads,
        d_mlp=n.d_mlp,
        num_layers=2,
        normalisation="none",
        biases=True,
        positions="learned",
        prompt="a b =",
    ),
    "mlp": lambda n: MLPSettings(d_model=n.d_model, d_mlp=n.d_mlp),
}

NETWORKS = tuple(_NETWORKS)
"""Names of networks, each with the widths that the size has for the one-layer transformer."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs from the ground of a size; ``None`` for nothing.

    Attributes:
        operation: A name from ``efficiency.operations.OPERATIONS``.
        operation_size: Its modulus, or n of Sₙ.
        network: One of ``NETWORKS``.
    """

    operation: str | None = None
    operation_size: int | None = None
    network: str | None = None

    def __post_init__(self) -> None:
        if self.network is not None and self.network not in NETWORKS:
            raise InvalidInputError(
                f"unknown network {self.network!r}; choose from {', '.join(NETWORKS)}"
            )

    def options(self) -> list[str]:
        """Return the options of the command line that ask for this."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [
            word
            for name, value in given.items()
            if value is not None
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]

    def network_settings(self, usual: OneLayerTransformerSettings) -> NetworkSettings:
        """Return the network, as wide as the usual one."""
        return _NETWORKS[self.network or "one-layer"](usual)


AS_DESIGNED = Variant()
"""Nothing differs."""
