"""Decoded clips on disk: each decoded once, and never mistaken for another.

An entry is one safetensors file, named by the hash of everything that can change one of its pixels
(`ClipRecipe`). It carries its recipe and a checksum of recipe and pixels, so it explains and proves
itself. Entries are written to a temporary name and renamed: a killed builder leaves nothing half-made,
two builders at once write the same bytes, and a later run continues with what is missing.

    clips/3f/3f9c...e1.safetensors      frames (frames, 3, height, width) uint8 + recipe + checksum
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import struct
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray

from bgs.data.decoding.decode import DecodedClip, DecoderName, decoder_version
from bgs.data.sampling import Sampler
from bgs.errors import DataError
from bgs.frame_spec import FrameSpec
from bgs.whole_files import PARTIAL, Remedies, unwritable, written_whole

FORMAT = 2  # raise it when the way entries are made changes
DEFAULT_MAX_BYTES = 64 * 2**30
SPARED_SECONDS = 24 * 3600.0  # entries used this recently may belong to a running job
STALE_SECONDS = 3600.0  # temporary files this old were left by a killed builder

CACHE = Remedies(
    full="free some space, or set BGS_CACHE to a folder on a larger disk; what is done is kept",
    closed="set BGS_CACHE to a folder you may write to",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """Everything that can change a pixel of a decoded clip."""

    file_sha256: str
    decoder: str  # with the versions of its libraries
    sampler: str  # its repr names the policy and all of its numbers
    resize_short_side: int
    interpolation: str
    height: int
    width: int
    resizer: str = f"torch {torch.__version__}"
    format: int = FORMAT

    @classmethod
    def of(
        cls, file_sha256: str, spec: FrameSpec, *, sampler: Sampler, decoder: DecoderName
    ) -> ClipRecipe:
        """The recipe of a file's frames. Mean and std are not in it: pixels are stored unnormalised."""
        return cls(
            file_sha256=file_sha256,
            decoder=decoder_version(decoder),
            sampler=repr(sampler),
            resize_short_side=spec.resize_short_side,
            interpolation=spec.interpolation,
            height=spec.height,
            width=spec.width,
        )

    def to_json(self) -> str:
        """The recipe as one line, keys sorted."""
        return json.dumps(vars(self), sort_keys=True)

    @property
    def key(self) -> str:
        """The name of the entry."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def default_cache_dir() -> Path:
    """`$BGS_CACHE`, else `bgs` in `$XDG_CACHE_HOME`, else `~/.cache/bgs`."""
    if chosen := os.environ.get("BGS_CACHE"):
        return Path(chosen).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser() / "bgs"
    return Path.home() / ".cache" / "bgs"


def file_sha256(path: Path) -> str:
    """The checksum of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class ClipStore:
    """Entries in a folder, bounded in size; the least recently used go first."""

    def __init__(
        self, cache_dir: Path | str | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES
    ) -> None:
        self.folder = (default_cache_dir() if cache_dir is None else Path(cache_dir)) / "clips"
        self.max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"ClipStore({str(self.folder)!r})"

    def path(self, key: str) -> Path:
        """Where the entry of this key stands, whether or not it exists."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def verify(self, key: str) -> bool:
        """Whether the entry is there and unchanged. A damaged one is removed, and that is logged."""
        path = self.path(key)
        try:
            if entry_is_sound(path):
                with suppress(OSError):  # an entry of somebody else's may be read all the same
                    os.utime(path)  # marks it as used, for eviction
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        logger.warning("cached clip %s is damaged; it is decoded again", path)
        path.unlink(missing_ok=True)
        return False

    def store(self, recipe: ClipRecipe, clip: DecodedClip) -> Path:
        """Write an entry; whole or not at all."""
        record = {
            "recipe": recipe.to_json(),
            "decoded_by": clip.decoder,
            "indices": json.dumps(clip.indices),
            "seconds": json.dumps(clip.seconds),
        }
        record["crc32"] = _checksum(record, clip.frames)
        path = self.path(recipe.key)
        write_atomically(path, _header(record, clip.frames), clip.frames.data)
        return path

    def make_room(self, num_bytes: int) -> None:
        """Raise before decoding if `num_bytes` more cannot be kept; evict old entries if that helps."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error, remedies=CACHE) from error
        check_writable(self.folder)
        self._sweep()
        free = shutil.disk_usage(self.folder).free
        if num_bytes > free:
            raise DataError(
                f"decoded clips need {_size(num_bytes)} but the disk of {self.folder} has"
                f" {_size(free)} left",
                remedy="free some space, or set BGS_CACHE to a folder on a larger disk",
            )
        self._evict(num_bytes)

    def _evict(self, num_bytes: int) -> None:
        entries = sorted(self._entries(), key=lambda entry: entry[1].st_mtime)
        total = sum(found.st_size for _, found in entries) + num_bytes
        for path, found in entries:
            if total <= self.max_bytes or time.time() - found.st_mtime < SPARED_SECONDS:
                break
            path.unlink(missing_ok=True)
            total -= found.st_size
        if total > self.max_bytes:
            raise DataError(
                f"decoded clips would take {_size(total)} in {self.folder} but the limit is"
                f" {_size(self.max_bytes)}, and what is there was used in the last day",
                remedy="delete the folder, or raise the limit (max_cache_bytes)",
            )

    def _entries(self) -> Iterable[tuple[Path, os.stat_result]]:
        for path in self.folder.glob("*/*.safetensors"):
            try:
                yield path, path.stat()
            except FileNotFoundError:
                continue  # another process removed it

    def _sweep(self) -> None:
        for path in self.folder.glob("*/*.partial"):
            try:
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue


