"""Random numbers as a function of (seed, purpose, step, index): nothing is remembered between them.

Each member of an ensemble has its own seed, so that what it draws does not depend on who trains
beside it, on how many updates are made at once or on where an interrupted run went on; and drawing
is an ordinary computation on the device, which a recorded program repeats with a new step.

The generator is SplitMix64 (Steele, Lea & Flood 2014): output i of a stream is a mix of
key + i·φ, φ the odd number nearest to 2⁶⁴ divided by the golden ratio.

Shapes: K members; keys are (K,), or a scalar under ``vmap``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

Purpose = Literal["minibatch", "dropout", "weight noise", "update noise"]
"""What numbers are drawn for; streams of different purposes are independent."""


def _signed(value: int) -> int:
    """Return the int64 with the bits of an unsigned 64-bit number."""
    return value - 2**64 if value >= 2**63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FACTORS = (_signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB))


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Return a logical shift to the right; int64's own is arithmetic."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def _mixed(bits: Tensor) -> Tensor:
    """Return SplitMix64's output function, a bijection of 64 bits."""
    bits = (bits ^ _shifted(bits, 30)) * _FACTORS[0]
    bits = (bits ^ _shifted(bits, 27)) * _FACTORS[1]
    return bits ^ _shifted(bits, 31)


def seeds(values: Sequence[int], device: torch.device) -> Tensor:
    """Return (K,) seeds on a device.

    Args:
        values: In [0, 2⁶³).
        device: Where the numbers are wanted.
    """
    return torch.tensor(values, dtype=torch.int64, device=device)


def keys(seeds_K: Tensor, purpose: Purpose, step: Tensor | int) -> Tensor:
    """Return the (K,) keys of the members' streams for one purpose at one step.

    Args:
        seeds_K: See ``seeds``.
        purpose: What the numbers are for.
        step: The update, from 0; one number or one for each member.
    """
    return _mixed(split(_mixed(seeds_K), get_args(Purpose).index(purpose)) + step)


def split(key: Tensor, part: int) -> Tensor:
    """Return the key of a stream of its own, independent of that of ``key``."""
    return _mixed(_mixed(key) + _signed((part + 1) * _GOLDEN % 2**64))


def bits(key: Tensor, count: int) -> Tensor:
    """Return (…, count) of 64 random bits for keys (…,)."""
    index = torch.arange(1, count + 1, device=key.device)
    return _mixed(key.unsqueeze(-1) + index * _GOLDEN)


def uniform(key: Tensor, count: int) -> Tensor:
    """Return (…, count) numbers from (0, 1), odd multiples of 2⁻²⁴; float32."""
    return _as_uniform(bits(key, math.ceil(count / 2)))[..., :count]


def _as_uniform(drawn: Tensor) -> Tensor:
    """Return two numbers from (0, 1) for each 64 bits, side by side."""
    halves = torch.stack([_shifted(drawn, 41), _shifted(drawn, 9) & (2**23 - 1)], dim=-1)
    # 24 bits with the half: exact in float32, and never 0 or 1.
    return ((halves.float() + 0.5) * 2.0**-23).flatten(-2)


def normal(key: Tensor, count: int) -> Tensor:
    """Return (…, count) standard normal numbers, by Box and Muller; float32, |x| < 6."""
    return _as_normal(bits(key, math.ceil(count / 2)))[..., :count]


def normals(key: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Return ``normal(split(key, i), counts[i])`` for every i, computed at once.

    For the many small tensors of a network: each by itself costs more than its numbers.
    """
    parts = torch.arange(1, len(counts) + 1, device=key.device) * _GOLDEN
    keys = _mixed(_mixed(key).unsqueeze(-1) + parts)
    drawn = [math.ceil(count / 2) for count in counts]
    index = torch.cat([torch.arange(1, number + 1, device=key.device) for number in drawn])
    of_each = [keys[..., i, None].expand(*key.shape, number) for i, number in enumerate(drawn)]
    found = _as_normal(_mixed(torch.cat(of_each, dim=-1) + index * _GOLDEN))
    pieces = torch.split(found, [2 * number for number in drawn], dim=-1)
    return [piece[..., :count] for piece, count in zip(pieces, counts, strict=True)]


def _as_normal(drawn: Tensor) -> Tensor:
    """Return two normal numbers for each 64 bits, side by side."""
    pairs = _as_uniform(drawn)
    radius, angle = (-2 * pairs[..., ::2].log()).sqrt(), 2 * math.pi * pairs[..., 1::2]
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1).flatten(-2)
