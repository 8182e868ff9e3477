"""Feed the clip reader damaged files: no crash, no hang, no silent wrong count.

    python experiments/benchmarks/fuzz_decoding.py --cases 20000

Bytes are changed where they hurt: in the index of MP4 files and in the first 2,000 bytes of any file. Each
damaged clip must be refused with a `VideoDecodeError`, or be read with exactly as many frames as a
sequential decode of the same file finds, within a few seconds; a clip damaged only in frames that were
not asked for may be read. Prints one JSON object.
Cost: about 10 ms a case on one core; 20,000 cases in 4 minutes. Expected: `wrong_counts` and `too_slow` empty.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import av
import numpy as np

from bgs.data.decoding import decode
from bgs.data.decoding.pyav import VideoFile
from bgs.errors import VideoDecodeError
from bgs.frame_spec import FrameSpec

KINDS = ("plain.mp4", "vp9.webm", "mpeg4.avi", "transport.ts", "late.mkv", "av1.mp4")
SPEC = FrameSpec(num_frames=4, height=96, width=96, resize_short_side=96)
TIMEOUT_SECONDS = 5.0


@dataclass
class Outcome:
    num_cases: int
    seconds: float = 0.0
    read: int = 0
    read_beside_damage: int = 0
    refused: int = 0
    wrong_counts: list[str] = field(default_factory=list)
    too_slow: list[str] = field(default_factory=list)


def fuzz(seeds: Sequence[Path], *, num_cases: int, seed: int, folder: Path) -> Outcome:
    """Read `num_cases` mutations of the seed files, in turn. What goes wrong stays in `folder`."""
    contents = [path.read_bytes() for path in seeds]
    rng = np.random.default_rng(seed)
    outcome = Outcome(num_cases)
    started = time.perf_counter()
    for case in range(num_cases):
        which = case % len(seeds)
        path = folder / f"case{case}_{seeds[which].name}"
        path.write_bytes(mutate(contents[which], rng=rng))
        begun = time.perf_counter()
        keep = not _read_one(path, outcome)
        if time.perf_counter() - begun > 2 * TIMEOUT_SECONDS:
            outcome.too_slow.append(path.name)
            keep = True
        if not keep:
            path.unlink()
    outcome.seconds = time.perf_counter() - started
    return outcome


def mutate(content: bytes, *, rng: np.random.Generator) -> bytes:
    """The file with one to five bytes changed, in its index or near its start."""
    data = bytearray(content)
    index = data.find(b"moov")
    in_index = index >= 0 and rng.random() < 0.8
    low, high = (index, len(data)) if in_index else (0, min(len(data), 2000))
    for _ in range(int(rng.integers(1, 6))):
        data[int(rng.integers(low, high))] = int(rng.integers(0, 256))
    return bytes(data)


def _read_one(path: Path, outcome: Outcome) -> bool:
    try:
        frames = decode(path, SPEC, timeout_seconds=TIMEOUT_SECONDS)
    except VideoDecodeError:
        outcome.refused += 1
        return True
    outcome.read += 1
    with VideoFile(path, timeout_seconds=TIMEOUT_SECONDS) as video:
        counted = len(video.timeline)
        try:
            video.decode_all()
        except VideoDecodeError:
            # The frames asked for are sound, others are not: a check of the clip finds those.
            outcome.read_beside_damage += 1
            return True
    if frames.shape == (4, 3, 96, 96) and counted == _count_sequentially(path):
        return True
    outcome.wrong_counts.append(path.name)
    return False


def _count_sequentially(path: Path) -> int:
    with av.open(str(path), metadata_errors="ignore") as container:
        stream = max(
            (s for s in container.streams.video if s.codec_context is not None),
            key=lambda s: s.width * s.height,
        )
        return sum(1 for _ in container.decode(stream))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for files that went wrong")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        seeds = _make_seeds(Path(scratch) / "seeds")
        outcome = fuzz(seeds, num_cases=arguments.cases, seed=arguments.seed, folder=folder)
    print(json.dumps(asdict(outcome), indent=2))


def _make_seeds(folder: Path) -> list[Path]:
    from clip_maker import write_clip

    folder.mkdir()
    codecs = ("libx264", "libvpx-vp9", "mpeg4", "libx264", "libx264", "libsvtav1")
    return [
        write_clip(folder / name, codec=codec, num_frames=30, size=(128, 96))
        for name, codec in zip(KINDS, codecs, strict=True)
    ]


if __name__ == "__main__":
    main()
