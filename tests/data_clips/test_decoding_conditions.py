"""Where and on what decoding runs: unknown lengths, started processes, one thread, platforms without decord."""

from __future__ import annotations

import multiprocessing
import tomllib
from pathlib import Path

import av
import pytest
from packaging.requirements import Requirement

from bgs.data.decoding import decode, decode_clip
from bgs.data.decoding.decode import READERS, decoder_version
from bgs.data.decoding.pyav import VideoFile


def test_a_stream_of_unknown_length_is_counted(studio):
    path = studio.clip("vp9.webm")
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0
    clip = decode_clip(path, studio.spec_of(30))
    assert studio.numbers_of(clip.frames) == list(range(30))


def test_decoding_in_spawned_processes(studio):
    jobs = [
        (studio.clip(name), studio.spec(name, 4)) for name in ("plain.mp4", "vp9.webm", "long.mp4")
    ]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap_async(decode, jobs).get(timeout=120)
    for frames, job in zip(found, jobs, strict=True):
        assert studio.numbers_of(frames) == list(decode_clip(*job).indices)


@pytest.mark.parametrize("name", ["plain.mp4", "hevc.mp4", "av1.mp4", "vp9.webm"])
def test_a_clip_is_decoded_on_one_thread(studio, name):
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("threads are counted in /proc")
    with VideoFile(studio.clip(name), timeout_seconds=30) as video:
        pictures = video.pictures(range(30))
        before = len(list(tasks.iterdir()))
        next(pictures)
        assert len(list(tasks.iterdir())) == before
        assert video._stream.codec_context.thread_count == 1


@pytest.mark.parametrize(
    ("system", "machine", "wheel"),
    [("linux", "x86_64", True), ("linux", "aarch64", False), ("darwin", "arm64", False)],
)
def test_decord_is_asked_for_only_where_it_has_a_wheel(repository, system, machine, wheel):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    [decord] = [r for r in map(Requirement, project["dependencies"]) if r.name == "decord"]
    assert decord.marker is not None
    assert decord.marker.evaluate({"sys_platform": system, "platform_machine": machine}) == wheel


def test_the_default_decoder_is_the_same_everywhere():
    assert READERS["auto"] is READERS["pyav"]
    assert decoder_version("auto") == decoder_version("pyav")
