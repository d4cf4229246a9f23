"""What learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import BeforeValidator, Field, SerializeAsAny, create_model, model_validator

from efficiency.errors import InvalidInputError
from efficiency.registry import Registry
from efficiency.settings.base import Settings, absent
from efficiency.settings.task_base import Inputs

Precision = Literal["float32", "tf32", "float64"]


class NetworkBase(Settings):
    """What every network has.

    Args:
        architecture: Its name, fixed by each kind.
        d_model: Width of embeddings and of the residual stream.
        d_mlp: Hidden units of an MLP (ReLU).
        precision: Floating-point type of weights, activations and optimiser state. ``tf32`` is
            float32 whose matrix products round their factors to 11 significant bits; on a GPU only.

    Attributes:
        takes: What it reads of an example.
        solved: Whether it is linear in all that it learns, and solved instead of trained.
    """

    takes: ClassVar[Inputs] = "operands"
    solved: ClassVar[bool] = False

    architecture: str
    d_model: int = Field(default=128, ge=1)
    d_mlp: int = Field(default=512, ge=1)
    precision: Precision = "float32"

    @model_validator(mode="after")
    def _cannot_change(self) -> Self:
        for name in type(self).model_fields:
            try:
                hash(getattr(self, name))
            except TypeError as error:
                raise InvalidInputError(
                    f"the setting {name!r} of {self.architecture} is a "
                    f"{type(getattr(self, name)).__name__}, which can change; declare a tuple"
                ) from error
        return self

    @property
    def dtype(self) -> torch.dtype:
        """Return the type in which weights are kept."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @property
    def dropout_rate(self) -> float:
        """Return the share of activations that dropout sets to 0 in training."""
        return 0.0

    @property
    def logits_are_distances(self) -> bool:
        """Return whether each logit is minus a squared distance, so that none is above 0."""
        return False


class _Attending(NetworkBase):
    """A network with attention.

    Args:
        num_heads: Attention heads; must divide ``d_model``.
    """

    num_heads: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.d_model % self.num_heads:
            divisors = [h for h in range(1, self.d_model + 1) if self.d_model % h == 0]
            raise InvalidInputError(
                f"num_heads = {self.num_heads} does not divide d_model = {self.d_model}; "
                f"choose num_heads from {divisors}"
            )
        return self


class OneLayerTransformerSettings(_Attending):
    """The one-layer decoder-only transformer of Varma et al. (2023, section 4).

    Learned positions, biases in the MLP only, no LayerNorm (the last two assumed: the paper does
    not say).
    """

    architecture: Literal["one-layer-transformer"] = "one-layer-transformer"


class Decoder(_Attending):
    """A decoder-only transformer of any depth.

    Args:
        num_layers: Blocks of attention and MLP.
        normalisation: LayerNorm after each residual sum (``post``, as in their code), before each
            sub-layer and at the end (``pre``), or none.
        biases: Whether the MLPs have biases.
        positions: ``sinusoidal`` and fixed, or ``learned``.
        dropout: Share of the MLPs' outputs set to 0 in training, the rest scaled up.
    """

    num_layers: int = Field(default=2, ge=1)
    normalisation: Literal["none", "pre", "post"] = "post"
    biases: bool = False
    positions: Literal["learned", "sinusoidal"] = "sinusoidal"
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @property
    def dropout_rate(self) -> float:
        """See ``NetworkBase``."""
        return self.dropout


class TransformerSettings(Decoder):
    """A transformer that reads two operands; the defaults are Power et al. (2022, A.1.2).

    With one layer, no normalisation, biases, learned positions and the prompt ``a b =`` it is the
    network of ``OneLayerTransformerSettings``.

    Args:
        prompt: The tokens that the network reads; the answer is read at the last.
    """

    architecture: Literal["transformer"] = "transformer"
    prompt: Literal["a b =", "a o b ="] = "a o b ="


class SequenceTransformerSettings(Decoder):
    """A transformer that reads the tokens of a sequence, and answers at its last positions.

    One position for each answer of the task, each of which sees only what stands before it.

    Args:
        d_mlp: See ``NetworkBase``; 0 for a network that consists of attention only.
    """

    takes: ClassVar[Inputs] = "tokens"

    architecture: Literal["sequence-transformer"] = "sequence-transformer"
    num_layers: int = Field(default=1, ge=1)
    d_mlp: int = Field(default=512, ge=0)

    @model_validator(mode="after")
    def _nothing_is_asked_of_no_mlp(self) -> Self:
        if self.d_mlp == 0 and (self.biases or self.dropout):
            raise InvalidInputError(
                f"d_mlp = 0 leaves out the MLPs, of which biases = {self.biases} and dropout = "
                f"{self.dropout:g} are asked; leave out biases and dropout, or give a d_mlp"
            )
        return self


