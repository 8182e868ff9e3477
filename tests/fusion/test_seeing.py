"""Tokens are looked at once and kept whole, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgs.backbones import load_backbone
from bgs.backbones.contract import Backbone
from bgs.errors import DataError
from bgs.fusion import seeing
from bgs.fusion.example import Example
from bgs.fusion.seeing import see
from bgs.fusion.tasks import load_task


@pytest.fixture(scope="module")
def tiny() -> Backbone:
    return load_backbone("bgs-tiny", num_frames=2)


@pytest.fixture(scope="module")
def examples(twins: Path) -> list[Example]:
    return list(load_task("pisc", home=twins)["train"][:3])


def test_what_was_seen_is_not_looked_at_again(tiny, examples, tmp_path, monkeypatch):
    fresh = see(tiny, examples, progress=False)
    kept = see(tiny, examples, cache=tmp_path, progress=False)
    monkeypatch.setattr(seeing, "patch_tokens", None)  # whoever looks again fails
    again = see(tiny, examples, cache=tmp_path, progress=False)
    assert np.array_equal(fresh.tokens, kept.tokens)
    assert np.array_equal(kept.tokens, again.tokens)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tiny, examples, tmp_path, monkeypatch):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(DataError, match=r"^the disk of .* is full; free some space, or set BGS_C"):
        see(tiny, examples, cache=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_look_that_is_broken_off_leaves_nothing(tiny, examples, tmp_path, monkeypatch):
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(seeing, "patch_tokens", stop)
    with pytest.raises(KeyboardInterrupt):
        see(tiny, examples, cache=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_is_one_line(tiny, examples, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"file cannot be written .*; set BGS_CACHE to a folder you"
    ):
        see(tiny, examples, cache=tmp_path / "file", progress=False)
