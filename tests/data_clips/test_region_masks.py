"""Masks of regions: to the pixel what boxes are, read when wanted, and no way out of their folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bgs.data.masks import Masks
from bgs.data.region_files import read_regions
from bgs.data.regions import Regions
from bgs.errors import DataError

WIDTH, HEIGHT = 40, 24
BOXES = {
    "face": (0.25, 0.25, 0.5, 0.5), "person": (0.1, 0.125, 0.6, 1.0), "wall": (0.0, 0.75, 1.0, 1.0)
}  # fmt: skip


def draw(file: Path, box: tuple[float, ...], *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    """A mask that is a box; 128 is inside, 127 is not."""
    width, height = size
    values = np.full((height, width), 127, dtype=np.uint8)
    x0, y0, x1, y1 = (round(end * n) for end, n in zip(box, (width, height) * 2, strict=True))
    values[y0:y1, x0:x1] = 128
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(file)


def table(folder: Path, *rows: str, header: str = "clip,frame,region,mask") -> Regions:
    file = folder / "regions.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_regions(file, clips=("a", "b"))


@pytest.fixture
def boxed(tmp_path: Path) -> Regions:
    (tmp_path / "boxed").mkdir()
    rows = [f"a,0,{name},{','.join(map(str, box))}" for name, box in BOXES.items()]
    return table(tmp_path / "boxed", *rows, header="clip,frame,region,x0,y0,x1,y1")


@pytest.mark.parametrize(
    "window", [(0.0, 0.0, 1.0, 1.0), (0.2, 0.0, 0.8, 1.0), (0.13, 0.21, 0.77, 0.9)]
)
@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 6, 5), (2, 7, 9)])
def test_a_mask_equal_to_a_box_gives_the_same_numbers(tmp_path, boxed, window, grid) -> None:
    for name, box in BOXES.items():
        draw(tmp_path / "masks" / f"{name}.png", box)
    masked = table(tmp_path, *[f"a,0,{name},masks/{name}.png" for name in BOXES])
    mixed = table(
        tmp_path, "a,0,face,,,,,masks/face.png", "a,0,person,0.1,0.125,0.6,1,",
        "a,0,wall,,,,,./masks//wall.png".replace("./masks//", "masks/"),
        header="clip,frame,region,x0,y0,x1,y1,mask",
    )  # fmt: skip
    expected = boxed.cover("a", frames=(0, 3), grid=grid, window=window)
    for regions in (masked, mixed):
        assert regions.names == tuple(BOXES)
        found = regions.cover("a", frames=(0, 3), grid=grid, window=window)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        for ours, theirs in zip(
            regions.outlines("a", 0, window=window),
            boxed.outlines("a", 0, window=window),
            strict=True,
        ):
            assert ours == pytest.approx(theirs)


def test_a_mask_of_any_shape_is_counted_by_its_pixels(tmp_path) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 12, 20)).astype(np.uint8)
    Image.fromarray(first).save(tmp_path / "one.png")
    Image.fromarray(second > 127).save(tmp_path / "two.png")  # 1 bit
    cover = table(tmp_path, "a,0,one,one.png", "a,0,two,two.png").cover(
        "a", frames=(0,), grid=(1, 3, 4)
    )[:, 0]
    in_one, in_two = first > 127, (second > 127) & (first <= 127)
    for found, inside in zip(cover, (in_one, in_two, ~(in_one | in_two)), strict=True):
        np.testing.assert_allclose(found, inside.reshape(3, 4, 4, 5).mean(axis=(1, 3)))


def test_a_folder_of_masks_needs_no_table(tmp_path) -> None:
    draw(tmp_path / "a" / "dog.png", (0, 0, 0.5, 1))
    draw(tmp_path / "b" / "0" / "dog.png", (0, 0, 0.5, 1))
    draw(tmp_path / "b" / "12" / "cat.png", (0, 0, 1, 1))
    draw(tmp_path / "b" / "0" / "cat.png", (0, 0, 0, 0))  # nothing is inside
    (tmp_path / ".DS_Store").write_bytes(b"")
    regions = read_regions(tmp_path, clips=("a", "b"))
    assert regions.names == ("cat", "dog")
    assert sorted(regions.clips) == ["a", "b"]
    np.testing.assert_allclose(
        regions.cover("b", frames=(0, 5, 7, 30), grid=(4, 1, 1))[:, :, 0, 0],
        [[0, 0, 1, 1], [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]],
    )
    assert regions.outlines("b", 0) == ((0.0, 0.0, 0.5, 1.0),)
    assert regions.cover("a", frames=(50,), grid=(1, 1, 2))[1].tolist() == [[[1.0, 0.0]]]


def _hostile(tmp_path: Path) -> Path:
    """A folder with everything a path could name that is no mask."""
    home = tmp_path / "home"
    draw(home / "good.png", (0, 0, 1, 1))
    draw(tmp_path / "outside" / "secret.png", (0, 0, 1, 1))
    (home / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (home / "door").symlink_to(tmp_path / "outside")
    (home / "inner.png").symlink_to(home / "good.png")
    (home / "gone.png").symlink_to(home / "nothing.png")
    (home / "folder.png").mkdir()
    os.mkfifo(home / "pipe.png")
    return home


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "../outside/secret.png",
            "which is no path below it; write it as folder/name.png, without ..",
        ),
        ("door/../good.png", "which is no path below it"),
        ("/etc/passwd", "which is no path below it"),
        ("C:/x.png", "which is no path below it"),
        ("a\\b.png", "which is no path below it"),
        ("door/secret.png", "which is a link that leads out of it; copy the masks there"),
        ("link.png", "which is a link that leads out of it"),
        ("nothing.png", "which does not exist; check the path"),
        ("gone.png", "which links to"),
        ("folder.png", "which is a folder, not a mask"),
        ("pipe.png", "which is a device or pipe, not a mask; copy it to a file"),
        ("x" * 300 + ".png", "which cannot be reached (File name too long)"),
    ],
)
def test_a_path_stays_in_its_folder(tmp_path, name: str, says: str) -> None:
    home = _hostile(tmp_path)
    with pytest.raises(DataError) as caught:
        table(home, "a,0,dog,good.png", f"a,1,dog,{name}")
    message = str(caught.value)
    assert message.startswith(f"{home / 'regions.csv'}, row 3: mask is {name!r}"[:200])
    assert says in message
    assert "\n" not in message


def test_a_link_within_the_folder_is_a_file_like_others(tmp_path) -> None:
    home = _hostile(tmp_path)
    regions = table(home, "a,0,dog,inner.png")
    assert regions.cover("a", frames=(0,), grid=(1, 1, 1))[0].item() == 1.0


def test_a_folder_refuses_what_leads_out_and_what_is_no_mask(tmp_path) -> None:
    home = tmp_path / "home"
    draw(tmp_path / "outside" / "dog.png", (0, 0, 1, 1))
    home.mkdir()
    with pytest.raises(DataError) as caught:
        read_regions(home, clips=("a",))
    layout = "masks are CLIP/REGION.png, or CLIP/FRAME/REGION.png with a number as FRAME"
    assert str(caught.value) == f"{home}: the folder holds no mask; {layout}"
    (home / "a").symlink_to(tmp_path / "outside")
    with pytest.raises(
        DataError, match=r"mask is 'a/dog.png', which is a link that leads out of it"
    ):
        read_regions(home, clips=("a",))
    (home / "a").unlink()
    for wrong in ("dog.png", "a/dog.jpg", "a/x1/dog.png", "a/1/2/dog.png"):
        file = home / wrong
        draw(file.with_suffix(".png"), (0, 0, 1, 1))
        if file.suffix != ".png":
            file.with_suffix(".png").rename(file)
        with pytest.raises(DataError) as caught:
            read_regions(home, clips=("a",))
        shown = "a/1/2" if wrong.count("/") == 3 else wrong
        assert str(caught.value) == f"{home}: {shown!r} is no mask by its place and name; {layout}"
        file.unlink()
        for parent in list(file.parents)[: wrong.count("/")]:
            parent.rmdir()
    draw(home / "z" / "dog.png", (0, 0, 1, 1))
    with pytest.raises(DataError) as caught:
        read_regions(home, clips=("a",))
    assert str(caught.value) == f"{home}: clip is 'z', which is no clip of this set; correct the id"


def _write(file: Path, kind: str) -> None:
    values = np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)
    if kind == "text":
        file.write_text("hello", encoding="utf-8")
    elif kind == "rgb":
        Image.fromarray(np.stack([values] * 3, axis=2)).save(file)
    elif kind == "deep":
        Image.fromarray(values.astype(np.uint16)).save(file)
    elif kind == "other size":
        draw(file, (0, 0, 1, 1), size=(WIDTH, HEIGHT + 2))
    else:
        noise = np.random.default_rng(0).integers(0, 256, values.shape).astype(np.uint8)
        Image.fromarray(noise).save(file)
        file.write_bytes(file.read_bytes()[: 20 if kind == "stub" else 300])


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("text", "which is no PNG; save masks as greyscale PNG"),
        ("stub", "which is no PNG"),
        ("rgb", "which is a PNG of 8 bits and colour type 2, not greyscale of 8 bits; save it as greyscale"),
        ("deep", "which is a PNG of 16 bits and colour type 0, not greyscale of 8 bits"),
        ("other size", "which is 40 x 26 where clip 'a' is 40 x 24; make masks on the clip's own pictures"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mask_of_the_clip_is_named_before_it_is_read(
    tmp_path, kind, says
) -> None:
    draw(tmp_path / "good.png", (0, 0, 1, 1))
    _write(tmp_path / "bad.png", kind)
    regions = table(tmp_path, "a,0,dog,good.png", "a,4,dog,bad.png")
    with pytest.raises(DataError) as caught:
        regions.check_sizes("a", width=WIDTH, height=HEIGHT)
    assert str(caught.value).startswith(
        f"{tmp_path / 'regions.csv'}, row 3: mask is 'bad.png', {says}"
    )


def test_half_a_file_is_told_when_it_is_read(tmp_path) -> None:
    _write(tmp_path / "half.png", "half")
    regions = table(tmp_path, "a,0,dog,half.png")
    regions.check_sizes("a", width=WIDTH, height=HEIGHT)
    with pytest.raises(
        DataError, match=r"row 2: mask is 'half.png', which is damaged \(\w+\); save it again"
    ):
        regions.cover("a", frames=(0,), grid=(1, 1, 1))


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("clip,frame,region,mask", "a,0,dog,", "row 2: mask is '', where a path belongs; name a PNG"),
        (
            "clip,frame,region,x0,y0,x1,y1,mask", "a,0,dog,0,,,,good.png",
            "row 2: x0 is '0', in a row with a mask; give a row a box or a mask",
        ),
        ("clip,frame,region,x0,y0,x1,y1,mask", "a,0,dog,0,0,1,,", "row 2: y1 is '', which is no number"),
        ("clip,frame,region,x0,mask", "a,0,dog,,good.png", "row 1: there is no column 'y0'"),
        ("clip,frame,region,maks", "a,0,dog,good.png", "row 1: there is no column 'x0'"),
    ],
)  # fmt: skip
def test_a_row_has_a_box_or_a_mask(tmp_path, header: str, row: str, says: str) -> None:
    draw(tmp_path / "good.png", (0, 0, 1, 1))
    with pytest.raises(DataError) as caught:
        table(tmp_path, row, header=header)
    assert str(caught.value).startswith(f"{tmp_path / 'regions.csv'}, {says}")


def test_only_masks_of_frames_that_are_seen_are_opened(tmp_path, monkeypatch) -> None:
    """Thousands of rows are a matter of a second, and the pixels of a few are read."""
    draw(tmp_path / "one.png", (0, 0, 0.5, 1))
    rows = [
        f"{clip},{frame},r{k},one.png" for clip in "ab" for frame in range(900) for k in range(2)
    ]
    start = time.process_time()
    regions = table(tmp_path, *rows)
    opened: list[int] = []
    read = Masks.read
    monkeypatch.setattr(
        Masks, "read", lambda self, place: opened.append(place) or read(self, place)
    )
    regions.cover("b", frames=(10, 10, 400), grid=(3, 2, 2))
    regions.outlines("b", 10)
    assert len(opened) == 4  # two regions in two frames, once each
    assert time.process_time() - start < 2
