"""Simulated twins: each of the five data sets in small, drawn by a program, in exactly the layout of the real one.

    write_twin("pisc", Path("videos/pisc"))     real readers, real checks, real training; no picture of a person

What is asked about is drawn (`drawing`), what is not varies at random. A file SIMULATED.txt says so in every
folder, and readers pass it on: results on a twin are about this program, not about people.
The module is long because it writes five layouts, a function each.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bgs.errors import DataError
from bgs.fusion.drawing import (
    EXPRESSIONS,
    GESTURES,
    Figure,
    Look,
    Sheet,
    draw_face,
    draw_figure,
    draw_hand,
    random_colour,
)
from bgs.fusion.reading import SIMULATED
from bgs.fusion.tasks import EXPRESSIONS as EXPRESSION_CODES
from bgs.fusion.tasks import FINE

SIZE = 96  # pixels
NOTICE = """Simulated: a program drew these pictures in the layout of {name}; no person is shown.
Made by bgs.fusion.twins with seed {seed}; the same seed gives the same files.
"""


@dataclass(frozen=True)
class TwinSize:
    """How many examples a twin has."""

    train: int = 400
    val: int = 100
    test: int = 200


TINY = TwinSize(train=60, val=20, test=30)
SMALL = TwinSize()


def write_twin(name: str, folder: Path, *, seed: int = 0, size: TwinSize = SMALL) -> None:
    """Draw the twin of a data set into a folder that is empty or not there yet."""
    if name not in TWINS:
        raise DataError(f"{name!r} has no twin", remedy=f"there are {', '.join(TWINS)}")
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"{str(folder)!r} is not empty", remedy="a twin never mixes with what is there"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SIMULATED).write_text(NOTICE.format(name=name, seed=seed), encoding="utf-8")
    rng = np.random.default_rng([seed, list(TWINS).index(name)])
    TWINS[name](folder, size, rng)


def _affectnet(folder: Path, size: TwinSize, rng: np.random.Generator) -> None:
    number = 0
    for part, count in (("train_set", size.train + size.val), ("val_set", size.test)):
        annotations = folder / part / "annotations"
        annotations.mkdir(parents=True)
        for k in range(count):
            label = EXPRESSION_CODES[k % len(EXPRESSION_CODES)]
            look, valence, arousal = EXPRESSIONS[label]
            strength = rng.uniform(0.6, 1.0)
            picture = _portrait(_scaled(look, strength), rng)
            _save(picture, folder / part / "images" / f"{number}.jpg")
            felt = {
                "val": np.clip(valence * strength + rng.normal(0, 0.05), -1, 1),
                "aro": np.clip(arousal * strength + rng.normal(0, 0.05), -1, 1),
                "exp": EXPRESSION_CODES.index(label),
            }
            for short, value in felt.items():
                np.save(annotations / f"{number}_{short}.npy", np.array(str(value)))
            number += 1


def _gazefollow(folder: Path, size: TwinSize, rng: np.random.Generator) -> None:
    lines: dict[str, list[list[Any]]] = {"train": [], "test": []}
    for part, count in (("train", size.train + size.val), ("test", size.test)):
        for k in range(count):
            path = f"{part}/{k // 1000:08d}/{k:08d}.jpg"
            outside = part == "train" and rng.random() < 0.1
            picture, eye, target, head = _onlooker(rng, outside=outside)
            _save(picture, folder / path)
            raters = 10 if part == "test" else 1
            for _ in range(raters):
                gaze = np.clip(np.add(target, rng.normal(0, 0.02, 2)), 0, 1)
                place = (-1.0, -1.0) if outside else gaze
                inside = [] if part == "test" else [int(not outside)]
                row = [path, k, 0, 0, SIZE, SIZE, *eye, *place, *head, *inside, "simulated", ""]
                lines[part].append(row)
    for part, rows in lines.items():
        with (folder / f"{part}_annotations_release.txt").open("w", newline="") as file:
            csv.writer(file).writerows(rows)


def _hagrid(folder: Path, size: TwinSize, rng: np.random.Generator) -> None:
    for split, count in (("train", size.train), ("val", size.val), ("test", size.test)):
        entries: dict[str, dict[str, Any]] = {name: {} for name in GESTURES if name != "no_gesture"}
        for k in range(count):
            gesture = list(entries)[k % len(entries)]
            picture, boxes, labels = _gesturer(gesture, rng)
            name = f"{split}-{k:05d}"
            _save(picture, folder / gesture / f"{name}.jpg")
            entries[gesture][name] = {
                "bboxes": boxes,
                "labels": labels,
                "user_id": f"{split}-simulated-{k // 4}",
            }
        for gesture, found in entries.items():
            _write_json(folder / "annotations" / split / f"{gesture}.json", found)


def _lam(folder: Path, size: TwinSize, rng: np.random.Generator) -> None:
    (folder / "split").mkdir()
    # An example is a face every 13 frames; four of them a track, two tracks a recording.
    for split, count in (("train", size.train + size.val), ("val", size.test)):
        names = [f"{split}-{k:04d}" for k in range(max(count // 8, 2))]
        (folder / "split" / f"{split}.list").write_text("\n".join(names) + "\n", encoding="utf-8")
        for name in names:
            looks = []
            for track in range(2):
                looks += _write_track(folder, name, track, rng)
            _write_json(folder / "result_LAM" / f"{name}.json", looks)


def _write_track(
    folder: Path, recording: str, track: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Forty-six frames of a face, of which those around the examples have pictures."""
    person, asked = str(track + 1), (1, 14, 27, 40)
    frames = [
        {"frameNumber": f, "x": 10.0, "y": 10.0, "width": 60.0, "height": 60.0, "Person ID": person}
        for f in range(1, 47)
    ]
    looks = []
    for centre in asked:
        at_camera = rng.random() < 0.5
        if at_camera:
            looks.append(
                {"label": person, "start_frame": max(centre - 5, 1), "end_frame": centre + 5}
            )
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.0)
        gaze = (0.0, 0.0) if at_camera else (far * np.cos(angle), 0.6 * far * np.sin(angle))
        state = rng.bit_generator.state
        place = folder / "face_imgs" / recording / f"track{track}"
        place.mkdir(parents=True, exist_ok=True)
        drawn = b""
        for frame in range(max(centre - 3, 1), centre + 4):
            if not drawn or frame % 3 == 0:  # a face holds still for three frames
                rng.bit_generator.state = state  # the same person in the same place
                smile = rng.uniform(-0.3, 0.8)
                shown = Look(smile=smile, gaze=(gaze[0] + 0.05 * np.sin(frame), gaze[1]))
                drawn = _encode(_portrait(shown, rng))
            (place / f"face_{frame:05d}.jpg").write_bytes(drawn)
    _write_json(folder / "json_original" / recording / f"track{track}.json", frames)
    return looks