class _Perceptron(NetworkBase):
    """A network without attention.

    Args:
        num_layers: Hidden layers of ``d_mlp`` units each.
        dropout: Share of hidden activations set to 0 in training, the rest scaled up.
    """

    num_layers: int = Field(default=1, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @property
    def dropout_rate(self) -> float:
        """See ``NetworkBase``."""
        return self.dropout


class MLPSettings(_Perceptron):
    """Embeddings of both operands side by side, then hidden layers."""

    architecture: Literal["mlp"] = "mlp"


class FeaturesMLPSettings(_Perceptron):
    """A multi-layer perceptron that reads real numbers: hidden layers, then the answer.

    Args:
        d_model: It has no embedding.
    """

    takes: ClassVar[Inputs] = "features"

    architecture: Literal["features-mlp"] = "features-mlp"
    d_model: Literal[0] = 0


class RandomFeaturesSettings(NetworkBase):
    """Random Fourier features, which stay as they were drawn, and linear outputs.

    Outputs are fitted to 1 at the right class and 0 at the others by ``method="least-squares"``.

    Args:
        d_model: It has no embedding.
        d_mlp: Random features.
        precision: Where there are about as many features as examples, outputs are large and cancel.
    """

    takes: ClassVar[Inputs] = "features"
    solved: ClassVar[bool] = True

    architecture: Literal["random-features"] = "random-features"
    d_model: Literal[0] = 0
    precision: Precision = "float64"

    @property
    def logits_are_distances(self) -> bool:
        """See ``NetworkBase``."""
        return True


class SumDecoderSettings(NetworkBase):
    """The toy of Liu et al. (2022): a perceptron with tanh on the sum of two embeddings.

    Args:
        d_model: Dimensions of an embedding; theirs has one.
        d_mlp: Units of a hidden layer.
        num_layers: Hidden layers.
        num_outputs: Numbers that are compared with a random target for each class, of which the
            nearest is the answer; left out, the outputs are logits.
    """

    architecture: Literal["sum-decoder"] = "sum-decoder"
    d_model: int = Field(default=1, ge=1)
    d_mlp: int = Field(default=200, ge=1)
    num_layers: int = Field(default=2, ge=1)
    num_outputs: int | None = Field(default=None, ge=1, exclude_if=absent)

    @property
    def logits_are_distances(self) -> bool:
        """See ``NetworkBase``."""
        return self.num_outputs is not None


def of_kind(name: str, kind: type[NetworkBase] = NetworkBase) -> type[NetworkBase]:
    """Return settings like those of a kind, of an architecture of this name."""
    fixed: Any = Literal[name]
    return create_model(kind.__name__, __base__=kind, architecture=(fixed, name))


def _of_module(name: str, thing: Any) -> type[NetworkBase]:
    """Return the settings of a network that a module has under a name."""
    own = getattr(thing, "Settings", NetworkBase)
    if not (isinstance(thing, type) and isinstance(own, type) and issubclass(own, NetworkBase)):
        raise InvalidInputError(
            f"{name!r} is no network; it must be a class like efficiency.networks.Network, and "
            "its Settings, if it has any of its own, one like efficiency.settings.NetworkBase"
        )
    return of_kind(name, own)


NETWORK_SETTINGS: Registry[type[NetworkBase]] = Registry("architecture", _of_module)
"""The settings of each architecture."""

for _kind in (
    OneLayerTransformerSettings,
    TransformerSettings,
    MLPSettings,
    SequenceTransformerSettings,
    FeaturesMLPSettings,
    RandomFeaturesSettings,
    SumDecoderSettings,
):
    NETWORK_SETTINGS.register(_kind.model_fields["architecture"].default, _kind)


def _any_network(value: Any) -> Any:
    """Return the settings of a network of any registered kind from what describes them."""
    if isinstance(value, NetworkBase) and not isinstance(
        value, kind := NETWORK_SETTINGS.find(value.architecture)
    ):
        raise InvalidInputError(
            f"settings of {value.architecture} are of {kind.__name__}, not {type(value).__name__}"
        )
    if not isinstance(value, Mapping):
        return value
    name = value.get("architecture")
    if not isinstance(name, str):
        raise InvalidInputError(
            f"architecture = {name!r}; choose from {', '.join(sorted(NETWORK_SETTINGS))}"
        )
    return NETWORK_SETTINGS.find(name).model_validate(value)


NetworkSettings = Annotated[NetworkBase, BeforeValidator(_any_network), SerializeAsAny()]
"""Any network; ``architecture`` says which."""
