"""The published backbones that have a short name; a new one is one line.

The architecture beside each name is what its config.json says of sizes, so that a random initialisation needs no
network. Weights are never guessed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHIPPED = "shipped"
VISION_TOWERS = {
    "clip": "clip_vision_model",
    "siglip": "siglip_vision_model",
}  # model_type of a tower alone


@dataclass(frozen=True)
class NamedBackbone:
    """A row of `bgs backbones`."""

    name: str
    family: str
    weights: str  # a Hugging Face id, SHIPPED, or the name of the file to download
    num_frames: int
    image_size: int
    sizes: Mapping[str, Any]

    @property
    def obtained(self) -> str:
        """Where its weights come from, in words."""
        if self.weights == SHIPPED:
            return "ships with bgs"
        if self.family == "vjepa2.1":
            return f"download {self.weights} from dl.fbaipublicfiles.com/vjepa2, then give its path"
        return f"Hugging Face {self.weights}"

    @property
    def architecture(self) -> dict[str, Any] | None:
        """What random weights are built from; None where a config.json ships with the package."""
        if self.weights == SHIPPED:
            return None
        if self.family == "vjepa2.1":
            return dict(self.sizes)
        if self.family == "vjepa2":
            return {"model_type": "vjepa2", "crop_size": self.image_size, **self.sizes}
        if self.family in VISION_TOWERS:
            shape = {"model_type": VISION_TOWERS[self.family], "image_size": self.image_size}
            return {**shape, **self.sizes}
        shape = {"model_type": self.family, "image_size": self.image_size}
        return {**shape, "num_frames": self.num_frames, **self.sizes}

    def to_dict(self) -> dict[str, object]:
        """Plain values for `bgs backbones --json`."""
        return {
            "name": self.name,
            "family": self.family,
            "weights": self.weights,
            "obtained": self.obtained,
            "num_frames": self.num_frames,
            "image_size": self.image_size,
        }


def _vit(width: int, layers: int, heads: int) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads}
    return {**sizes, "intermediate_size": 4 * width}


def _vjepa2(width: int, layers: int, heads: int, mlp_ratio: float = 4.0) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads}
    return {**sizes, "mlp_ratio": mlp_ratio}


def _vjepa21(dim: int, depth: int, num_heads: int, mlp_dim: int) -> dict[str, Any]:
    return {"dim": dim, "depth": depth, "num_heads": num_heads, "mlp_dim": mlp_dim}


_BASE, _LARGE, _HUGE = _vit(768, 12, 12), _vit(1024, 24, 16), _vit(1280, 32, 16)
_J_LARGE, _J_HUGE = _vjepa2(1024, 24, 16), _vjepa2(1280, 32, 16)
_J_GIANT = _vjepa2(1408, 40, 22, 48 / 11)
_J1_BASE, _J1_LARGE = _vjepa21(768, 12, 12, 3072), _vjepa21(1024, 24, 16, 4096)
_J1_GIANT, _J1_GIGANTIC = _vjepa21(1408, 40, 22, 6144), _vjepa21(1664, 48, 26, 8192)
_PATCH_32, _PATCH_14 = {**_BASE, "patch_size": 32}, {**_LARGE, "patch_size": 14}
# fmt: off
_ROWS: tuple[tuple[str, str, str, int, int, Mapping[str, Any]], ...] = (
    # name                family         weights                                     frames  size
    ("bgs-tiny",           "videomae",    SHIPPED,                                       12,  64, {}),
    ("vjepa2-large",       "vjepa2",      "facebook/vjepa2-vitl-fpc64-256",              16, 256, _J_LARGE),
    ("vjepa2-huge",        "vjepa2",      "facebook/vjepa2-vith-fpc64-256",              16, 256, _J_HUGE),
    ("vjepa2-giant",       "vjepa2",      "facebook/vjepa2-vitg-fpc64-256",              16, 256, _J_GIANT),
    ("vjepa2-giant-384",   "vjepa2",      "facebook/vjepa2-vitg-fpc64-384",              16, 384, _J_GIANT),
    ("vjepa2.1-base",      "vjepa2.1",    "vjepa2_1_vitb_dist_vitG_384.pt",              16, 384, _J1_BASE),
    ("vjepa2.1-large",     "vjepa2.1",    "vjepa2_1_vitl_dist_vitG_384.pt",              16, 384, _J1_LARGE),
    ("vjepa2.1-giant",     "vjepa2.1",    "vjepa2_1_vitg_384.pt",                        16, 384, _J1_GIANT),
    ("vjepa2.1-gigantic",  "vjepa2.1",    "vjepa2_1_vitG_384.pt",                        16, 384, _J1_GIGANTIC),
    ("timesformer",        "timesformer", "facebook/timesformer-base-finetuned-k400",     8, 224, _BASE),
    ("timesformer-k600",   "timesformer", "facebook/timesformer-base-finetuned-k600",     8, 224, _BASE),
    ("timesformer-ssv2",   "timesformer", "facebook/timesformer-base-finetuned-ssv2",     8, 224, _BASE),
    ("timesformer-hr",     "timesformer", "facebook/timesformer-hr-finetuned-k400",      16, 448, _BASE),
    ("videomae",           "videomae",    "MCG-NJU/videomae-base",                       16, 224, _BASE),
    ("videomae-finetuned", "videomae",    "MCG-NJU/videomae-base-finetuned-kinetics",    16, 224, _BASE),
    ("videomae-large",     "videomae",    "MCG-NJU/videomae-large",                      16, 224, _LARGE),
    ("videomae-huge",      "videomae",    "MCG-NJU/videomae-huge-finetuned-kinetics",    16, 224, _HUGE),
    ("clip",               "clip",        "openai/clip-vit-base-patch32",                 8, 224, _PATCH_32),
    ("clip-large",         "clip",        "openai/clip-vit-large-patch14",                8, 224, _PATCH_14),
    ("siglip",             "siglip",      "google/siglip-base-patch16-224",               8, 224, _BASE),
)
# fmt: on
CATALOGUE = {row[0]: NamedBackbone(*row) for row in _ROWS}