def _pisc(folder: Path, size: TwinSize, rng: np.random.Generator) -> None:
    info, fine, coarse, number = [], {}, {}, 0
    for split, count in (("train", size.train), ("val", size.val), ("test", size.test)):
        names = []
        for k in range(count):
            number += 1
            code = k % len(FINE)
            picture, boxes = _couple(FINE[code], rng)
            _save(picture, folder / "image" / f"{number:05d}.jpg")
            width, height = picture.size
            info.append({"id": number, "imgW": width, "imgH": height, "bbox": boxes})
            fine[str(number)] = {"1 2": code + 1}
            coarse[str(number)] = {"1 2": 1 if code < 3 else 2 if code < 5 else 3}
            names.append(f"{number:05d}")
        _write_json(folder / "relationship_split" / f"relation_{split}idx.json", names)
        _write_json(folder / "domain_split" / f"domain_{split}idx.json", names)
    _write_json(folder / "annotation_image_info.json", info)
    _write_json(folder / "relationship.json", fine)
    _write_json(folder / "domain.json", coarse)


def _portrait(look: Look, rng: np.random.Generator) -> Image.Image:
    sheet = Sheet(SIZE, SIZE, rng)
    x, y = rng.uniform(0.46, 0.54, 2) * SIZE
    draw_face(sheet, x, y, rng.uniform(0.4, 0.46) * SIZE, look, rng)
    return sheet.finish(rng)


def _onlooker(
    rng: np.random.Generator, *, outside: bool
) -> tuple[Image.Image, tuple[float, float], tuple[float, float], tuple[float, ...]]:
    """Someone who looks at one of three things, or out of the picture: picture, eye, target, head in pixels."""
    sheet = Sheet(SIZE, SIZE, rng)
    head = rng.uniform(0.25, 0.75, 2)
    radius = 0.16 * SIZE
    things: list[tuple[float, float]] = []
    taken = [(float(head[0]), float(head[1]))]
    while len(things) < 3:
        spot = rng.uniform(0.08, 0.92, 2)
        if all(np.hypot(spot[0] - a, spot[1] - b) > 0.3 for a, b in taken):
            things.append((float(spot[0]), float(spot[1])))
            taken.append(things[-1])
    for across, down in things:
        sheet.ellipse(across * SIZE, down * SIZE, 5, 5, random_colour(rng, 0, 255))
    target = things[0]
    aim = np.array(target) - head
    if outside:
        aim = np.array([1.0 if head[0] > 0.5 else -1.0, rng.normal(0, 0.2)])
    aim = aim / np.hypot(aim[0], aim[1])
    x, y = head * SIZE
    draw_face(sheet, x, y, radius, Look(gaze=(float(aim[0]), float(aim[1]))), rng)
    nose = np.array([[x, y], [x + aim[0] * radius * 1.15, y + aim[1] * radius * 1.15]])
    sheet.line(nose, 0.22 * radius, (200, 60, 50))  # heads are turned: a nose that points
    box = (x - radius, y - radius, x + radius, y + radius)
    return sheet.finish(rng), (float(head[0]), float(head[1])), target, box


