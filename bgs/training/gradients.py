"""The gradient of a loss over many clips, whatever number of them fits into memory.

The loss depends on the model only through the embeddings, so its gradient is taken in two parts:

    clips --model--> embeddings --objective--> loss
          <--------- d loss / d embeddings <---

First all clips are embedded; then the loss is differentiated with respect to the embeddings; then
that gradient is sent through the model. If the clips fit in one chunk, the graph of the first pass is
kept and this is plain back-propagation. If not, the first pass keeps no graph, and each chunk is
embedded again with the dropout it had; activations of one chunk exist at a time, and the gradient is that of
the whole batch, not an average over chunks (a correlation has no such average). The same split
makes several processes compute the loss of one (`processes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from bgs.objectives import JudgedBatch, LossParts, Objective
from bgs.training.batches import Draw
from bgs.training.judged import IntArray
from bgs.training.precision import autocast
from bgs.training.processes import Processes
from bgs.training.randomness import dropout_state, set_dropout_state

Prepare = Callable[[Tensor, IntArray], Tensor]


class GradientEngine:
    """Adds the gradient of one draw's loss to the model's parameters."""

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        *,
        processes: Processes,
        chunk_size: int | None = None,
        precision: torch.dtype | None = None,
    ) -> None:
        self.model = model
        self.objective = objective
        self.processes = processes
        self.chunk_size = chunk_size
        self.precision = precision

    def loads_of(self, draw: Draw) -> list[IntArray]:
        """Which clips `add` asks for, in order; so that they can be read ahead."""
        chunks = self._chunks(draw.clips)
        again = chunks if len(chunks) > 1 else []
        return [*chunks, *self._chunks(draw.context), *again]

    def add(
        self,
        draw: Draw,
        batch: JudgedBatch,
        inputs: Iterator[Tensor],
        *,
        epoch: int,
        scale: Tensor | float = 1.0,
        prepare: Prepare | None = None,
    ) -> LossParts:
        """Accumulate `scale` times the gradient of the loss; `inputs` yields what `loads_of` lists."""
        device = self.processes.device
        chunks = self._chunks(draw.clips)
        replayed = len(chunks) > 1
        states, outputs = [], []
        for chunk in chunks:
            states.append(dropout_state(device) if replayed else {})
            with torch.no_grad() if replayed else nullcontext():
                outputs.append(self._embed(chunk, inputs, prepare))
        mine = torch.cat(outputs)  # (share of clips, dim)
        embeddings = self.processes.gather_rows(mine.detach(), total=len(draw.clips))
        embeddings = embeddings.clone().requires_grad_()  # (clips, dim), a leaf
        context = self._embed_context(draw, inputs, prepare)
        rows = embeddings if context is None else torch.cat([embeddings, context])
        loss = self.objective(rows, batch.to(device), epoch=epoch)
        (loss.total * scale).backward()
        gradient = self._my_rows(embeddings.grad)
        if replayed:
            self._replay(chunks, states, gradient, inputs, prepare)
        else:
            mine.backward(gradient)
        return loss

    def _replay(
        self,
        chunks: list[IntArray],
        states: list[dict[str, Tensor]],
        gradient: Tensor,
        inputs: Iterator[Tensor],
        prepare: Prepare | None,
    ) -> None:
        device = self.processes.device
        after = dropout_state(device)
        first = 0
        for chunk, state in zip(chunks, states, strict=True):
            set_dropout_state(state, device)
            embeddings = self._embed(chunk, inputs, prepare)
            embeddings.backward(gradient[first : first + len(chunk)])
            first += len(chunk)
        set_dropout_state(after, device)

    def _embed(self, clips: IntArray, inputs: Iterator[Tensor], prepare: Prepare | None) -> Tensor:
        frames = next(inputs).to(self.processes.device, non_blocking=True)
        if prepare is not None:
            frames = prepare(frames, clips)
        # A fresh autocast each time: it caches casts of weights, and those of a pass without a graph
        # would carry no gradient into the next.
        with autocast(self.processes.device, self.precision):
            return self.model(frames).float()  # (chunk, dim)

    def _embed_context(
        self, draw: Draw, inputs: Iterator[Tensor], prepare: Prepare | None
    ) -> Tensor | None:
        if not len(draw.context):
            return None
        with torch.no_grad():
            parts = [self._embed(chunk, inputs, prepare) for chunk in self._chunks(draw.context)]
        return self.processes.gather_rows(torch.cat(parts), total=len(draw.context))

    def _my_rows(self, gradient: Tensor | None) -> Tensor:
        if gradient is None:  # the objective always touches the embeddings
            raise RuntimeError("the loss does not depend on the embeddings")
        return gradient[self.processes.index :: self.processes.count]

    def _chunks(self, clips: IntArray) -> list[IntArray]:
        mine = self.processes.share(clips)
        if self.chunk_size is None or len(mine) <= self.chunk_size:
            return [mine] if len(clips) else []
        return np.array_split(mine, -(-len(mine) // self.chunk_size))
