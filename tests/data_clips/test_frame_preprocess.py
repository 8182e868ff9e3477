"""Resize and crop are those of the authors' processors, without their libraries."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from PIL import Image

from bgs.data.preprocess import prepare_picture, resized_size
from bgs.frame_spec import FrameSpec

# transformers' processors exist twice; the second kind runs where somebody installed torchvision.
LIBRARIES = ["pil"] + ["torchvision"] * (importlib.util.find_spec("torchvision") is not None)
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def picture_of(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("height", "width"), [(256, 340), (340, 256), (1080, 1920), (95, 127), (224, 224)]
)
def test_resize_is_pillows(interpolation, height, width):
    """Pillow is what the authors' processors call, or imitate to the last bit."""
    picture = picture_of(height, width)
    spec = FrameSpec(
        num_frames=1, height=224, width=224, resize_short_side=224, interpolation=interpolation
    )
    rows, columns = resized_size(height, width, short_side=224)
    resized = np.asarray(Image.fromarray(picture).resize((columns, rows), FILTERS[interpolation]))
    top, left = (rows - 224) // 2, (columns - 224) // 2
    expected = resized[top : top + 224, left : left + 224].transpose(2, 0, 1)
    found = prepare_picture(picture, spec=spec).numpy()
    assert found.shape == (3, 224, 224)
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= (1 if interpolation == "bilinear" else 2)
    assert difference.mean() < 0.05


def test_a_picture_of_the_right_size_is_untouched():
    picture = picture_of(64, 64)
    spec = FrameSpec(num_frames=1, height=64, width=64, resize_short_side=64)
    np.testing.assert_array_equal(prepare_picture(picture, spec=spec), picture.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 340), (224, 297)),
        ((340, 256), (297, 224)),
        ((100, 100), (224, 224)),
        ((95, 127), (224, 299)),
    ],
)
def test_the_long_side_is_rounded_down(size, expected):
    assert resized_size(*size, short_side=224) == expected


def test_the_crop_is_central():
    picture = np.zeros((10, 20, 3), dtype=np.uint8)
    picture[:, 6:14] = 255
    spec = FrameSpec(num_frames=1, height=8, width=8, resize_short_side=10)
    assert (prepare_picture(picture, spec=spec) == 255).all()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("family", ["videomae", "clip"])
@pytest.mark.parametrize(("height", "width"), [(256, 340), (95, 127), (480, 271)])
def test_against_transformers_own_processors(library, family, height, width):
    suffix = "_pil" if library == "pil" else ""
    module = importlib.import_module(
        f"transformers.models.{family}.image_processing{suffix}_{family}"
    )
    name = {"videomae": "VideoMAEImageProcessor", "clip": "CLIPImageProcessor"}[family]
    processor = getattr(module, name + ("Pil" if library == "pil" else ""))(do_normalize=False)
    picture = picture_of(height, width)
    theirs = processor([picture], return_tensors="np")["pixel_values"].reshape(3, 224, 224)
    spec = FrameSpec(
        num_frames=1,
        height=224,
        width=224,
        resize_short_side=224,
        interpolation="bilinear" if family == "videomae" else "bicubic",
    )
    ours = prepare_picture(picture, spec=spec).numpy() / 255
    assert np.abs(ours - theirs).mean() < 1 / 255
