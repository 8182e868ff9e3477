"""Files that are not what they should be: the exact error, never a wrong frame and never a hang."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest

from bgs.data.decoding import container, decode
from bgs.data.decoding.pyav import VideoFile
from bgs.errors import VideoDecodeError

REENCODE = "replace it, or re-encode it with `ffmpeg -i IN -c:v libx264 OUT.mp4`"
WHOLE = "copy or download it again; if it is whole, `ffmpeg -i IN -c copy OUT` corrects the header"


def error_of(path, studio, **options) -> str:
    with pytest.raises(VideoDecodeError) as caught:
        decode(path, studio.spec_of(4), **options)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


def test_missing(studio, tmp_path):
    assert error_of(tmp_path / "no.mp4", studio) == "does not exist; check the path"


def test_zero_bytes(studio, tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert error_of(path, studio) == "is empty (0 bytes); copy or download it again"


def test_a_directory(studio, tmp_path):
    assert error_of(tmp_path, studio) == "is a folder, not a video; name the file"


def test_a_pipe(studio, tmp_path):
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    assert error_of(path, studio) == "is a device or pipe, not a video; copy it to a file"


def test_a_dangling_link(studio, tmp_path):
    path = tmp_path / "link.mp4"
    path.symlink_to("gone.mp4")
    assert error_of(path, studio) == "links to 'gone.mp4', which cannot be reached; mend the link"


def test_a_path_through_a_file(studio):
    path = studio.clip("plain.mp4") / "clip.mp4"
    assert error_of(path, studio) == "cannot be reached (Not a directory); check the path"


def test_no_permission(studio, tmp_path, monkeypatch):
    path = tmp_path / "locked.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read anything
    assert error_of(path, studio) == "may not be read; change its permissions (chmod u+r)"


def test_text(studio, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("this is no video\n" * 100)
    assert error_of(path, studio) == (
        f"is not a video that can be opened (invalid data found when processing input); {REENCODE}"
    )


def test_a_playlist_opens_no_other_file(studio, tmp_path):
    (tmp_path / "other.mp4").write_bytes(studio.clip("plain.mp4").read_bytes())
    path = tmp_path / "list.mp4"
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    assert "is not a video that can be opened" in error_of(path, studio)


def test_sound_only(studio, tmp_path):
    path = studio.write_sound(tmp_path / "sound.mp4")
    assert error_of(path, studio) == (
        f"has no video stream, only sound or still pictures; {REENCODE}"
    )


@pytest.mark.parametrize(
    ("name", "share", "what"),
    [
        ("long.webm", 0.5, "ends after 1.07 s and 32 frames but its header promises 3.00 s"),
        ("long.mp4", 0.6, "is damaged or cut off at packet"),
    ],
)
def test_truncated(studio, tmp_path, name, share, what):
    whole = studio.clip(name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: int(len(whole) * share)])
    assert error_of(path, studio).startswith(what)


def test_a_header_that_promises_too_much(studio, tmp_path):
    data = bytearray(studio.clip("mpeg4.avi").read_bytes())
    for name, offset in ((b"avih", 16), (b"strh", 32)):
        at = data.index(name) + 8 + offset
        data[at : at + 4] = struct.pack("<I", 900)
    path = tmp_path / "boasting.avi"
    path.write_bytes(data)
    assert error_of(path, studio) == (
        f"ends after 1.00 s and 30 frames but its header promises 30.00 s; {WHOLE}"
    )


def test_frames_that_are_listed_but_empty(studio, tmp_path):
    data = bytearray(studio.clip("long.mp4").read_bytes())
    sizes = data.index(b"stsz") + 16
    data[sizes + 4 * 60 : sizes + 4 * 90] = bytes(4 * 30)
    path = tmp_path / "hollow.mp4"
    path.write_bytes(data)
    assert error_of(path, studio) == (
        f"ends after 2.00 s and 60 frames but its header promises 3.00 s; {WHOLE}"
    )


def test_a_lost_tail_names_the_frame(studio, tmp_path):
    data = bytearray(studio.clip("long.mp4").read_bytes())
    start = data.index(b"mdat") + 4
    first = start + (len(data) - start) * 7 // 10
    data[first:] = bytes(len(data) - first)
    path = tmp_path / "zeroed.mp4"
    path.write_bytes(data)
    text = error_of(path, studio)
    assert text.startswith("frame ")
    assert text.endswith(
        f"cannot be decoded (invalid data found when processing input); {REENCODE}"
    )


def test_damaged_packets_are_never_painted_over(studio, tmp_path):
    """H.264 hides damage by copying neighbours; most of it is noticed, and named by frame."""
    whole = studio.clip("long.mp4").read_bytes()
    start = whole.index(b"mdat") + 1000
    with VideoFile(studio.clip("long.mp4"), timeout_seconds=10) as video:
        expected = [picture for _, picture in video.pictures(range(90))]
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.mp4"
    unnoticed, complaints = 0, []
    for _ in range(40):
        data = bytearray(whole)
        at = int(rng.integers(start, len(data) - 8))
        data[at : at + 8] = rng.integers(0, 256, 8, dtype=np.uint8).tobytes()
        path.write_bytes(data)
        try:
            with VideoFile(path, timeout_seconds=10) as video:
                found = [picture for _, picture in video.pictures(range(90))]
        except VideoDecodeError as error:
            complaints.append(error.what)
        else:
            assert len(found) == 90
            unnoticed += not all(map(np.array_equal, found, expected))
    assert unnoticed <= 8
    assert len(complaints) >= 25
    assert all(what.startswith("frame ") for what in complaints)


def test_time_is_bounded(studio):
    path = studio.clip("long.webm")
    assert error_of(path, studio, timeout_seconds=0.0) == (
        f"took longer than 0 s to decode; {REENCODE}"
    )


@pytest.mark.parametrize("name", ["plain.mp4", "vp9.webm", "mpeg4.avi"])
def test_a_picture_of_absurd_size(studio, monkeypatch, name):
    monkeypatch.setattr(container, "MAX_PIXELS", 128 * 96 - 1)
    assert error_of(studio.clip(name), studio) == (
        f"claims pictures of 128 x 96 pixels; {REENCODE}"
    )
