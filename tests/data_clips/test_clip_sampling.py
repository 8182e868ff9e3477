"""Policies on timelines whose right answer can be read off."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bgs.data.decoding.timeline import Timeline
from bgs.data.sampling import CentreSegments, FixedRate, RandomSegments, Uniform, sampler_of
from bgs.errors import DataError
from bgs.frame_spec import FrameSpec


def steady(num_frames: int, *, ticks_a_frame: int = 512, start: int = 0, fps: int = 30) -> Timeline:
    ticks = start + ticks_a_frame * np.arange(num_frames)
    end = int(ticks[-1]) + ticks_a_frame
    return Timeline(ticks, end=end, time_base=Fraction(1, fps * ticks_a_frame))


def frames(sampler, timeline: Timeline) -> list[int]:
    return timeline.on_screen(sampler.ticks(timeline)).tolist()


def test_the_drawn_example_of_the_module_is_true():
    ten = steady(10)
    assert frames(Uniform(num_frames=4), ten) == [0, 3, 6, 9]
    assert frames(FixedRate(num_frames=4, fps=15), ten) == [2, 4, 6, 8]
    assert frames(CentreSegments(num_frames=4), ten) == [1, 3, 6, 8]
    assert frames(RandomSegments(num_frames=4, seed=0), ten) == [1, 3, 5, 7]


@pytest.mark.parametrize("num_frames", [16, 29, 90, 75, 301])
@pytest.mark.parametrize("wanted", [1, 2, 8, 16])
@pytest.mark.parametrize("ticks_a_frame", [1, 2, 512])
@pytest.mark.parametrize("start", [0, 7000])
def test_uniform_is_the_published_index_rule_at_a_steady_rate(
    num_frames, wanted, ticks_a_frame, start
):
    timeline = steady(num_frames, ticks_a_frame=ticks_a_frame, start=start)
    expected = (
        [(num_frames - 1) // 2]
        if wanted == 1
        else np.linspace(0, num_frames - 1, wanted).astype(int).tolist()
    )
    assert frames(Uniform(num_frames=wanted), timeline) == expected


def test_uniform_is_not_misled_by_stamps_rounded_to_milliseconds():
    ticks = np.round(np.arange(91) * 1000 / 30).astype(np.int64)
    timeline = Timeline(ticks, end=3033, time_base=Fraction(1, 1000))
    assert frames(Uniform(num_frames=16), timeline) == list(range(0, 91, 6))


def test_a_frame_that_stays_is_seen_as_long_as_it_stays():
    timeline = Timeline(
        np.array([0, 500, 600, 700, 800, 900, 1000]), end=1100, time_base=Fraction(1, 1000)
    )
    assert frames(Uniform(num_frames=5), timeline) == [0, 0, 1, 3, 6]


def test_fixed_rate_at_the_rate_of_the_clip_takes_neighbours():
    assert frames(FixedRate(num_frames=8, fps=30), steady(30)) == list(range(11, 19))


def test_fixed_rate_takes_a_whole_clip_that_just_fits():
    assert frames(FixedRate(num_frames=30, fps=30), steady(30)) == list(range(30))


def test_segments_stay_in_their_parts_and_random_ones_differ_by_seed():
    timeline = steady(160)
    draws = [frames(RandomSegments(num_frames=16, seed=seed), timeline) for seed in range(20)]
    assert all(i * 10 <= frame < (i + 1) * 10 for draw in draws for i, frame in enumerate(draw))
    assert len({tuple(draw) for draw in draws}) == 20
    assert draws[0] == frames(RandomSegments(num_frames=16, seed=0), timeline)


@pytest.mark.parametrize("sampler", [Uniform, CentreSegments])
def test_too_few_frames_are_an_error(sampler):
    with pytest.raises(DataError) as caught:
        sampler(num_frames=16).ticks(steady(5))
    assert str(caught.value) == (
        "has 5 frames but 16 are asked for; use longer clips, fewer frames, or short_clips='hold'"
    )


def test_too_short_a_clip_for_a_fixed_rate_is_an_error():
    with pytest.raises(DataError) as caught:
        FixedRate(num_frames=16, fps=4).ticks(steady(90))
    assert str(caught.value) == (
        "lasts 3.00 s but 16 frames at 4 a second need 3.75 s;"
        " use longer clips, a higher fps, or short_clips='hold'"
    )


def test_hold_keeps_frames_on_the_screen():
    assert frames(Uniform(num_frames=4, short_clips="hold"), steady(2)) == [0, 0, 0, 1]
    held = frames(FixedRate(num_frames=6, fps=30, short_clips="hold"), steady(3))
    assert held == [0, 1, 2, 2, 2, 2]


def test_the_spec_of_a_backbone_names_its_policy():
    spec = FrameSpec(num_frames=8, height=64, width=64, resize_short_side=64)
    assert sampler_of(spec) == Uniform(num_frames=8)
    rated = FrameSpec(
        num_frames=8, height=64, width=64, resize_short_side=64, sampling="fps", fps=4.0
    )
    assert sampler_of(rated, short_clips="hold") == FixedRate(
        num_frames=8, fps=4.0, short_clips="hold"
    )


def test_a_timeline_says_what_it_is():
    timeline = steady(90, start=512)
    assert repr(timeline) == "Timeline(90 frames, 3.000 s)"
    assert timeline.seconds(30) == pytest.approx(1.0)
    assert steady(1).duration_seconds == pytest.approx(1 / 30)


def test_a_rate_is_positive():
    with pytest.raises(DataError) as caught:
        FixedRate(num_frames=4, fps=0.0)
    assert str(caught.value) == "fps is 0 but must be above 0; name a rate"
