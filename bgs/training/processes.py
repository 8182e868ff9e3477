"""One process or many: the few collective operations a run needs, on top of accelerate.

The model is not wrapped in DistributedDataParallel. A correlation over pairs cannot be split into
losses of shares of a batch, so every process sees all embeddings, takes the same loss and sends its
own rows' gradient through its own copy; the gradients of the weights are then added up, once an
update. With adapters of a few megabytes there is no communication worth hiding behind the backward pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import (
    broadcast_object_list,
    gather,
    gather_object,
    parse_flag_from_env,
    reduce,
)
from torch import Tensor, nn

from bgs.errors import TrainingError
from bgs.training.judged import IntArray


class Processes:
    """One process among its peers; alone, every operation is the identity."""

    def __init__(self) -> None:
        # accelerate looks for peers on the CPU only if it is told to use the CPU.
        cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()
        self._state = PartialState(cpu=cpu)
        _refuse_half_a_launch()
        launched = int(os.environ.get("WORLD_SIZE", "1"))
        if self._state.num_processes != launched:
            raise TrainingError(
                f"{launched} processes were launched, but they do not find each other on "
                f"{self._state.device}",
                remedy="launch one process, or set ACCELERATE_USE_CPU=true",
            )
        self.index: int = self._state.process_index
        self.count: int = self._state.num_processes
        self.device: torch.device = self._state.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.index == 0

    def share(self, clips: IntArray) -> IntArray:
        """The clips this process embeds: every `count`-th, so that shares differ by one at most."""
        return clips[self.index :: self.count]

    def gather_rows(self, mine: Tensor, *, total: int) -> Tensor:
        """The embeddings of all clips, in the order before `share`, from everybody's share."""
        if self.count == 1:
            return mine
        most = -(-total // self.count)
        padded = torch.cat([mine, mine.new_zeros(most - len(mine), mine.shape[1])])
        rows = gather(padded).view(self.count, most, -1)  # (processes, most, dim)
        return rows.transpose(0, 1).reshape(self.count * most, -1)[:total]

    def add_up_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by the sum over processes, in one message."""
        if self.count == 1:
            return
        trained = list(parameters)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        total = reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="sum")
        sizes = [gradient.numel() for gradient in gradients]
        for parameter, part in zip(trained, total.split(sizes), strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def anywhere(self, flag: bool) -> bool:
        """Whether the flag is up in any process, so that all of them act on it together."""
        if self.count == 1:
            return flag
        return bool(reduce(torch.tensor(float(flag), device=self.device), reduction="max") > 0)

    def from_main(self, value: Any) -> Any:
        """The main process's value, in every process."""
        return broadcast_object_list([value])[0]

    def collect(self, value: Any) -> list[Any]:
        """Everybody's value, in order of process."""
        return list(gather_object([value]))

    def wait(self) -> None:
        """Until every process is here."""
        self._state.wait_for_everyone()


def _refuse_half_a_launch() -> None:
    """`accelerate launch --cpu --num_processes 2` without mpirun starts one process and says nothing."""
    by_accelerate = "ACCELERATE_DYNAMO_MODE" in os.environ and "MASTER_PORT" in os.environ
    if by_accelerate and "WORLD_SIZE" not in os.environ:
        raise TrainingError(
            "accelerate launch was asked for several processes and started one",
            remedy="on CPUs write `ACCELERATE_USE_CPU=true accelerate launch --multi_gpu ...`, "
            "or use torchrun",
        )
