"""A labelled set of simulated clips in the layouts that action data sets are published in.

What:    ten kinds of behaviour as labels; clips of one recording share their scenery, camera and light, as clips that
         UCF101 cut from one video do. Written as UCF101 (folders of `v_Chase_g01_c01.avi`, `classInd.txt`,
         `trainlist01.txt`, `testlist01.txt`, the first two recordings of a label for testing) or as Kinetics (`train/`
         and `val/` with folders of labels, `train.csv`, `val.csv`). Simulated: no film of anybody is in it.
Command: python experiments/labelled_clips.py OUT [--layout ucf101] [--recordings 5] [--clips 4]
         bgs retention runs/demo --labelled OUT --train-list OUT/trainlist01.txt --test-list OUT/testlist01.txt
Cost:    200 clips: 5 s of one CPU core to render, 8 s to embed before and after and to probe.
Expect:  chance .10. The demo's run, linear probe (k-NN): .65 -> .62 (.58 -> .59) by the lists as UCF101, .60 -> .61
         (.59 -> .60) as Kinetics; 80 test clips, so that .05 either way is chance.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from bgs.animations.appearance import sample_appearance
from bgs.animations.behaviours import RELATIONS, ROAM, sample_controls
from bgs.animations.physics import scene_of, simulate_motion
from bgs.animations.render import render_scene
from bgs.animations.video import write_mp4

LABELS = tuple(name.capitalize() for name in (*RELATIONS, ROAM))
NUM_TEST_RECORDINGS = 2
SIZE_PIXELS, FRAMES_PER_SECOND = 128, 12


class Take(NamedTuple):
    """One clip of one recording, numbered from 1 as UCF101 does."""

    label: str
    recording: int
    number: int
    frames: np.ndarray  # (frames, height, width, 3)

    @property
    def is_test(self) -> bool:
        return self.recording <= NUM_TEST_RECORDINGS


def simulate_takes(*, recordings: int, clips: int, seed: int) -> Iterator[Take]:
    """Label by label, recording by recording."""
    for place, label in enumerate(LABELS):
        rng = np.random.default_rng([seed, place])
        controls = sample_controls(label.lower(), recordings * clips, rng=rng)
        motion = simulate_motion(controls, rng=rng)
        for recording in range(recordings):
            look = sample_appearance(rng)
            for number in range(clips):
                scene = scene_of(motion, recording * clips + number)
                frames = render_scene(
                    scene, look, size=SIZE_PIXELS, frames_per_second=FRAMES_PER_SECOND
                )
                yield Take(label, recording + 1, number + 1, frames)


def write_ucf101(out: Path, takes: Iterator[Take]) -> None:
    """Folders of labels, and the lists as UCF101 publishes them."""
    lists: dict[bool, list[str]] = {True: [], False: []}
    for take in takes:
        name = f"{take.label}/v_{take.label}_g{take.recording:02d}_c{take.number:02d}.avi"
        _write(out / name, take)
        number = LABELS.index(take.label) + 1
        lists[take.is_test].append(name if take.is_test else f"{name} {number}")
    names = [f"{number} {label}" for number, label in enumerate(LABELS, start=1)]
    for file, lines in (("classInd", names), ("trainlist01", lists[False]), ("testlist01", lists[True])):  # fmt: skip
        (out / f"{file}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_kinetics(out: Path, takes: Iterator[Take]) -> None:
    """Folders of a split and a label, and the tables as Kinetics publishes them."""
    rows: dict[str, list[tuple[str, str, int, int, str]]] = {"train": [], "val": []}
    for take in takes:
        split = "val" if take.is_test else "train"
        start = 10 * (take.number - 1)
        video = f"sim{take.label[:4]}{take.recording:04d}"
        name = f"{video}_{start:06d}_{start + 10:06d}.mp4"
        _write(out / split / take.label / name, take)
        rows[split].append((take.label, video, start, start + 10, split))
    for split, table in rows.items():
        with (out / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("label", "youtube_id", "time_start", "time_end", "split"))
            writer.writerows(table)


def _write(path: Path, take: Take) -> None:
    """MPEG-4 in AVI where the name asks for it, as UCF101 has it; else H.264 in MP4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mp4":
        write_mp4(path, take.frames, frames_per_second=FRAMES_PER_SECOND)
        return
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=FRAMES_PER_SECOND)
        stream.width = stream.height = SIZE_PIXELS
        stream.pix_fmt, stream.bit_rate = "yuv420p", 1_000_000
        for picture in take.frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


LAYOUTS = {"ucf101": write_ucf101, "kinetics": write_kinetics}


def main() -> int:
    """Simulate, render and write one data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--layout", choices=LAYOUTS, default="ucf101")
    parser.add_argument(
        "--recordings", type=int, default=5, help="of each label; two are for testing"
    )
    parser.add_argument("--clips", type=int, default=4, help="cut from each recording")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    takes = simulate_takes(
        recordings=arguments.recordings, clips=arguments.clips, seed=arguments.seed
    )
    LAYOUTS[arguments.layout](arguments.out, takes)
    total = len(LABELS) * arguments.recordings * arguments.clips
    print(f"{arguments.out}: {total} simulated clips, {len(LABELS)} labels, as {arguments.layout}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
