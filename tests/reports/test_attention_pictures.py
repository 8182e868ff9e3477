"""Strips and films of attention: colours that mean what the bar says, and shapes that follow the clip."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from bgs.reports.attention import (
    HEADER,
    LABELS,
    MARGIN,
    ClipView,
    draw_strip,
    write_film,
    write_strip,
)


def view(*, times: int = 3, models: int = 2, shape: tuple[int, int] = (32, 48)) -> ClipView:
    """Attention on the upper left patch before and on the lower right one after, in every moment."""
    rng = np.random.default_rng(0)
    base, tuned = np.ones((times, 2, 3)), np.ones((times, 2, 3))
    base[:, 0, 0], tuned[:, 1, 2] = 5, 5
    maps = {"base": base / base.sum(), "tuned": tuned / tuned.sum()}
    frames = rng.integers(0, 256, (2 * times, 3, *shape), dtype=np.uint8)
    seconds = tuple(0.25 * k for k in range(2 * times))
    named = dict(list(maps.items())[:models])
    return ClipView("clip_ä", frames, seconds, named, title="divergence 1.2")


def warmth(pixels: np.ndarray) -> float:
    """How much redder than blue: low and high end of the colour map, and of the change."""
    return float(pixels[..., 0].mean() - pixels[..., 2].mean())


def test_much_attention_is_warm_and_change_has_two_signs() -> None:
    strip = np.asarray(draw_strip(view()).convert("RGB")).astype(float)
    height, width = 91, 136  # 32 x 48 pixels, its longer side 136
    left, top = MARGIN + LABELS, MARGIN + HEADER

    def corners(row: int) -> tuple[float, float]:
        tile = strip[top + row * (height + 4) :][:height, left : left + width]
        return warmth(tile[:25, :25]), warmth(tile[-25:, -25:])

    base, tuned, change = corners(1), corners(2), corners(3)
    assert base[0] > base[1] + 60
    assert tuned[1] > tuned[0] + 60
    assert change[0] < -20  # less, purple
    assert change[1] > 60  # more, orange


def test_a_bare_backbone_gets_one_row(tmp_path: Path) -> None:
    one, two = draw_strip(view(models=1)), draw_strip(view())
    assert two.height - one.height == 2 * (91 + 4)
    write_strip(tmp_path / "strip.png", view(models=1))
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("times", [1, 3, 8])
def test_at_most_six_moments_are_drawn(times: int) -> None:
    assert (
        draw_strip(view(times=times)).width == max(LABELS + min(times, 6) * 140, 560) + 2 * MARGIN
    )


def test_a_film_shows_every_frame_at_the_speed_of_the_clip(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", view(shape=(33, 47)))
    with av.open(str(tmp_path / "film.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == 4
        assert len(list(film.decode(stream))) == 6


def test_boxes_are_outlined() -> None:
    bare = view(models=1)
    boxed = ClipView(
        bare.clip, bare.frames, bare.seconds, bare.maps, outlines=[((0.25, 0.25, 0.75, 0.75),)] * 6
    )
    changed = np.asarray(draw_strip(boxed)) != np.asarray(
        draw_strip(ClipView(bare.clip, bare.frames, bare.seconds, bare.maps))
    )
    assert changed.any()
    assert (np.asarray(draw_strip(boxed))[changed.any(axis=2)] == 255).all()


def test_even_attention_can_be_drawn() -> None:
    even = view(models=1)
    flat = {"base": np.full((3, 2, 3), 1 / 18), "tuned": np.full((3, 2, 3), 1 / 18)}
    assert draw_strip(ClipView("flat", even.frames, even.seconds, flat)).width > 100
