"""How it is learned."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from efficiency.errors import InvalidInputError
from efficiency.settings.base import Settings, absent

WITHOUT_EFFECT: dict[str | None, tuple[str, ...]] = {
    "gradient-descent": ("beta1", "beta2", "epsilon", "decay_form"),
    "least-squares": (
        *("learning_rate", "beta1", "beta2", "epsilon", "warmup_steps", "decay_fraction"),
        *("norm_factor", "decay_form", "decay_target", "orthogonal_gradient", "batch_size"),
        *("embedding_learning_rate", "embedding_weight_decay", "update_noise", "weight_noise"),
    ),
}
"""Settings that a method has no use for."""


class OptimiserSettings(Settings):
    """AdamW, or gradient descent, with a warm-up, a plateau and a final decay of the learning rate.

    Args:
        learning_rate: The plateau η; the paper uses 1e-3.
        weight_decay: Decoupled decay λ: each step first multiplies the weights by 1 − ηλ.
        beta1: Decay of the first moment, in [0, 1).
        beta2: Decay of the second moment, in [0, 1); the paper uses 0.98.
        epsilon: Added to the root of the second moment, 1e-30 at least: smaller gradients have no
            second moment in float32.
        warmup_steps: Steps of linear rise from 0 to η. A continued run begins with empty moments,
            so that its first steps have the size of η whatever the gradient; the warm-up keeps
            them from damaging the network that it starts from.
        decay_fraction: Fraction of the run, at its end, over which η falls linearly to 0.
        method: ``gradient-descent`` is θ ← θ − η(∇L + λθ), without moments. It comes to rest where
            L + λ‖θ‖²/2 is least (or has a saddle), which is what the theory speaks of (Varma et
            al. 2023, section 3 and appendix D); AdamW, where ∇L ≈ −ελθ: at a penalty of about ελ.
            Gradients are not scaled: η and λ mean other numbers than with AdamW. ``least-squares``
            is where it comes to rest, for networks that are linear in what they learn: exact, from
            the first step on. Left out, AdamW.
        norm_factor: If given, the weights are scaled at the beginning and after every update to
            ‖θ‖₂ = this times the norm that the run starts with, so that the loss alone is minimised
            at one norm (Liu et al. 2022, *Omnigrok*). Weight decay must then be 0: scaling would
            undo it.
        decay_form: ``l2`` adds λ·θ to the gradient instead (Adam with an L2 penalty λ‖θ‖²/2), so
            that it passes through the moments; left out, decay is decoupled.
        decay_target: ``initial`` decays towards the weights that the run started with, θ₀; left
            out, towards zero.
        orthogonal_gradient: The gradient of the loss loses its part along the weights and is then
            scaled to the length that it had: that of ``each`` array of weights by itself (⊥Grad of
            Prieto et al. 2025, *Grokking at the edge of numerical stability*), or that of the
            ``whole`` network as one vector. Adam's scaling of coordinates comes after it, so that
            the norm is nearly and not exactly held. Left out, gradients are whole.
        batch_size: Examples of a minibatch, drawn without replacement within an epoch, whose last
            minibatch holds what is left; left out, every step takes all D examples.
        embedding_learning_rate: η of the embeddings (``W_E``), with the same schedule, where it is
            another than that of the rest (Liu et al. 2022, section 2: two optimisers).
        embedding_weight_decay: λ of the embeddings likewise.
        update_noise: Standard deviation of Gaussian noise on the direction of every update, before
            the learning rate: θ ← θ − η(Δ + ε) (Power et al. 2022, A.1.2).
        weight_noise: Standard deviation of Gaussian noise on the weights that a gradient is taken
            at; the weights themselves do not change by it (likewise).
    """

    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1.0, ge=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.98, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, ge=1e-30)
    warmup_steps: int = Field(default=10, ge=0)
    decay_fraction: float = Field(default=0.0, ge=0, le=1)
    method: Literal["gradient-descent", "least-squares"] | None = Field(
        default=None, exclude_if=absent
    )
    norm_factor: float | None = Field(default=None, gt=0)
    decay_form: Literal["l2"] | None = Field(default=None, exclude_if=absent)
    decay_target: Literal["initial"] | None = Field(default=None, exclude_if=absent)
    orthogonal_gradient: Literal["each", "whole"] | None = Field(default=None, exclude_if=absent)
    batch_size: int | None = Field(default=None, ge=1, exclude_if=absent)
    embedding_learning_rate: float | None = Field(default=None, gt=0, exclude_if=absent)
    embedding_weight_decay: float | None = Field(default=None, ge=0, exclude_if=absent)
    update_noise: float | None = Field(default=None, gt=0, exclude_if=absent)
    weight_noise: float | None = Field(default=None, gt=0, exclude_if=absent)

    @model_validator(mode="after")
    def _decay_has_an_effect(self) -> Self:
        if self.norm_factor is not None and self.weight_decay != 0:
            raise InvalidInputError(
                f"weight_decay = {self.weight_decay} is given with norm_factor = "
                f"{self.norm_factor}; scaling to a fixed norm would undo the decay: set "
                "weight_decay to 0, or leave out norm_factor"
            )
        for name in ("decay_form", "decay_target"):
            if getattr(self, name) is not None and self.weight_decay == 0:
                raise InvalidInputError(
                    f"{name} = {getattr(self, name)!r} is given with weight_decay = 0, where it "
                    "would have no effect; leave it out, or give a weight_decay"
                )
        return self

    @model_validator(mode="after")
    def _a_method_takes_what_it_has(self) -> Self:
        for name in WITHOUT_EFFECT.get(self.method, ()):
            given, usual = getattr(self, name), type(self).model_fields[name].default
            if given != usual:
                raise InvalidInputError(
                    f"{name} = {given!r} is given with method = {self.method!r}, where it would "
                    f"have no effect; leave it at {usual!r}"
                )
        return self

    @model_validator(mode="after")
    def _decay_leaves_something(self) -> Self:
        for rate, decay in (
            (self.learning_rate, self.weight_decay),
            (self.embedding_rate, self.embedding_decay),
        ):
            if self.decay_form is None and rate * decay >= 1:
                raise InvalidInputError(
                    f"learning_rate · weight_decay = {rate:g} · {decay:g} = {rate * decay:g}: each "
                    "step multiplies the weights by 1 − ηλ, which is not positive; choose them so "
                    "that ηλ < 1. (Some codes call the product ηλ the weight decay: then divide it "
                    "by the learning rate.)"
                )
        return self

    @model_validator(mode="after")
    def _embeddings_of_their_own_have_only_these(self) -> Self:
        own = (self.embedding_learning_rate, self.embedding_weight_decay)
        if own == (None, None):
            return self
        for name in ("norm_factor", "decay_target", "update_noise"):
            if getattr(self, name) is not None:
                raise InvalidInputError(
                    f"{name} = {getattr(self, name)!r} is given with a learning rate or a weight "
                    "decay of the embeddings' own, which no engine has together; leave out one"
                )
        return self

    @property
    def embedding_rate(self) -> float:
        """η of the embeddings."""
        own = self.embedding_learning_rate
        return self.learning_rate if own is None else own

    @property
    def embedding_decay(self) -> float:
        """λ of the embeddings."""
        own = self.embedding_weight_decay
        return self.weight_decay if own is None else own

    @property
    def is_random(self) -> bool:
        """Return whether updates depend on random draws."""
        chances = (self.batch_size, self.update_noise, self.weight_noise)
        return any(chance is not None for chance in chances)
