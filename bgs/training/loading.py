"""Reading clips ahead of the model, in one background thread.

The bank is a memory map (or a matrix), so reading is a copy and releases the lock; a thread is enough to
keep a GPU fed and, unlike worker processes, needs no second copy of anything.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

from bgs.backbones.model import Bank
from bgs.training.judged import IntArray


class ReadAhead:
    """Yields the clips of each load in order, with the next ones already being read."""

    def __init__(
        self, bank: Bank, loads: Iterable[IntArray], *, pin_memory: bool, depth: int = 2
    ) -> None:
        self.bank = bank
        self.pin_memory = pin_memory
        self.seconds_waited = 0.0
        self._loads = iter(loads)
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bgs-read-ahead")
        self._coming: deque[Future[Tensor]] = deque()
        for _ in range(depth):
            self._order_next()

    def close(self) -> None:
        """Stop reading; what was ordered and not yet begun is dropped."""
        self._reader.shutdown(wait=True, cancel_futures=True)

    def _order_next(self) -> None:
        rows = next(self._loads, None)
        if rows is not None:
            self._coming.append(self._reader.submit(self._read, rows))

    def _read(self, rows: IntArray) -> Tensor:
        clips = self.bank.batch(rows.tolist())
        return clips.pin_memory() if self.pin_memory else clips

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        if not self._coming:
            raise StopIteration
        started = time.perf_counter()
        clips = self._coming.popleft().result()
        self.seconds_waited += time.perf_counter() - started
        self._order_next()
        return clips

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
