"""How fast clips become frames, as ratios measured in one run.

    python experiments/benchmarks/decoding.py --out decoding.json

3-second clips of 340 x 256, 16 frames at 224. Each way of reading takes every clip in turn, all ways one
after the other, several rounds over, and its best round counts; the median round is printed beside it::

    loop        the first release's way: decord, one frame at a time, Pillow for the resize; one thread
    bare_pyav   every frame decoded and none looked at; one thread
    decode      `decode`, one thread
    first_pass  `load_frames` into an empty cache, two workers
    from_cache  `FrameBank.batch`

Ratios of what runs on one thread are of CPU time, so that a busy machine does not decide them.
`first_pass_over_loop` is of wall-clock time and needs two idle cores: on a busy machine take many rounds
(`--repeats 40`) and read `load` beside it. `first_pass_over_loop_cpu` is the same of CPU time: two workers and
decord's own threads are then counted by what they do. Prints one JSON object; `met` says which targets were
met. Cost: about a minute and a half.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch
from clip_maker import write_clip
from PIL import Image

from bgs.data.clip_cache import load_frames
from bgs.data.clips import Clips, load_clips
from bgs.data.decoding import decode
from bgs.data.decoding.decode import decoder_version
from bgs.frame_spec import FrameSpec

SPEC = FrameSpec(num_frames=16, height=224, width=224, resize_short_side=224)
TINY = FrameSpec(num_frames=8, height=64, width=64, resize_short_side=64)
TARGETS = {
    "first_pass_over_loop": 2.5,
    "decode_over_bare_pyav": 0.7,
    "from_cache_over_loop": 20.0,
}
MAX_DATA_SHARE = 0.05
MAX_GROWTH_MB = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--opens", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clips"
        folder.mkdir()
        for i in range(arguments.clips):
            write_clip(folder / f"clip{i:02d}.mp4", seed=i)
        clips = load_clips(folder)
        report = measure(clips, cache_dir=Path(scratch) / "cache", repeats=arguments.repeats)
        report["resident_growth_mb"] = _growth(clips.paths[0], opens=arguments.opens)
    report["met"] = _targets_met(report)
    text = json.dumps(report, indent=2)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    print(text)


def measure(clips: Clips, *, cache_dir: Path, repeats: int) -> dict[str, object]:
    """Milliseconds a clip for each way of reading, and their ratios."""
    bank = load_frames(clips, SPEC, cache_dir=cache_dir, progress=False)
    places = {path: i for i, path in enumerate(clips.paths)}
    ways: dict[str, Callable[[Path], object]] = {
        "bare_pyav": _decode_bare,
        "decode": lambda path: decode(path, SPEC),
        "from_cache": lambda path: bank.batch([places[path]]),
    }
    if importlib.util.find_spec("decord") is not None:
        ways["loop"] = _decord_loop
        ways["decode_decord"] = lambda path: decode(path, SPEC, decoder="decord")
    cpu_rounds: dict[str, list[float]] = {name: [] for name in [*ways, "first_pass"]}
    wall_rounds: dict[str, list[float]] = {name: [] for name in cpu_rounds}
    load_before = os.getloadavg()[0]

    def clock(name: str, work: Callable[[], object]) -> None:
        started = time.process_time(), time.perf_counter()
        work()
        cpu_rounds[name].append((time.process_time() - started[0]) / len(clips))
        wall_rounds[name].append((time.perf_counter() - started[1]) / len(clips))

    for repeat in range(repeats):
        for name, way in ways.items():
            clock(name, lambda way=way: [way(path) for path in clips.paths])
        fresh = cache_dir.with_name(f"cache{repeat}")
        clock("first_pass", lambda: load_frames(clips, SPEC, cache_dir=fresh, progress=False))  # noqa: B023
        shutil.rmtree(fresh)
    cpu = {name: min(rounds) for name, rounds in cpu_rounds.items()}
    wall = {name: min(rounds) for name, rounds in wall_rounds.items()}
    middle = {name: statistics.median(rounds) for name, rounds in wall_rounds.items()}
    ratios = {"decode_over_bare_pyav": cpu["bare_pyav"] / cpu["decode"]}
    if "loop" in cpu:
        ratios["first_pass_over_loop"] = wall["loop"] / wall["first_pass"]
        ratios["first_pass_over_loop_median"] = middle["loop"] / middle["first_pass"]
        ratios["first_pass_over_loop_cpu"] = cpu["loop"] / cpu["first_pass"]
        ratios["decode_over_loop"] = cpu["loop"] / cpu["decode"]
        ratios["from_cache_over_loop"] = cpu["loop"] / cpu["from_cache"]
        del cpu["decode_decord"]  # spent in another process
    return {
        "cpu_milliseconds_a_clip": {name: round(1000 * s, 3) for name, s in cpu.items()},
        "wall_milliseconds_a_clip": {name: round(1000 * s, 3) for name, s in wall.items()},
        "median_wall_milliseconds_a_clip": {n: round(1000 * s, 3) for n, s in middle.items()},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "data_share_of_a_tiny_epoch": _data_share(clips, cache_dir=cache_dir),
        "versions": {
            "decoder": decoder_version("auto"),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
        "cores": os.cpu_count(),
        "load": [round(load_before, 2), round(os.getloadavg()[0], 2)],
        "rounds": repeats,
        "clips": len(clips),
    }


def _decord_loop(path: Path) -> np.ndarray:
    """The way of the first release: open, one frame at a time, Pillow for the resize."""
    import decord

    reader = decord.VideoReader(str(path), num_threads=1)
    frames = []
    for index in np.linspace(0, len(reader) - 1, SPEC.num_frames).astype(int):
        picture = Image.fromarray(reader[int(index)].asnumpy())
        width = int(224 * picture.width / picture.height)
        resized = picture.resize((width, 224), Image.Resampling.BILINEAR)
        left = (width - 224) // 2
        frames.append(np.asarray(resized.crop((left, 0, left + 224, 224))))
    return np.stack(frames)


def _decode_bare(path: Path) -> int:
    """PyAV alone: every frame decoded on one thread, none looked at."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def _data_share(clips: Clips, *, cache_dir: Path) -> float | None:
    """Time to fetch a batch over time to train on it, for the smallest backbone there is."""
    try:
        from bgs.backbones.registry import load_backbone

        backbone = load_backbone("bgs-tiny").requires_grad_(True)
    except (ImportError, ValueError):
        return None
    spec = backbone.spec.frames or TINY
    bank = load_frames(clips, spec, cache_dir=cache_dir, progress=False)
    fetching, computing = [], []
    for _ in range(5):
        started = time.perf_counter()
        frames = bank.batch(range(len(bank)))
        fetched = time.perf_counter()
        backbone(frames).sum().backward()
        computed = time.perf_counter()
        fetching.append(fetched - started)
        computing.append(computed - fetched)
    return round(min(fetching) / min(computing), 4)


def _growth(path: Path, *, opens: int) -> float | None:
    """Megabytes that resident memory grows by over so many opens."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return None

    def resident() -> float:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    for _ in range(100):
        decode(path, TINY)
    before = resident()
    for _ in range(opens):
        decode(path, TINY)
    return round(resident() - before, 2)


def _targets_met(report: dict[str, object]) -> dict[str, bool | None]:
    ratios = report["ratios"]
    met: dict[str, bool | None] = {
        name: ratios[name] >= target if name in ratios else None for name, target in TARGETS.items()
    }
    share, growth = report["data_share_of_a_tiny_epoch"], report["resident_growth_mb"]
    met["data_share_of_a_tiny_epoch"] = None if share is None else share < MAX_DATA_SHARE
    met["resident_growth_mb"] = None if growth is None else growth < MAX_GROWTH_MB
    return met


if __name__ == "__main__":
    main()
