"""Which part of each optimiser step a device works on, and how the parts become whole.

The loss of a step is the mean over `batches` logical batches. With D devices, D <= batches, a device takes whole
logical batches: batch m goes to device m mod D. With more devices than batches, D / batches of them share each batch:
every one encodes its rows, term weights are gathered, each computes the loss of the whole batch, and gradients flow
into its own rows only. Either way the sum of the devices' gradients is that of one device: nothing is a mean per
device, so neither the loss nor FLOPS depends on the number of devices.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from rescalade.errors import UserError

BUCKET = 32 * 2**20
"""Elements per all-reduce: 128 MB of float32."""


@dataclass(frozen=True)
class Sharding:
    """Device `rank` of `devices`, with `batches` logical batches of `rows` triples in an optimiser step.

    Raises:
        UserError: the batches of a step cannot be dealt out evenly.
    """

    batches: int
    rows: int
    devices: int = 1
    rank: int = 0

    def __post_init__(self) -> None:
        if self.batches % self.devices and self.devices % self.batches:
            raise UserError(
                f"{self.devices} devices: {self.batches} logical batches per step cannot be dealt out evenly; "
                "take a number of devices that divides `accumulation` or is a multiple of it"
            )
        if self.rows % self.parts:
            raise UserError(
                f"{self.devices} devices: a logical batch of {self.rows} queries cannot be cut into {self.parts} equal "
                "parts; take another number of devices or another batch_size"
            )

    @property
    def parts(self) -> int:
        """Devices that share a logical batch."""
        return max(1, self.devices // self.batches)

    @property
    def local_batches(self) -> int:
        """Logical batches, or parts of one, that this device handles in an optimiser step."""
        return max(1, self.batches // self.devices)

    def number(self, local: int) -> int:
        """Number within the step of this device's logical batch `local`."""
        return self.rank // self.parts if self.parts > 1 else local * self.devices + self.rank

    @property
    def part(self) -> int:
        """Which part of its logical batch this device has."""
        return self.rank % self.parts

    def own(self, rows: int) -> slice:
        """This device's rows of a logical batch of `rows`."""
        size = rows // self.parts
        return slice(self.part * size, (self.part + 1) * size)


class Gather:
    """Puts the parts of a logical batch together; with one part it does nothing."""

    def __init__(self, sharding: Sharding) -> None:
        self.sharding = sharding
        self._group = None
        if sharding.parts > 1:  # every process must take part in making every group
            for first in range(0, sharding.devices, sharding.parts):
                ranks = list(range(first, first + sharding.parts))
                group = distributed.new_group(ranks)
                self._group = group if sharding.rank in ranks else self._group

    def __call__(self, own: Tensor) -> Tensor:
        """[b, ...] of this device to [b * parts, ...] of all; the gradient reaches the own rows."""
        if self.sharding.parts == 1:
            return own
        pieces = [torch.empty_like(own) for _ in range(self.sharding.parts)]
        distributed.all_gather(pieces, own.detach().contiguous(), group=self._group)
        pieces[self.sharding.part] = own
        return torch.cat(pieces)


def sum_over_devices(tensor: Tensor) -> Tensor:
    """Sum a tensor over the devices in place, where there are several."""
    if distributed.is_initialized():
        distributed.all_reduce(tensor)
    return tensor


def sum_gradients(model: nn.Module) -> None:
    """Sum the gradients of all devices, in large buckets and in the order of the parameters.

    The same parameters must have a gradient on every device: they do, since every device runs the same model.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    bucket: list[Tensor] = []
    for number, gradient in enumerate(gradients):
        bucket.append(gradient)
        if number == len(gradients) - 1 or sum(map(Tensor.numel, bucket)) >= BUCKET:
            flat = torch.cat([piece.reshape(-1) for piece in bucket])
            distributed.all_reduce(flat)
            for piece, summed in zip(bucket, flat.split([g.numel() for g in bucket]), strict=True):
                piece.copy_(summed.view_as(piece))
            bucket = []
