"""Features somebody else computed: clip ids and a matrix, from an NPZ file."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bgs.clip_ids import find_id_problem
from bgs.data.reading import check_readable
from bgs.errors import DataError

if TYPE_CHECKING:
    import torch

# What NumPy and zipfile raise for objects, lying headers, passwords and unknown compressions.
DAMAGE = (ValueError, MemoryError, RuntimeError, SyntaxError, TokenError, zlib.error)
MOST_UNPACKED = 64  # bytes a stored byte may become, beyond the first megabyte
AN_EXAMPLE = "save it with `numpy.savez(FILE, ids=..., embeddings=...)`"


@dataclass(frozen=True, repr=False, eq=False)
class FeatureBank:
    """One vector a clip, read by position like a `FrameBank`."""

    ids: tuple[str, ...]
    matrix: NDArray[np.float32]  # (clips, width)

    def __post_init__(self) -> None:
        ids = tuple(str(clip) for clip in self.ids)
        matrix = _as_floats(np.asarray(self.matrix))
        _check_features(ids, matrix)
        matrix.setflags(write=False)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "matrix", matrix)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"FeatureBank({len(self)} clips, width {self.width})"

    @property
    def width(self) -> int:
        """Numbers a clip."""
        return int(self.matrix.shape[1])

    def batch(self, indices: ArrayLike) -> torch.Tensor:
        """float32 (len(indices), width)."""
        import torch

        return torch.from_numpy(self.matrix[np.asarray(indices, dtype=np.int64).reshape(-1)])

    def select(self, ids: Iterable[str]) -> FeatureBank:
        """The features of exactly these clips, in this order."""
        place = {clip: i for i, clip in enumerate(self.ids)}
        wanted = tuple(ids)
        missing = [clip for clip in wanted if clip not in place]
        if missing:
            raise DataError(
                f"features of {len(missing)} of {len(wanted)} clips are missing, the first is {missing[0]!r}",
                remedy="compute features for every clip, with the ids of the clip set",
            )
        return FeatureBank(wanted, self.matrix[[place[clip] for clip in wanted]])


def load_features(path: Path | str) -> FeatureBank:
    """The arrays `ids` and `embeddings` of an NPZ file. Pickled objects in it are never loaded."""
    file = Path(path)
    check_readable(file)
    try:
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise DataError("is a single array, not ids and embeddings", remedy=AN_EXAMPLE)
        with arrays:
            missing = [name for name in ("ids", "embeddings") if name not in arrays]
            if missing:
                raise DataError(
                    f"has no array {missing[0]!r} (it holds {', '.join(arrays) or 'nothing'})",
                    remedy=AN_EXAMPLE,
                )
            _refuse_bomb(file)
            ids, matrix = arrays["ids"], arrays["embeddings"]
    except DataError as error:
        raise DataError(error.what, remedy=error.remedy, file=file) from error
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError("is not an NPZ file", remedy=AN_EXAMPLE, file=file) from error
    except DAMAGE as error:
        raise DataError(
            "holds Python objects or damaged arrays",
            remedy="save ids as strings and features as floats",
            file=file,
        ) from error
    try:
        return FeatureBank(_read_ids(np.asarray(ids)), matrix)
    except DataError as error:
        raise DataError(error.what, remedy=error.remedy, file=file) from error


def _refuse_bomb(file: Path) -> None:
    with zipfile.ZipFile(file) as packed:
        members = packed.infolist()
    for member in members:
        if member.file_size > MOST_UNPACKED * max(member.compress_size, 2**20):
            raise DataError(
                f"{member.filename} unpacks from {member.compress_size:,} to {member.file_size:,} bytes",
                remedy="save features that were measured; those compress little",
            )


def _read_ids(ids: NDArray[Any]) -> tuple[str, ...]:
    if ids.ndim != 1 or ids.dtype.kind not in "USiu":
        raise DataError(
            f"ids are {ids.dtype} of shape {ids.shape}", remedy="save one text a clip as its id"
        )
    try:
        texts = tuple(str(clip) for clip in ids.astype(str))
    except UnicodeDecodeError as error:
        raise DataError("ids are bytes, not text", remedy="save ids as strings") from error
    for clip in texts:
        problem = find_id_problem(clip)
        if problem is not None:
            raise DataError(f"an id {problem[0]}", remedy=problem[1])
    return texts


def _as_floats(matrix: NDArray[Any]) -> NDArray[np.float32]:
    if matrix.dtype.kind not in "fiub":
        raise DataError(f"embeddings are {matrix.dtype}, not numbers", remedy="save them as floats")
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, which is refused by name
        return np.array(matrix, dtype=np.float32)


def _check_features(ids: tuple[str, ...], matrix: NDArray[np.float32]) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != len(ids) or not matrix.size:
        raise DataError(
            f"embeddings of shape {matrix.shape} do not fit {len(ids)} ids",
            remedy="give one row a clip: (clips, width)",
        )
    twice = next((clip for clip, times in Counter(ids).items() if times > 1), None)
    if twice is not None:
        raise DataError(f"clip {twice!r} appears twice", remedy="give one row a clip")
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise DataError(
            f"the embedding of clip {ids[bad[0]]!r} holds NaN or infinity ({len(bad)} of {len(ids)} clips do)",
            remedy="compute the features of these clips again",
        )
    constant = (
        np.flatnonzero(matrix.max(axis=1) == matrix.min(axis=1)) if matrix.shape[1] > 1 else bad
    )
    if len(constant):
        raise DataError(
            f"the embedding of clip {ids[constant[0]]!r} is the same number throughout"
            f" ({len(constant)} of {len(ids)} clips)",
            remedy="compute the features of these clips again; a constant row has no direction",
        )