def entry_is_sound(path: Path) -> bool:
    """Whether an entry is what its name and its checksum say; anything unreadable is not."""
    try:
        with safetensors.safe_open(path, framework="numpy") as entry:
            record = dict(entry.metadata() or {})
            frames = entry.get_tensor("frames")
    except (safetensors.SafetensorError, UnicodeDecodeError):
        return False
    stated = record.pop("crc32", "")
    named = hashlib.sha256(record.get("recipe", "").encode()).hexdigest() == path.stem
    return named and stated == _checksum(record, frames)


def write_atomically(path: Path, *content: bytes | memoryview) -> None:
    """Write under another name and rename, so that a reader sees all of it or nothing."""
    aside = path.with_name(f"{uuid.uuid4().hex}{PARTIAL}")  # several builders may be at work
    with written_whole(path, aside=aside, remedies=CACHE) as partial, partial.open("wb") as stream:
        for piece in content:
            stream.write(piece)


def check_writable(folder: Path) -> None:
    """Raise unless a file can be made in this folder, or in the nearest one above it that exists.

    Permission bits do not say so: some file systems refuse even where these allow it.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".bgs-", dir=there):
            pass
    except OSError as error:
        raise unwritable(there, error, remedies=CACHE) from error


def _header(record: Mapping[str, str], frames: NDArray[np.uint8]) -> bytes:
    """What comes before the pixels in a safetensors file; the library would copy them twice to say it."""
    tensor = {"dtype": "U8", "shape": frames.shape, "data_offsets": [0, frames.nbytes]}
    text = json.dumps({"__metadata__": record, "frames": tensor}).encode()
    text += b" " * (-len(text) % 8)  # the pixels begin at a multiple of 8
    return struct.pack("<Q", len(text)) + text


def _checksum(record: Mapping[str, str], frames: NDArray[np.uint8]) -> str:
    """CRC-32, as archives have it: what is guarded against is our own disk, and SHA-256 takes three times as long."""
    found = zlib.crc32(json.dumps(record, sort_keys=True).encode())
    found = zlib.crc32(f"{frames.dtype} {frames.shape}".encode(), found)
    return f"{zlib.crc32(np.ascontiguousarray(frames).data, found):08x}"


def _size(num_bytes: int) -> str:
    if num_bytes >= 2**30:
        return f"{num_bytes / 2**30:.1f} GB"
    return f"{num_bytes / 2**20:.1f} MB"
