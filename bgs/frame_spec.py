"""What a model wants to see: how many frames, sampled how, at what size, normalised how.

A backbone states it, the clip reader obeys it. It stands below both so that neither needs the other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from bgs.errors import BackboneError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Sampling = Literal["uniform", "fps"]
Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True, kw_only=True)
class FrameSpec:
    """The frames of one clip as a backbone expects them.

    The picture is resized so that its short side is `resize_short_side` (antialiased), then the centre
    `height` x `width` is cut out; pixels are scaled to 0..1 and normalised with `mean` and `std`.
    """

    num_frames: int
    height: int
    width: int
    resize_short_side: int
    sampling: Sampling = "uniform"
    fps: float | None = None  # frames a second, for sampling="fps"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        for name in ("num_frames", "height", "width", "resize_short_side"):
            if getattr(self, name) < 1:
                raise BackboneError(
                    f"{name} is {getattr(self, name)} but must be 1 or more",
                    remedy="check the backbone's preprocessor settings",
                )
        if self.resize_short_side < min(self.height, self.width):
            raise BackboneError(
                f"a short side of {self.resize_short_side} cannot hold a {self.height} x {self.width} crop",
                remedy="make resize_short_side at least as large as the crop",
            )
        if (self.sampling == "fps") != (self.fps is not None):
            raise BackboneError(
                f"sampling {self.sampling!r} with fps {self.fps}",
                remedy="give fps with sampling 'fps' and only then",
            )

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON; `FrameSpec(**spec.to_dict())` is the same spec."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> FrameSpec:
        """The inverse of `to_dict`, whatever JSON did to the tuples."""
        restored = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**restored)  # type: ignore[arg-type]
