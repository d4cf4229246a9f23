"""Minibatches of K members, as a function of the step.

An epoch of a member is a permutation of its examples, drawn from its own stream and cut into
minibatches of B; the last one holds what is left. All follows from the step.
``Minibatches`` is for many members at one step, on any device; ``MemberMinibatches`` for one member
at many steps.

Shapes: K members, D examples of the largest dataset, B of the largest minibatch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.settings import RunSettings
from efficiency.training import counter_random
from efficiency.training.ensemble import step_size


@final
class Minibatches:
    """See the module.

    Args:
        members: K settings, each with a ``batch_size``.
        seeds_K: Seeds of their streams.
    """

    def __init__(self, members: Sequence[RunSettings], seeds_K: Tensor) -> None:
        def column(values: Sequence[int]) -> Tensor:
            return torch.tensor(values, device=seeds_K.device).unsqueeze(1)

        self._seeds_K = seeds_K
        self._size_K1 = column([run.dataset_size for run in members])
        self._batch_K1 = column([step_size(run) for run in members])
        self._number_K1 = (self._size_K1 + self._batch_K1 - 1) // self._batch_K1
        most = max(run.dataset_size for run in members)
        self._padding_KD = torch.arange(most, device=seeds_K.device) >= self._size_K1
        self._places_B = torch.arange(max(map(step_size, members)), device=seeds_K.device)
        self._known: tuple[list[int], Tensor] | None = None

    def at(self, step: Tensor, order_KD: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the minibatches of an update, and the weight of each example in the loss.

        Args:
            step: The update, from 0; an integer.
            order_KD: What ``order_at`` says of it, where that is known.

        Returns:
            (K, B) positions in the datasets and (K, B) weights in float64: 1 over the number of
            examples in the minibatch, or 0 where it is only padded.
        """
        epoch_K1, part_K1 = step // self._number_K1, step % self._number_K1
        if order_KD is None:
            order_KD = self._order(epoch_K1.squeeze(1))
        place_KB = part_K1 * self._batch_K1 + self._places_B
        inside_KB = (self._places_B < self._batch_K1) & (place_KB < self._size_K1)
        chosen_KB = order_KD.gather(1, place_KB.clamp(max=order_KD.shape[1] - 1))
        weight_KB = inside_KB.double()
        return torch.where(inside_KB, chosen_KB, 0), weight_KB / weight_KB.sum(1, keepdim=True)

    def order_at(self, step: int) -> Tensor:
        """Return (K, D) the orders of the epochs of an update, sorted once for all of an epoch.

        Sorting a long epoch at each of its steps takes longer than the step. Only where looking at
        a number costs nothing: on a CPU.
        """
        epochs = [step // number for number in self._number_K1.flatten().tolist()]
        if self._known is None or self._known[0] != epochs:
            order_KD = self._order(torch.tensor(epochs, device=self._seeds_K.device))
            self._known = (epochs, order_KD)
        return self._known[1]

    def _order(self, epoch_K: Tensor) -> Tensor:
        keys_K = counter_random.keys(self._seeds_K, "minibatch", epoch_K)
        drawn_KD = counter_random.bits(keys_K, self._padding_KD.shape[1])
        drawn_KD.masked_fill_(self._padding_KD, torch.iinfo(torch.int64).max)
        return drawn_KD.argsort(dim=1, stable=True)


@final
class MemberMinibatches:
    """Minibatches of one member.

    Args:
        run: Settings with a ``batch_size``.
        place_D: What to call each example of the dataset.
        ascending: Whether those of an update are sorted, or else as they were drawn.
    """

    def __init__(
        self, run: RunSettings, place_D: npt.NDArray[np.int32], *, ascending: bool
    ) -> None:
        self._place_D, self._ascending = place_D, ascending
        self._size, self._batch = run.dataset_size, step_size(run)
        self._number = -(-self._size // self._batch)
        self._seed = counter_random.seeds([run.noise_seed or 0], torch.device("cpu"))
        # The last epoch that was drawn: a long one goes on in the next call.
        self._known: tuple[int, npt.NDArray[np.int32]] | None = None

    def at(self, first_step: int, num_steps: int) -> npt.NDArray[np.int32]:
        """Return (num_steps, B) the examples of updates, −1 after the last.

        Args:
            first_step: First update, counted from 0.
            num_steps: How many.
        """
        D, B, number = self._size, self._batch, self._number
        first, last = first_step // number, (first_step + num_steps - 1) // number
        # Beyond every place, so that what is missing from the last minibatch is sorted to its end.
        none = np.iinfo(np.int32).max
        padded = np.full((last - first + 1, number * B), none, dtype=np.int32)
        padded[:, :D] = self._orders(first, last)
        begin = first_step % number
        chosen = padded.reshape(-1, B)[begin : begin + num_steps]
        chosen = np.sort(chosen, axis=1) if self._ascending else chosen.copy()
        chosen[chosen == none] = -1
        return np.ascontiguousarray(chosen)

    def _orders(self, first: int, last: int) -> npt.NDArray[np.int32]:
        """Return the orders of epochs, a row for each."""
        known = [] if self._known is None or self._known[0] != first else [self._known[1][None]]
        epochs = torch.arange(first + len(known), last + 1)
        if len(epochs):
            drawn_ED = counter_random.bits(
                counter_random.keys(self._seed, "minibatch", epochs), self._size
            )
            known.append(self._place_D[drawn_ED.argsort(dim=1, stable=True).numpy()])
        orders_ED = np.concatenate(known)
        self._known = (last, orders_ED[-1].copy())
        return orders_ED
