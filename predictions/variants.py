"""Predictions on another operation, another network or other seeds than their sizes have."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.settings import (
    NETWORK_SETTINGS,
    MLPSettings,
    NetworkSettings,
    OneLayerTransformerSettings,
    TransformerSettings,
)
from predictions import design_files
from predictions.design_files import DesignFile
from predictions.given import GivenNetwork
from predictions.given import read as read_network
from runs.identity import digest

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

MAX_SEEDS = 1000
"""More seeds than this are surely a slip of the finger."""

FIRST_REPLICATION = 5000
"""The first seed that shares none with the designs' own."""

NETWORKS = tuple(_NETWORKS)
"""Names of networks, each with the widths that the size has for the one-layer transformer."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs from the ground of a size; ``None`` for nothing.

    Attributes:
        operation: A name from ``efficiency.operations.OPERATIONS``.
        operation_size: Its modulus, or n of Sₙ.
        network: One of ``NETWORKS``, or an architecture, of a module of one's own too.
        first_seed: What judged seeds count up from, see ``grounds.judged_seeds``.
        design: What a design file has instead, operation and network among it.
        start: Networks that were trained elsewhere, one for each seed, in place of start networks
            that are trained here.
    """

    operation: str | None = None
    operation_size: int | None = None
    network: str | None = None
    first_seed: int | None = None
    design: DesignFile | None = None
    start: tuple[GivenNetwork, ...] = ()

    def __post_init__(self) -> None:
        if self.design is not None and self._table_or_network:
            raise InvalidInputError(
                f"{' '.join(self._words(('operation', 'operation_size', 'network')))} beside "
                f"--design {self.design.path}; write it into the file, in [ground.task] or "
                "[ground.network]"
            )
        if self.network is not None and self.network not in NETWORKS:
            self._settings_of(self.network)

    @classmethod
    def asked(cls, options: str) -> Variant:
        """Return what differs from options of the command line, as ``options`` gives them."""
        words = shlex.split(options)
        pairs = list(zip(words[::2], words[1::2], strict=True))
        given = dict(pairs)
        size, first = given.get("--operation-size"), given.get("--first-seed")
        design = given.get("--design")
        return cls(
            operation=given.get("--operation"),
            operation_size=None if size is None else int(size),
            network=given.get("--network"),
            first_seed=None if first is None else int(first),
            design=None if design is None else design_files.read(Path(design)),
            start=tuple(read_network(Path(at)) for name, at in pairs if name == "--start"),
        )

    @property
    def elsewhere(self) -> bool:
        """Whether another operation, network, design or start is asked for."""
        return self._table_or_network or self.design is not None or bool(self.start)

    @property
    def _table_or_network(self) -> bool:
        return any(word is not None for word in (self.operation, self.operation_size, self.network))

    def label(self) -> str:
        """Return what differs as a part of a file's name, empty if nothing does."""
        design = None if self.design is None else f"{self.design.stem}-{self.design.digest[:8]}"
        words = [self.operation, self.operation_size, self.network, design]
        words += [f"started-{digest(self._starts('digest'))[:8]}" if self.start else None]
        words += [None if self.first_seed is None else f"from-seed-{self.first_seed}"]
        # A colon, of module:name, is no part of a file's name everywhere.
        return "".join(f"-{word}" for word in words if word is not None).replace(":", ".")

    def options(self) -> list[str]:
        """Return the options of the command line that ask for this."""
        words = self._words(("operation", "operation_size", "network", "first_seed"))
        words += [] if self.design is None else ["--design", self.design.path]
        return words + self._starts("path")

    def question(self) -> list[str]:
        """Return the same in words that stay true: a design by what it says, not where it lies.

        And likewise networks by their weights.
        """
        words = replace(self, design=None, start=()).options()
        words += [] if self.design is None else ["--design", self.design.digest]
        return words + self._starts("digest")

    def _starts(self, what: str) -> list[str]:
        return [word for one in self.start for word in ("--start", getattr(one, what))]

    def _words(self, names: Sequence[str]) -> list[str]:
        return [
            word
            for name in names
            if (value := getattr(self, name)) is not None
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]

    def another_first_seed(self) -> int:
        """Return a first seed from which on no seed is one of these."""
        if self.first_seed is None:
            return FIRST_REPLICATION
        return max(FIRST_REPLICATION, self.first_seed + MAX_SEEDS)

    def network_settings(self, usual: OneLayerTransformerSettings) -> NetworkSettings:
        """Return the network, as wide as the usual one."""
        name = self.network or "one-layer"
        if name in _NETWORKS:
            return _NETWORKS[name](usual)
        return self._settings_of(name)(d_model=usual.d_model, d_mlp=usual.d_mlp)

    @staticmethod
    def _settings_of(name: str) -> Callable[..., NetworkSettings]:
        """Return the settings of a registered architecture, or of one that a module has.

        Raises:
            InvalidInputError: There is none of this name.
        """
        if ":" not in name and name not in NETWORK_SETTINGS:
            ours = [one for one in NETWORK_SETTINGS if ":" not in one]
            registered = list(dict.fromkeys([*NETWORKS, *ours]))
            raise InvalidInputError(
                f"unknown network {name!r}; {did_you_mean(name, registered)}choose from "
                f"{', '.join(registered)}, or a name of your own, module:name"
            )
        return NETWORK_SETTINGS.find(name)


AS_DESIGNED = Variant()
"""Nothing differs."""
