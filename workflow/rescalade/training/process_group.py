"""The processes that train one run together, as torchrun and accelerate start them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class ProcessGroup:
    """Process `rank` of `devices`, one device each."""

    devices: int = 1
    rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all processes have come here."""
        if self.devices > 1:
            distributed.barrier()

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether a condition holds in any process."""
        if self.devices == 1:
            return flag
        found = torch.tensor([float(flag)], device=device)
        distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
        return bool(found.item())


def join_process_group(device: str) -> ProcessGroup:
    """Join the process group that the environment describes (WORLD_SIZE, RANK, LOCAL_RANK); alone without one."""
    devices = int(os.environ.get("WORLD_SIZE", "1"))
    if devices == 1:
        return ProcessGroup()
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    return ProcessGroup(devices, distributed.get_rank())


def leave_process_group() -> None:
    """End the process group, if there is one."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