def _gesturer(
    gesture: str, rng: np.random.Generator
) -> tuple[Image.Image, list[list[float]], list[str]]:
    """A hand, and sometimes a second one at rest: picture, boxes as x, y, width, height, labels."""
    sheet = Sheet(SIZE, SIZE, rng)
    second = rng.random() < 0.25
    places = [(gesture, rng.uniform(0.52, 0.62) if second else rng.uniform(0.45, 0.55))]
    if second:
        places.append(("no_gesture", 0.2))
    boxes, labels = [], []
    for label, x in places:
        y, size = rng.uniform(0.48, 0.56), 0.36 if label == gesture else 0.2
        draw_hand(sheet, x * SIZE, y * SIZE, size * SIZE, label, rng)
        left, top = max(x - 1.15 * size, 0.0), max(y - 1.15 * size, 0.0)
        right, bottom = min(x + 1.15 * size, 1.0), min(y + 1.15 * size, 1.0)
        boxes.append([left, top, right - left, bottom - top])
        labels.append(label)
    return sheet.finish(rng), boxes, labels


def _couple(relation: str, rng: np.random.Generator) -> tuple[Image.Image, list[list[float]]]:
    """Two people whose distance, size, dress and hands say how they are related; boxes in pixels."""
    width, height = int(1.25 * SIZE), SIZE
    sheet = Sheet(width, height, rng)
    tall = rng.uniform(0.78, 0.88) * height
    gap = {"couple": 0.22, "friends": 0.3, "family": 0.28, "no relation": 0.68}.get(relation, 0.5)
    middle, floor = width * rng.uniform(0.47, 0.53), height * 0.97
    spots = (middle - gap * height / 2, middle + gap * height / 2)
    heights = (tall, tall * (0.55 if relation == "family" else rng.uniform(0.95, 1.05)))
    hand = (
        (middle, floor - 0.5 * heights[1])
        if relation in ("couple", "family", "professional")
        else None
    )
    if relation == "friends":
        hand = (middle, floor - 0.78 * tall)
    suits = relation == "professional"
    people = [
        Figure(x, floor, h, random_colour(rng), suit=suits, reach=hand)
        for x, h in zip(spots, heights, strict=True)
    ]
    for place, figure in enumerate(people):
        side = 1.0 if place == 0 else -1.0
        aim = -side if relation == "no relation" else side
        smile = 0.8 if relation in ("friends", "family", "couple") else 0.0
        draw_figure(sheet, figure, Look(smile=smile, gaze=(aim, 0.0)), rng)
    if relation == "commercial":
        top = floor - 0.42 * height
        sheet.rectangle(middle - 0.14 * height, top, middle + 0.14 * height, floor, (130, 84, 44))
        for k in (-1, 0, 1):
            sheet.ellipse(middle + 0.08 * k * height, top - 3, 3, 3, random_colour(rng, 0, 255))
    boxes = [
        [f.x - 0.17 * f.height, f.y - 1.02 * f.height, f.x + 0.17 * f.height, f.y] for f in people
    ]
    return sheet.finish(rng), boxes


def _scaled(look: Look, strength: float) -> Look:
    names = ("smile", "smirk", "openness", "brow_height", "brow_tilt", "lids", "wrinkle")
    return replace(look, **{name: strength * getattr(look, name) for name in names})


def _save(picture: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_encode(picture))


def _encode(picture: Image.Image) -> bytes:
    """As a JPEG file."""
    found = BytesIO()
    picture.save(found, format="JPEG", quality=92)
    return found.getvalue()


def _write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


TWINS: Mapping[str, Callable[[Path, TwinSize, np.random.Generator], None]] = {
    "affectnet": _affectnet,
    "gazefollow": _gazefollow,
    "hagrid": _hagrid,
    "lam": _lam,
    "pisc": _pisc,
}
