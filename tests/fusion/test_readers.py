"""Data sets as they are when something went wrong with them: one clear line each, nothing guessed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bgs.errors import DataError
from bgs.fusion.example import TaskData
from bgs.fusion.lam import read_lam
from bgs.fusion.pictures import read_size
from bgs.fusion.reading import UNREADABLE, LeftOut
from bgs.fusion.tasks import load_task

Break = Callable[[Path], Any]


def read_broken(name: str, twins: Path, tmp_path: Path, spoil: Break) -> TaskData:
    folder = tmp_path / name
    shutil.copytree(twins / name, folder)
    spoil(folder)
    return load_task(name, home=tmp_path)


def edit(file: str, change: Callable[[Any], Any]) -> Break:
    """Change the values of a JSON file."""

    def spoil(folder: Path) -> None:
        path = folder / file
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(change(values)), encoding="utf-8")

    return spoil


def write(file: str, text: str) -> Break:
    return lambda folder: (folder / file).write_text(text, encoding="utf-8")


def remove(file: str) -> Break:
    return lambda folder: (folder / file).unlink()


def store(file: str, value: Any) -> Break:
    return lambda folder: np.save(folder / file, np.array(value))


def first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change the first entry of an object."""

    def apply(values: dict[str, Any]) -> dict[str, Any]:
        change(next(iter(values.values())))
        return values

    return apply


