"""All clips of a set as frames a backbone can be fed with, decoded once and read from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import torch
from numpy.typing import ArrayLike

from bgs.data.clip_store import DEFAULT_MAX_BYTES, ClipRecipe, ClipStore, file_sha256
from bgs.data.clip_workers import run_in_threads
from bgs.data.clips import Clips
from bgs.data.decoding.decode import TIMEOUT_SECONDS, DecoderName, decode_clip
from bgs.data.decoding.files import check_video_file
from bgs.data.sampling import ShortClips, sampler_of
from bgs.errors import DataError
from bgs.frame_spec import FrameSpec


@dataclass(frozen=True, repr=False, eq=False)
class FrameBank:
    """Frames of clips by position, `ids` in the same order. Holds paths only, so it pickles to workers."""

    ids: tuple[str, ...]
    spec: FrameSpec
    files: tuple[Path, ...]  # one cache entry a clip
    keys: tuple[str, ...]  # the hash of each clip's recipe

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"FrameBank({len(self)} clips, frames {self.frame_shape} uint8)"

    @property
    def frame_shape(self) -> tuple[int, int, int, int]:
        """(frames, 3, height, width) of one clip."""
        return (self.spec.num_frames, 3, self.spec.height, self.spec.width)

    @property
    def key(self) -> str:
        """One hash over all clips in order: what an embedding of this bank depends on, besides weights."""
        return hashlib.sha256("\n".join(self.keys).encode()).hexdigest()

    def __getitem__(self, index: int) -> torch.Tensor:
        """uint8 (frames, 3, height, width) of one clip, so that a bank is a `torch` data set."""
        try:
            with safetensors.safe_open(self.files[index], framework="pt") as entry:
                return entry.get_tensor(
                    "frames"
                )  # memory-mapped: nothing is read before it is used
        except (FileNotFoundError, safetensors.SafetensorError) as error:
            raise DataError(
                f"the decoded frames of clip {self.ids[index]!r} are gone from the cache",
                remedy="load the frames again (they were removed while in use)",
                file=self.files[index],
            ) from error

    def batch(self, indices: ArrayLike) -> torch.Tensor:
        """uint8 (len(indices), frames, 3, height, width)."""
        positions = np.asarray(indices, dtype=np.int64).reshape(-1).tolist()
        frames = torch.empty((len(positions), *self.frame_shape), dtype=torch.uint8)
        for row, position in enumerate(positions):
            frames[row] = self[position]
        return frames

    def select(self, ids: Iterable[str]) -> FrameBank:
        """The bank of exactly these clips, in this order."""
        positions = positions_of(self.ids, ids)
        return FrameBank(
            ids=tuple(self.ids[i] for i in positions),
            spec=self.spec,
            files=tuple(self.files[i] for i in positions),
            keys=tuple(self.keys[i] for i in positions),
        )


def positions_of(known: Sequence[str], wanted: Iterable[str]) -> list[int]:
    """Where each wanted id stands among the known ones; an unknown one is an error."""
    place = {clip: i for i, clip in enumerate(known)}
    positions = []
    for clip in wanted:
        if clip not in place:
            raise DataError(
                f"clip {clip!r} is not among the {len(known)} clips",
                remedy="check the id, or load that clip",
            )
        positions.append(place[clip])
    return positions


def load_frames(
    clips: Clips,
    spec: FrameSpec,
    *,
    decoder: DecoderName = "auto",
    cache_dir: Path | str | None = None,
    num_workers: int = 2,
    short_clips: ShortClips = "error",
    timeout_seconds: float = TIMEOUT_SECONDS,
    max_cache_bytes: int = DEFAULT_MAX_BYTES,
    progress: bool = True,
) -> FrameBank:
    """The frames of all clips as `spec` wants them, from the clip cache; what is not in it is decoded.

    Every source file is hashed and every entry's checksum is verified, so a replaced clip or a damaged
    entry is found here and not in a result.
    """
    store = ClipStore(cache_dir, max_bytes=max_cache_bytes)
    sampler = sampler_of(spec, short_clips=short_clips)

    def identify(job: tuple[str, Path]) -> tuple[ClipRecipe, bool]:
        clip, path = job
        check_video_file(path)
        digest = file_sha256(path)
        clips.check_sha256(clip, path, digest)
        recipe = ClipRecipe.of(digest, spec, sampler=sampler, decoder=decoder)
        return recipe, store.verify(recipe.key)

    def build(job: tuple[Path, ClipRecipe]) -> None:
        path, recipe = job
        clip = decode_clip(
            path, spec, decoder=decoder, sampler=sampler, timeout_seconds=timeout_seconds
        )
        clips.check_duration(path, clip.duration_seconds)
        store.store(recipe, clip)

    clips.check_files()
    found = run_in_threads(
        identify,
        list(zip(clips.ids, clips.paths, strict=True)),
        num_workers=num_workers,
        label="",
        progress=False,
    )
    # Equal files share an entry and are decoded once.
    jobs = {
        r.key: (path, r) for path, (r, there) in zip(clips.paths, found, strict=True) if not there
    }
    if jobs:
        store.make_room(len(jobs) * spec.num_frames * 3 * spec.height * spec.width)
        run_in_threads(
            build,
            list(jobs.values()),
            num_workers=num_workers,
            label=f"decoding {clips.name}",
            progress=progress,
        )
    keys = tuple(recipe.key for recipe, _ in found)
    return FrameBank(ids=clips.ids, spec=spec, files=tuple(map(store.path, keys)), keys=keys)
