"""Doing something with every clip, a few at a time, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_in_threads(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    num_workers: int,
    label: str,
    progress: bool,
) -> list[Result]:
    """`work` on every item, results in order; the first error stops the rest.

    Threads suffice because the decoder, the resize and the hash all release the GIL, and unlike
    processes they start at once and cannot deadlock in a fork. The bar is silent off a terminal.
    """
    with (
        tqdm(total=len(items), desc=label, unit="clip", disable=None if progress else True) as bar,
        ThreadPoolExecutor(max_workers=max(1, num_workers)) as pool,
    ):
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]