A = "train_set/annotations/0_exp.npy"
AFFECTNET = [
    (lambda f: shutil.rmtree(f / "train_set"), r"training.csv is missing; the layout is \{train,val\}_set/"),
    (lambda f: shutil.rmtree(f / "val_set"), r"annotations.*the folder is missing"),
    (store(A, "11"), r"0_exp.npy.*expression is 11; the codes are 0 to 10"),
    (store(A, "happy"), r"0_exp.npy.*does not hold one number"),
    (store(A, ["1", "2"]), r"0_exp.npy.*does not hold one number"),
    (write(A, ""), r"0_exp.npy.*does not hold one number"),
    (store("train_set/annotations/0_val.npy", "1.5"), r"0_val.npy.*valence is 1.5; it lies between -1 and 1"),
    (store("train_set/annotations/0_aro.npy", "nan"), r"0_aro.npy.*arousal is nan; it lies between -1 and 1"),
    (remove("train_set/annotations/0_val.npy"), r"0_val.npy is missing; the layout is"),
    (lambda f: [shutil.rmtree(f / part / "images") for part in ("train_set", "val_set")],
     r"no example can be used \(110 because its picture is missing\)"),
]  # fmt: skip
T = "test_annotations_release.txt"
GOOD = "a.jpg,0,0,0,9,9,0.5,0.5,0.2,0.2,1,1,5,5"
GAZEFOLLOW = [
    (remove("train_annotations_release.txt"), r"train_annotations_release.txt is missing; the layout is"),
    (remove(T), r"test_annotations_release.txt is missing"),
    (write("train_annotations_release.txt", GOOD), r"row 1: 14 columns, at least 15 are expected"),
    (write(T, "a.jpg,1,2\n"), r"row 1: 3 columns, at least 14 are expected"),
    (write(T, GOOD + "\n" + GOOD.replace("0.5,0.5", "left,0.5")), r"row 2: eye x is 'left'; give a number"),
    (write(T, GOOD.replace("0.2,0.2", "nan,0.2")), r"row 1: gaze x is 'nan'; give a number"),
    (write(T, GOOD.replace("0.2,0.2", "1.7,0.2")), r"row 1: gaze \(1.7, 0.2\) is said to be inside the picture"),
    (write(T, GOOD.replace("a.jpg", "../a.jpg")), r"row 1: '../a.jpg' leads out of the folder"),
    (write("train_annotations_release.txt", GOOD + ",3"), r"row 1: inside is 3; it is 1, 0 or -1"),
    (lambda f: [shutil.rmtree(f / part) for part in ("train", "test")],
     r"no example can be used .*its picture is missing"),
]  # fmt: skip
C = "annotations/train/call.json"
HAGRID = [
    (lambda f: shutil.rmtree(f / "annotations" / "val"), r"holds no .json file; the layout is annotations/"),
    (write(C, "{"), r"call.json.*not JSON"),
    (write(C, "[" * 100_000), r"call.json: brackets within brackets without end; get the file again"),
    (write(C, '{"a": ' + "9" * 5000 + "}"), r"call.json: a number of thousands of digits; get the file again"),
    (lambda f: (f / C).write_bytes(b'{"\xe9"'), r"call.json, row 1: byte 0xe9 is not UTF-8; get the file again"),
    (edit(C, first(lambda e: e.update(bboxes=None))), r"picture 'train-\d+' has bboxes 'None', not a list; the layout"),
    (edit(C, first(lambda e: e.update(labels=3))), r"picture 'train-\d+' has labels '3', not a list; the layout"),
    (edit(C, first(lambda e: e.update(labels=[["a"]] * len(e["labels"])))), r"has label \['a'\]; use the"),
    (edit(C, first(lambda e: e.update(bboxes=[[10**400] * 4] * len(e["labels"])))), r"has the box \[10+.*; give x, y"),
    (write(C, "[]"), r"call.json.*holds list, not an object"),
    (edit(C, first(lambda e: e.pop("labels"))), r"call.json.*picture 'train-\d+' has no 'labels'"),
    (edit(C, first(lambda e: e.pop("user_id"))), r"has no 'user_id'"),
    (edit(C, lambda v: {k: 3 for k in v}), r"picture 'train-\d+' has no 'bboxes'"),
    (edit(C, first(lambda e: e["labels"].append("call"))), r"has \d boxes and \d labels; give one label a box"),
    (edit(C, first(lambda e: e.update(labels=["wave"] * len(e["labels"])))),
     r"has label 'wave'; use the annotations of HaGRIDv2"),
    (edit(C, first(lambda e: e.update(bboxes=[[1, 2]] * len(e["labels"])))),
     r"has the box \[1, 2\]; give x, y, width and height"),
    (edit(C, lambda v: {"../x": next(iter(v.values()))}), r"'../x' is not a picture's id"),
]  # fmt: skip
R, K = "result_LAM/train-0000.json", "json_original/train-0000/track0.json"
LAM = [
    (remove("split/train.list"), r"train.list is missing; the layout is split/"),
    (write("split/train.list", "ok\n../up\n"), r"row 2: '../up' is not a recording; name one a line"),
    (remove(R), r"train-0000.json is missing"),
    (write(R, '[{"label": "1", "start_frame": 1e400, "end_frame": 3}]'), r"a look is written .*it has label"),
    (write(R, "{}"), r"train-0000.json.*holds dict, not a list"),
    (write(R, '[{"label": "1", "start_frame": 9, "end_frame": 3}]'), r"a look ends at frame 3 before it begins at 9"),
    (write(R, '[{"label": "1", "start_frame": 9}]'), r"a look is written .*it has label, start_frame and end_frame"),
    (lambda f: shutil.rmtree(f / "json_original" / "train-0000"), r"train-0000.*the folder is missing"),
    (write(K, '[{"frameNumber": 1}]'), r"track0.json.*a face is written .*it has frameNumber, x, y"),
    (write(K, "nothing"), r"track0.json.*not JSON"),
    (lambda f: shutil.rmtree(f / "face_imgs"), r"no example can be used .*its picture is missing"),
]  # fmt: skip
INFO, L = "annotation_image_info.json", "relationship.json"
PISC = [
    (remove(INFO), r"annotation_image_info.json is missing; the layout is"),
    (remove(L), r"relationship.json is missing"),
    (remove("relationship_split/relation_validx.json"), r"relation_validx.json is missing"),
    (edit(INFO, lambda v: [{"bbox": []}, *v]), r"an entry has no id"),
    (edit(INFO, lambda v: v[1:]), r"picture '00001' is not in annotation_image_info.json"),
    (edit(L, lambda v: {**v, "1": {"1 2": 7}}), r"picture '00001' has relation 7; relations are numbers from 1 to 6"),
    (edit(L, lambda v: {**v, "1": {"1 2": "family"}}), r"picture '00001' has relation 'family'"),
    (edit(L, lambda v: {**v, "1": "x"}), r"picture '00001' has the relations 'x', not an object; they are written"),
    (edit(L, lambda v: {**v, "1": {"1 2": "²"}}), r"picture '00001' has relation '²'; relations are numbers"),
    (edit(L, lambda v: {**v, "1": {"1 2": "9" * 5000}}), r"picture '00001' has relation '9+.*; relations are"),
    (edit(L, lambda v: {**v, "1": {"1 ²": 1}}), r"picture '00001' has the pair '1 ²' among 2 people"),
    (edit(L, lambda v: {**v, "1": {"1 2": [1]}}), r"picture '00001' has relation \[1\]; relations are numbers"),
    (edit(INFO, lambda v: [{**v[0], "bbox": None}, *v[1:]]),
     r"annotation_image_info.json: picture '00001' has bbox 'None', not a list; list a box for every person"),
    (edit(L, lambda v: {**v, "1": {"1 3": 1}}), r"picture '00001' has the pair '1 3' among 2 people"),
    (edit(INFO, lambda v: [{**v[0], "bbox": [[1, 2], [3, 4, 5, 6]]}, *v[1:]]),
     r"person 1 of picture '00001' has the box \[1, 2\]"),
    (lambda f: shutil.rmtree(f / "image"), r"no example can be used .*its picture is missing"),
]  # fmt: skip
BROKEN = {
    "affectnet": AFFECTNET,
    "gazefollow": GAZEFOLLOW,
    "hagrid": HAGRID,
    "lam": LAM,
    "pisc": PISC,
}
CASES = [
    pytest.param(name, spoil, text, id=f"{name}-{number}")
    for name, cases in BROKEN.items()
    for number, (spoil, text) in enumerate(cases, start=1)
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "text"), CASES)
def test_a_broken_data_set_is_refused_with_one_line(name, spoil, text, twins, tmp_path):
    with pytest.raises(DataError, match=text) as caught:
        read_broken(name, twins, tmp_path, spoil)
    assert "\n" not in str(caught.value)


