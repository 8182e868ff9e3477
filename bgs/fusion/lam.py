"""Looking at me (Ego4D social interactions): does a person look at the one who wears the camera?

As prepared by the benchmark's own scripts:

    split/{train,val,test}.list            one recording a line
    json_original/RECORDING/TRACK.json     [{"frameNumber", "x", "y", "width", "height", "Person ID"}, ...], by frame
    result_LAM/RECORDING.json              [{"label": person, "start_frame", "end_frame"}, ...], when they look
    face_imgs/RECORDING/TRACK/face_FRAME.jpg   faces cut out, or video_imgs/RECORDING/img_FRAME.jpg, whole frames

An example is a face in one frame with three frames before and after it; where the track begins or ends, its
outermost frame is repeated. Answers for the test recordings are not public: unless they are here, the official
validation recordings are the test, and a tenth of the training recordings validate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bgs.errors import DataError
from bgs.fusion.example import Box, Example, Task, TaskData
from bgs.fusion.pictures import box_of_pixels
from bgs.fusion.reading import (
    NO_SUCH_PICTURE,
    UNREADABLE,
    LeftOut,
    carve_validation,
    is_simulated,
    list_names,
    need_file,
    read_json,
    refuse_empty,
)
from bgs.fusion.tasks import TASKS

LAYOUT = "split/*.list, json_original/RECORDING/TRACK.json, result_LAM/RECORDING.json, face_imgs or video_imgs"
REACH = 3  # frames before and after the one that is asked about
STRIDE = 13  # frames from one example of a track to the next
NOTE = (
    "the official validation recordings are the test; a tenth of the training recordings validate"
)
_WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Face:
    """One face in one frame."""

    frame: int
    person: str
    box: tuple[float, float, float, float]  # pixels


@dataclass(frozen=True)
class Track:
    """The faces of one person by frame, and where their pictures are: cut out, or in whole frames."""

    faces: Mapping[int, Face]
    cut: Path
    cut_names: frozenset[str]
    whole: Path
    whole_names: frozenset[str]

    def around(
        self, middle: int, left_out: LeftOut
    ) -> tuple[tuple[Path, ...], tuple[Box, ...]] | str:
        """Pictures and boxes around a frame; a reason where the frame itself has no picture or no box."""
        centre = self.find(middle, left_out)
        if isinstance(centre, str):
            return centre
        window = range(middle - REACH, middle + REACH + 1)
        known = {
            frame: place
            for frame in window
            if frame in self.faces and not isinstance(place := self.find(frame, left_out), str)
        }
        first, last = min(known), max(known)
        pictures, boxes = [], []
        for frame in window:
            near = min(max(frame, first), last)
            while near not in known:  # a gap inside the window: go towards the middle
                near += 1 if near < middle else -1
            pictures.append(known[near][0])
            boxes.append(known[near][1])
        return tuple(pictures), tuple(boxes)

    def find(self, frame: int, left_out: LeftOut) -> tuple[Path, Box] | str:
        """The picture of a face and the box in it, or why there is none."""
        if (name := f"face_{frame:05d}.jpg") in self.cut_names:
            return self.cut / name, _WHOLE
        if (name := f"img_{frame:05d}.jpg") not in self.whole_names:
            return NO_SUCH_PICTURE
        file = self.whole / name
        size = left_out.size_of(file, alike=self.whole)
        if size is None:
            return UNREADABLE
        x, y, w, h = self.faces[frame].box
        box = box_of_pixels(x, y, x + w, y + h, width=size[0], height=size[1])
        return "its face lies outside the picture" if box is None else (file, box)


def read_lam(
    folder: Path,
    *,
    task: Task = TASKS["lam"],
    left_out: LeftOut | None = None,
    stride: int = STRIDE,
) -> TaskData:
    """One example every `stride` frames of a track."""
    left_out = LeftOut() if left_out is None else left_out
    names = {split: _read_list(folder / "split" / f"{split}.list") for split in ("train", "val")}
    hidden = folder / "split" / "test.list"
    test = _read_list(hidden) if hidden.is_file() else []
    public = bool(test) and all((folder / "result_LAM" / f"{name}.json").is_file() for name in test)

    def examples(recordings: Sequence[str]) -> tuple[Example, ...]:
        return tuple(
            example
            for name in recordings
            for example in _read_recording(folder, name, left_out, stride=stride)
        )

    train, validation = examples(names["train"]), examples(names["val"])
    if public:
        splits = {"train": train, "val": validation, "test": examples(test)}
    else:
        kept, carved = carve_validation(train)
        splits = {"train": kept, "val": carved, "test": validation}
    refuse_empty([e for found in splits.values() for e in found], left_out, folder=folder)
    return TaskData(
        task,
        splits,  # type: ignore[arg-type]
        left_out=dict(left_out),
        notes=() if public else (NOTE,),
        simulated=is_simulated(folder),
    )


def _read_recording(
    folder: Path, name: str, left_out: LeftOut, *, stride: int
) -> Iterator[Example]:
    looks = _looks(folder / "result_LAM" / f"{name}.json")
    tracks = folder / "json_original" / name
    if not tracks.is_dir():
        raise DataError("the folder is missing", remedy=f"the layout is {LAYOUT}", file=tracks)
    whole = folder / "video_imgs" / name
    frames = list_names(whole)
    for file in sorted(tracks.glob("*.json")):
        faces = _read_track(file)
        cut = folder / "face_imgs" / name / file.stem
        track = Track({face.frame: face for face in faces}, cut, list_names(cut), whole, frames)
        for face in faces[::stride]:
            found = track.around(face.frame, left_out)
            if isinstance(found, str):
                left_out[found] += 1
                continue
            answer = any(a <= face.frame <= b for a, b in looks.get(face.person, ()))
            yield Example(
                f"{name}/{file.stem}/{face.frame}",
                found[0],
                found[1],
                group=name,
                label="yes" if answer else "no",
            )


def _read_track(file: Path) -> list[Face]:
    """Faces in order of time; boxes without a size or a person are no faces, as in the benchmark."""
    faces = []
    for entry in read_json(file, layout=LAYOUT, kind=list):
        try:
            box = tuple(float(entry[key]) for key in ("x", "y", "width", "height"))
            face = Face(int(entry["frameNumber"]), str(entry["Person ID"]), box)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"a face is written {str(entry)[:80]}",
                remedy="it has frameNumber, x, y, width, height and Person ID",
                file=file,
            ) from error
        if box[2] > 0 and box[3] > 0 and face.frame > 0 and face.person:
            faces.append(face)
    return sorted(faces, key=lambda face: face.frame)


def _looks(file: Path) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for entry in read_json(file, layout=LAYOUT, kind=list):
        start, end = _ends(entry, file=file)
        found.setdefault(str(entry["label"]), []).append((start, end))
    return found


def _ends(entry: Any, *, file: Path) -> tuple[int, int]:
    try:
        start, end = int(entry["start_frame"]), int(entry["end_frame"])
        entry["label"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"a look is written {str(entry)[:80]}",
            remedy="it has label, start_frame and end_frame",
            file=file,
        ) from error
    if end < start:
        raise DataError(
            f"a look ends at frame {end} before it begins at {start}",
            remedy="get the annotations again",
            file=file,
        )
    return start, end


def _read_list(file: Path) -> list[str]:
    need_file(file, layout=LAYOUT)
    names = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    names = [name for name in names if name]
    for row, name in enumerate(names, start=1):
        if Path(name).name != name or name in (".", ".."):
            raise DataError(
                f"{name!r} is not a recording", remedy="name one a line", file=file, row=row
            )
    return names
