"""Decoded once: reused when nothing changed, decoded again when anything did, never half there."""

from __future__ import annotations

import errno
import json
import logging
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from torch.utils.data import DataLoader

from bgs import whole_files
from bgs.data import clip_cache, clip_store
from bgs.data.clip_cache import FrameBank, load_frames
from bgs.data.clip_store import ClipRecipe, ClipStore, default_cache_dir, entry_is_sound
from bgs.data.clips import Clips, load_clips
from bgs.data.sampling import Uniform
from bgs.errors import DataError, VideoDecodeError

NUM_CLIPS = 6


@pytest.fixture(scope="module")
def folder(studio, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    for i in range(NUM_CLIPS):
        studio.write_video(folder / f"clip{i}.mp4", num_frames=20 + i)
    return folder


@pytest.fixture
def clips(folder) -> Clips:
    return load_clips(folder)


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files that were decoded since."""
    names: list[str] = []
    original = clip_cache.decode_clip

    def counting(path, *args, **options):
        names.append(Path(path).name)
        return original(path, *args, **options)

    monkeypatch.setattr(clip_cache, "decode_clip", counting)
    return names


def entries(cache_dir: Path) -> list[Path]:
    return sorted(cache_dir.glob("clips/*/*.safetensors"))


def test_a_bank_holds_the_frames_of_every_clip(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    assert bank.ids == clips.ids
    assert len(bank) == NUM_CLIPS
    assert repr(bank) == "FrameBank(6 clips, frames (4, 3, 96, 128) uint8)"
    batch = bank.batch([5, 0, 5])
    assert batch.dtype == torch.uint8
    assert batch.shape == (3, 4, 3, 96, 128)
    assert studio.numbers_of(batch[0].numpy()) == [0, 8, 16, 24]
    assert studio.numbers_of(batch[1].numpy()) == [0, 6, 12, 19]
    assert torch.equal(batch[0], batch[2])
    assert torch.equal(batch[0], bank[5])


def test_selecting_follows_ids(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    part = bank.select(["clip3", "clip1"])
    assert part.ids == ("clip3", "clip1")
    assert torch.equal(part.batch([0, 1]), bank.batch([3, 1]))
    assert part.key == bank.select(["clip3", "clip1"]).key != bank.key
    with pytest.raises(DataError) as caught:
        bank.select(["clip9"])
    assert str(caught.value) == (
        "clip 'clip9' is not among the 6 clips; check the id, or load that clip"
    )


def test_what_is_there_is_not_decoded_again(studio, clips, tmp_path, decoded):
    first = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    assert sorted(decoded) == sorted(path.name for path in clips.paths)
    decoded.clear()
    again = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    assert decoded == []
    assert again.key == first.key
    assert torch.equal(again.batch(range(6)), first.batch(range(6)))


@pytest.mark.parametrize(
    "change",
    [
        {"num_frames": 5},
        {"sampling": "fps", "fps": 10.0},
        {"resize_short_side": 97},
        {"height": 90},
        {"width": 90},
        {"interpolation": "bicubic"},
    ],
)
def test_whatever_changes_a_pixel_changes_the_key(studio, clips, tmp_path, decoded, change):
    spec = studio.spec_of(4)
    first = load_frames(clips, spec, cache_dir=tmp_path)
    decoded.clear()
    changed = load_frames(clips, replace(spec, **change), cache_dir=tmp_path)
    assert len(decoded) == NUM_CLIPS
    assert not set(changed.keys) & set(first.keys)


def test_mean_and_std_change_no_pixel(studio, clips, tmp_path, decoded):
    load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    decoded.clear()
    load_frames(clips, replace(studio.spec_of(4), mean=(0.5, 0.5, 0.5)), cache_dir=tmp_path)
    assert decoded == []


def test_another_decoder_or_version_is_another_key(studio):
    def key(decoder: str) -> str:
        recipe = ClipRecipe.of(
            "0" * 64, studio.spec_of(4), sampler=Uniform(num_frames=4), decoder=decoder
        )
        assert json.loads(recipe.to_json())["decoder"].startswith(
            "pyav" if decoder in ("auto", "pyav") else decoder
        )
        return recipe.key

    assert key("auto") == key("pyav")
    pytest.importorskip("decord")
    assert key("decord") != key("pyav")


def test_a_replaced_file_is_decoded_again_even_with_its_old_time_stamp(
    studio, folder, tmp_path, decoded
):
    work = tmp_path / "work"
    shutil.copytree(folder, work)
    load_frames(load_clips(work), studio.spec_of(4), cache_dir=tmp_path / "cache")
    decoded.clear()
    stamp = (work / "clip0.mp4").stat()
    shutil.copy(work / "clip5.mp4", work / "clip0.mp4")
    os.utime(work / "clip0.mp4", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    bank = load_frames(load_clips(work), studio.spec_of(4), cache_dir=tmp_path / "cache")
    assert decoded == []  # the content of clip5 is known
    assert torch.equal(bank[0], bank[5])


@pytest.mark.parametrize("where", [0.001, 0.01, 0.3, 0.999])
def test_a_flipped_byte_is_found_and_rebuilt(studio, clips, tmp_path, decoded, caplog, where):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    expected = bank.batch(range(6))
    decoded.clear()
    path = bank.files[2]
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 0x10
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        again = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    assert decoded == ["clip2.mp4"]
    assert caplog.messages == [f"cached clip {path} is damaged; it is decoded again"]
    assert torch.equal(again.batch(range(6)), expected)


def test_every_byte_of_the_header_counts(studio, clips, tmp_path):
    path = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path).files[0]
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    assert entry_is_sound(path)
    for at in range(0, header, 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert not entry_is_sound(path) or data[at : at + 1] == b" "
    for cut in (0, 5, header, len(data) - 1):
        path.write_bytes(data[:cut])
        assert not entry_is_sound(path)


def test_an_entry_under_another_name_is_not_believed(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    shutil.copy(bank.files[0], bank.files[1])
    assert not entry_is_sound(bank.files[1])


def test_an_entry_explains_itself(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    with safetensors.safe_open(bank.files[0], framework="numpy") as entry:
        record = entry.metadata()
    recipe = json.loads(record["recipe"])
    assert recipe["sampler"] == "Uniform(num_frames=4, short_clips='error')"
    assert recipe["resizer"] == f"torch {torch.__version__}"
    assert json.loads(record["indices"]) == [0, 6, 12, 19]
    assert json.loads(record["seconds"]) == pytest.approx([0, 0.2, 0.4, 19 / 30])
    assert record["decoded_by"] == "pyav"


def test_a_bank_that_loses_an_entry_says_so(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    bank.files[1].unlink()
    with pytest.raises(DataError) as caught:
        bank.batch([0, 1])
    assert str(caught.value) == (
        f"{bank.files[1]}: the decoded frames of clip 'clip1' are gone from the cache;"
        " load the frames again (they were removed while in use)"
    )


def test_one_bad_clip_stops_the_rest_and_keeps_what_is_done(studio, folder, tmp_path, decoded):
    work = tmp_path / "work"
    shutil.copytree(folder, work)
    (work / "clip3.mp4").write_text("no video")
    with pytest.raises(VideoDecodeError, match=r"clip3\.mp4: is not a video that can be opened"):
        load_frames(load_clips(work), studio.spec_of(4), cache_dir=tmp_path / "c", num_workers=1)
    kept = len(entries(tmp_path / "c"))
    assert kept >= 3
    decoded.clear()
    (work / "clip3.mp4").unlink()
    load_frames(load_clips(work), studio.spec_of(4), cache_dir=tmp_path / "c")
    assert len(decoded) == NUM_CLIPS - 1 - kept


BUILDER = """
import sys
from pathlib import Path
from bgs.data import clip_cache
from bgs.data.clips import load_clips
from bgs.frame_spec import FrameSpec

original = clip_cache.decode_clip
def announcing(path, *args, **options):
    clip = original(path, *args, **options)
    print(Path(path).name, flush=True)
    sys.stdin.readline()  # the test decides when this clip may be stored
    return clip
clip_cache.decode_clip = announcing
spec = FrameSpec(num_frames=4, height=96, width=128, resize_short_side=96)
clip_cache.load_frames(load_clips(sys.argv[1] + "/"), spec, cache_dir=sys.argv[2], num_workers=1)
print("done", flush=True)
"""


def start_builder(folder: Path, cache_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(folder), str(cache_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_a_killed_build_is_continued_and_two_builders_get_along(
    studio, folder, clips, tmp_path, decoded
):
    """Both decode the first clip before either stores it; one is killed in the middle, one finishes."""
    both = [start_builder(folder, tmp_path) for _ in range(2)]
    for builder in both:
        assert builder.stdout.readline() == "clip0.mp4\n"
    for builder in both:
        builder.stdin.write("\n")
        builder.stdin.flush()
        assert builder.stdout.readline() == "clip1.mp4\n"
    victim, survivor = both
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert len(entries(tmp_path)) == 1

    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    assert sorted(decoded) == [f"clip{i}.mp4" for i in range(1, NUM_CLIPS)]
    expected = bank.batch(range(NUM_CLIPS))
    survivor.stdin.write("\n" * NUM_CLIPS)
    survivor.stdin.flush()
    assert survivor.stdout.read().endswith("done\n")
    assert survivor.wait() == 0
    assert len(entries(tmp_path)) == NUM_CLIPS
    assert all(entry_is_sound(path) for path in bank.files)
    assert torch.equal(bank.batch(range(NUM_CLIPS)), expected)
    for builder in both:
        builder.stdin.close()
        builder.stdout.close()


def test_leftovers_of_killed_builders_are_swept(tmp_path):
    store = ClipStore(tmp_path)
    old, new = (store.folder / "ab" / name for name in ("old.partial", "new.partial"))
    old.parent.mkdir(parents=True)
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    store.make_room(0)
    assert not old.exists()
    assert new.exists()


def test_a_full_disk_is_said_before_decoding(studio, clips, tmp_path, monkeypatch, decoded):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(clip_store.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DataError) as caught:
        load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    assert str(caught.value) == (
        f"decoded clips need 0.8 MB but the disk of {tmp_path}/clips has 0.0 MB left;"
        " free some space, or set BGS_CACHE to a folder on a larger disk"
    )
    assert decoded == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            errno.ENOSPC,
            "the disk of {} is full; free some space, or set BGS_CACHE to a folder on a larger disk;"
            " what is done is kept",
        ),
        (
            errno.EACCES,
            "{} cannot be written (Permission denied); set BGS_CACHE to a folder you may write to",
        ),
    ],
)
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, code, message):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(whole_files.os, "replace", fail)
    with pytest.raises(DataError) as caught:
        clip_store.write_atomically(tmp_path / "sub" / "entry", b"content")
    assert str(caught.value) == message.format(tmp_path / "sub")
    assert list((tmp_path / "sub").iterdir()) == []


def test_the_size_is_bounded_and_old_entries_go_first(studio, clips, tmp_path):
    spec = studio.spec_of(4)
    size = 4 * 3 * 96 * 128
    bank = load_frames(clips, spec, cache_dir=tmp_path)
    two_days_ago = time.time() - 2 * 86400
    for age, path in enumerate(bank.files):
        os.utime(path, (two_days_ago + age, two_days_ago + age))
    ClipStore(tmp_path, max_bytes=5 * size).make_room(2 * size)
    assert [path.exists() for path in bank.files] == [False] * 4 + [True] * 2


def test_entries_in_use_are_not_evicted(studio, clips, tmp_path):
    load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    with pytest.raises(DataError) as caught:
        load_frames(clips, studio.spec_of(5), cache_dir=tmp_path, max_cache_bytes=1_000_000)
    assert str(caught.value) == (
        f"decoded clips would take 1.9 MB in {tmp_path}/clips but the limit is 1.0 MB, and what is there"
        " was used in the last day; delete the folder, or raise the limit (max_cache_bytes)"
    )


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_two_loader_workers(studio, clips, tmp_path, start_method):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    loader = DataLoader(
        bank,  # type: ignore[arg-type]
        batch_size=3,
        num_workers=2,
        multiprocessing_context=multiprocessing.get_context(start_method),
    )
    assert torch.equal(torch.cat(list(loader)), bank.batch(range(6)))


class Decoding(torch.utils.data.Dataset):
    """Decodes in the worker itself, as augmentation does."""

    def __init__(self, clips, spec, decoder):
        self.clips, self.spec, self.decoder = clips, spec, decoder

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        from bgs.data.decoding import decode

        return torch.from_numpy(decode(self.clips.paths[index], self.spec, decoder=self.decoder))


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_decoding_in_forked_workers(studio, clips, tmp_path, decoder):
    if decoder == "decord":
        pytest.importorskip("decord")
    data = Decoding(clips, studio.spec_of(4), decoder)
    expected = torch.stack([data[i] for i in range(6)])  # this process decodes first: the hard case
    context = multiprocessing.get_context("fork")
    loader = DataLoader(data, batch_size=3, num_workers=2, multiprocessing_context=context)
    assert torch.equal(torch.cat(list(loader)), expected)


def test_a_bank_pickles_without_its_frames(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    content = pickle.dumps(bank)
    assert len(content) < 10_000
    again = pickle.loads(content)
    assert isinstance(again, FrameBank)
    assert torch.equal(again[1], bank[1])


def test_frames_are_mapped_and_not_read(studio, clips, tmp_path):
    bank = load_frames(clips, studio.spec_of(4), cache_dir=tmp_path)
    np.testing.assert_array_equal(bank[0].numpy(), bank.batch([0])[0].numpy())
    assert bank.batch([]).shape == (0, 4, 3, 96, 128)


def test_equal_files_share_an_entry(studio, folder, tmp_path, decoded):
    work = tmp_path / "work"
    work.mkdir()
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(folder / "clip0.mp4", work / name)
    bank = load_frames(load_clips(work), studio.spec_of(4), cache_dir=tmp_path / "cache")
    assert len(decoded) == 1
    assert bank.keys[0] == bank.keys[1]


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("BGS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_cache_dir() == tmp_path / ".cache" / "bgs"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_dir() == tmp_path / "xdg" / "bgs"
    monkeypatch.setenv("BGS_CACHE", "~/mine")
    assert default_cache_dir() == tmp_path / "mine"
    assert repr(ClipStore()) == f"ClipStore('{tmp_path}/mine/clips')"


def test_clips_that_miss_what_their_card_promises(studio, clips, tmp_path):
    short = replace(clips, duration_seconds=0.75, name="study")
    with pytest.raises(DataError) as caught:
        load_frames(short, studio.spec_of(4), cache_dir=tmp_path, num_workers=1)
    assert str(caught.value) == (
        f"{clips.paths[0]}: lasts 0.67 s where the card of 'study' says 0.75 s;"
        " replace the clip, or correct duration_seconds in the card"
    )
    changed = replace(clips, checksums={"clip1": "a" * 64})
    with pytest.raises(
        DataError, match=r"clip1.mp4: sha256 is .{12}\.\.\., the card says aaaaaaaaaaaa"
    ):
        load_frames(changed, studio.spec_of(4), cache_dir=tmp_path)