def test_a_missing_picture_costs_its_example_alone(twins, tmp_path):
    whole = load_task("affectnet", home=twins)
    data = read_broken("affectnet", twins, tmp_path, remove("train_set/images/3.jpg"))
    assert data.left_out == {"its picture is missing": 1}
    assert sum(map(len, data.splits.values())) == sum(map(len, whole.splits.values())) - 1


@pytest.mark.parametrize(
    ("code", "reason"), [(8, "none of the classes"), (9, "uncertain"), (10, "no face")]
)
def test_faces_without_a_class_are_left_out_and_counted(code, reason, twins, tmp_path):
    data = read_broken("affectnet", twins, tmp_path, store(A, str(code)))
    assert data.left_out == {reason: 1}


def test_the_older_affectnet_release(tmp_path):
    home = tmp_path / "affectnet" / "Manually_Annotated_Images" / "12"
    home.mkdir(parents=True)
    Image.new("RGB", (100, 50)).save(home / "a.jpg")
    head = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
    row = "12/a.jpg,10,10,50,25,0;0,1,0.5,-0.25\n"
    for table in ("training.csv", "validation.csv"):
        (tmp_path / "affectnet" / table).write_text(head + row, encoding="utf-8")
    data = load_task("affectnet", home=tmp_path)
    (example,) = data["test"]
    assert not data.simulated
    assert (example.label, dict(example.values)) == ("happy", {"valence": 0.5, "arousal": -0.25})
    box = example.boxes[0]
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((0.1, 0.2, 0.6, 0.7))
    (tmp_path / "affectnet" / "training.csv").write_text(head + row + "12/a.jpg,1,1,1,1,,x,0,0\n")
    with pytest.raises(DataError, match=r"training.csv, row 3: expression is 'x'; give a number"):
        load_task("affectnet", home=tmp_path)


def test_a_gaze_out_of_the_picture_has_no_point_and_an_undecided_one_no_example(twins, tmp_path):
    def spoil(folder: Path) -> None:
        file = folder / "train_annotations_release.txt"
        lines = file.read_text().splitlines()
        cells = [line.split(",") for line in lines]
        cells[0][14], cells[1][14] = "0", "-1"
        file.write_text("\n".join(map(",".join, cells)))

    data = read_broken("gazefollow", twins, tmp_path, spoil)
    assert data.left_out == {"it is undecided whether the person looks out of the picture": 1}
    outside = [e for split in ("train", "val") for e in data[split] if not e.inside]
    assert all(example.points == () for example in outside)
    assert any(example.id.endswith(":1") for example in outside)


def test_who_looks_is_told_by_frame_and_person(twins, tmp_path):
    spoil = write(R, '[{"label": "1", "start_frame": 14, "end_frame": 14}]')
    shutil.copytree(twins / "lam", tmp_path / "lam")
    spoil(tmp_path / "lam")
    data = read_lam(tmp_path / "lam")
    track = "train-0000/track0"
    examples = [*data["train"], *data["val"]]
    found = {example.id: example.label for example in examples if example.id.startswith(track)}
    answers = {1: "no", 14: "yes", 27: "no", 40: "no"}
    assert found == {f"{track}/{frame}": answer for frame, answer in answers.items()}


def test_public_answers_for_the_test_recordings_are_used(twins, tmp_path):
    shutil.copytree(twins / "lam", tmp_path / "lam")
    names = (tmp_path / "lam" / "split" / "train.list").read_text().split()
    (tmp_path / "lam" / "split" / "test.list").write_text(names.pop() + "\n")
    (tmp_path / "lam" / "split" / "train.list").write_text("\n".join(names))
    data = load_task("lam", home=tmp_path)
    assert data.notes == ()
    assert {example.group for example in data["val"]} >= {"val-0000"}
    assert len({example.group for example in data["test"]}) == 1


def whole_frames(folder: Path) -> None:
    """In place of faces that were cut out: the frames they were in, 96 x 48 pixels."""
    shutil.rmtree(folder / "face_imgs")
    for name in [p.name for p in (folder / "json_original").iterdir()]:
        frames = folder / "video_imgs" / name
        frames.mkdir(parents=True)
        for number in range(1, 47):
            Image.new("RGB", (96, 48)).save(frames / f"img_{number:05d}.jpg")


def test_faces_are_found_in_whole_frames_whose_size_is_read_once(twins, tmp_path, monkeypatch):
    shutil.copytree(twins / "lam", tmp_path / "lam")
    whole_frames(tmp_path / "lam")
    read: list[Path] = []

    def note(file: Path) -> tuple[int, int]:
        read.append(file)
        return read_size(file)

    monkeypatch.setattr("bgs.fusion.reading.read_size", note)
    data = read_lam(tmp_path / "lam")
    assert len(read) == len(list((tmp_path / "lam" / "video_imgs").iterdir()))
    example = data["train"][0]
    box = example.boxes[3]
    ends = (10 / 96, 10 / 48, 70 / 96, 1.0)  # x, y, width, height are 10, 10, 60, 60
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx(ends)
    assert len(example.pictures) == 7


def test_a_frame_that_is_no_picture_costs_nothing_where_another_tells_the_size(twins, tmp_path):
    shutil.copytree(twins / "lam", tmp_path / "lam")
    whole_frames(tmp_path / "lam")
    whole = read_lam(tmp_path / "lam")
    first = sorted((tmp_path / "lam" / "video_imgs" / "train-0000").iterdir())[0]
    first.write_text("no picture")
    left_out = LeftOut()
    data = read_lam(tmp_path / "lam", left_out=left_out)
    assert list(left_out.unreadable) == [first]
    lost = sum(map(len, whole.splits.values())) - sum(map(len, data.splits.values()))
    assert lost == left_out[UNREADABLE] <= 2  # the examples of two tracks at that very frame


def test_hands_are_found_in_any_of_the_published_places(twins, tmp_path):
    shutil.copytree(twins / "hagrid", tmp_path / "hagrid")
    whole = load_task("hagrid", home=tmp_path)
    (tmp_path / "hagrid" / "hagridv2").mkdir()
    shutil.move(tmp_path / "hagrid" / "fist", tmp_path / "hagrid" / "hagridv2" / "fist")
    moved = load_task("hagrid", home=tmp_path)
    assert moved.counts() == whole.counts()
    assert moved.left_out == {}
