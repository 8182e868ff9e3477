"""Names, ids, folders and files -> a backbone.

A family is added by one file and one line in `_FAMILIES`; a name by one line in `_NAMES`.
torch and transformers are imported only when a backbone is opened, so that listing names is instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from bgs.errors import BackboneError

if TYPE_CHECKING:
    from bgs.backbones.contract import Backbone

# transformers' model_type -> the function that opens it
_FAMILIES = {
    "videomae": "bgs.backbones.videomae:open_videomae",
    "vjepa2": "bgs.backbones.vjepa2:open_vjepa2",
    "timesformer": "bgs.backbones.timesformer:open_timesformer",
    "clip": "bgs.backbones.clip:open_clip",
    "clip_vision_model": "bgs.backbones.clip:open_clip",
    "siglip": "bgs.backbones.clip:open_clip",
    "siglip_vision_model": "bgs.backbones.clip:open_clip",
    "vjepa2.1": "bgs.backbones.vjepa21_backbone:open_vjepa21",
}

_VISION_TOWERS = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}


@dataclass(frozen=True, kw_only=True)
class NamedBackbone:
    """A row of `bgs backbones`: a short name for published weights."""

    name: str
    family: str
    weights: str  # an id, "shipped", or the file to download
    num_frames: int
    image_size: int
    architecture: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def obtained(self) -> str:
        """Where its weights come from, in words."""
        if self.weights == "shipped":
            return "ships with bgs"
        if self.family == "vjepa2.1":
            return f"download {self.weights} from dl.fbaipublicfiles.com/vjepa2, then give its path"
        return f"Hugging Face {self.weights}"

    def to_dict(self) -> dict[str, object]:
        """Plain values for `bgs backbones --json`."""
        return {
            "name": self.name, "family": self.family, "weights": self.weights, "obtained": self.obtained,
            "num_frames": self.num_frames, "image_size": self.image_size,
        }  # fmt: skip


def _row(
    name: str, family: str, weights: str, frames: int, size: int, **architecture: Any
) -> NamedBackbone:
    return NamedBackbone(
        name=name, family=family, weights=weights, num_frames=frames, image_size=size,
        architecture=MappingProxyType(architecture),
    )  # fmt: skip


def _sizes(width: int, layers: int, heads: int, mlp: int | None = None) -> dict[str, int]:
    """The numbers of a ViT as transformers' configs name them."""
    return {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": mlp or 4 * width,
    }


def _vjepa2(
    size: str, frames_id: str, image_size: int, *sizes: int, mlp_ratio: float = 4.0
) -> NamedBackbone:
    width, layers, heads = sizes
    return _row(
        f"vjepa2-{size}", "vjepa2", f"facebook/vjepa2-{frames_id}", 16, image_size,
        model_type="vjepa2", crop_size=image_size, hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=heads, mlp_ratio=mlp_ratio,
    )  # fmt: skip


def _vjepa21(size: str, file: str, dim: int, depth: int, heads: int, mlp: int) -> NamedBackbone:
    return _row(
        f"vjepa2.1-{size}",
        "vjepa2.1",
        file,
        16,
        384,
        dim=dim,
        depth=depth,
        num_heads=heads,
        mlp_dim=mlp,
    )


_B, _L, _H = _sizes(768, 12, 12), _sizes(1024, 24, 16), _sizes(1280, 32, 16)
_ROWS = (
    _row("bgs-tiny", "videomae", "shipped", 12, 64),
    _vjepa2("large", "vitl-fpc64-256", 256, 1024, 24, 16),
    _vjepa2("huge", "vith-fpc64-256", 256, 1280, 32, 16),
    _vjepa2("giant", "vitg-fpc64-256", 256, 1408, 40, 22, mlp_ratio=48 / 11),
    _vjepa2("giant-384", "vitg-fpc64-384", 384, 1408, 40, 22, mlp_ratio=48 / 11),
    _vjepa21("base", "vjepa2_1_vitb_dist_vitG_384.pt", 768, 12, 12, 3072),
    _vjepa21("large", "vjepa2_1_vitl_dist_vitG_384.pt", 1024, 24, 16, 4096),
    _vjepa21("giant", "vjepa2_1_vitg_384.pt", 1408, 40, 22, 6144),
    _vjepa21("gigantic", "vjepa2_1_vitG_384.pt", 1664, 48, 26, 8192),
    _row("timesformer", "timesformer", "facebook/timesformer-base-finetuned-k400", 8, 224, **_B),
    _row(
        "timesformer-k600", "timesformer", "facebook/timesformer-base-finetuned-k600", 8, 224, **_B
    ),
    _row(
        "timesformer-ssv2", "timesformer", "facebook/timesformer-base-finetuned-ssv2", 8, 224, **_B
    ),
    _row("timesformer-hr", "timesformer", "facebook/timesformer-hr-finetuned-k400", 16, 448, **_B),
    _row("videomae", "videomae", "MCG-NJU/videomae-base", 16, 224, **_B),
    _row("videomae-large", "videomae", "MCG-NJU/videomae-large", 16, 224, **_L),
    _row("videomae-huge", "videomae", "MCG-NJU/videomae-huge-finetuned-kinetics", 16, 224, **_H),
    _row(
        "videomae-finetuned", "videomae", "MCG-NJU/videomae-base-finetuned-kinetics", 16, 224, **_B
    ),
    _row("clip", "clip", "openai/clip-vit-base-patch32", 8, 224, patch_size=32, **_B),
    _row("clip-large", "clip", "openai/clip-vit-large-patch14", 8, 224, patch_size=14, **_L),
    _row("siglip", "siglip", "google/siglip-base-patch16-224", 8, 224, patch_size=16, **_B),
)
_NAMES = {row.name: row for row in _ROWS}


def list_backbones() -> tuple[dict[str, object], ...]:
    """Every name `load_backbone` knows by heart, as rows for `bgs backbones`."""
    return tuple(row.to_dict() for row in _ROWS)


def load_backbone(
    name_or_path: str | Path,
    *,
    revision: str | None = None,
    dtype: Literal["float32", "bfloat16", "float16"] = "float32",
    pooling: Literal["mean", "cls"] | None = None,
    random_init: bool = False,
    seed: int = 0,
    num_frames: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    num_heads: int | None = None,
    sha256: str | None = None,
) -> Backbone:
    """A frozen backbone from a name of `list_backbones`, a Hugging Face id, a folder, or a V-JEPA 2.1 .pt file or URL.

    `random_init` builds the architecture with weights drawn from `seed`: a control, and a test without downloads.
    `num_frames` and `image_size` re-configure families that allow it and are refused by those that do not.
    `num_heads` is for V-JEPA 2.1 files of unpublished sizes; `sha256` is required with a URL.
    """
    from bgs.backbones.huggingface import DTYPES, LoadRequest, open_config

    if dtype not in DTYPES:
        raise BackboneError(f"dtype is {dtype!r}", remedy=f"use one of {', '.join(DTYPES)}")
    name = str(name_or_path)
    row = _NAMES.get(name)
    request = LoadRequest(
        name=name, source=_source(name, row), base_id=_base_id(name, row, random_init), revision=revision,
        dtype=dtype, pooling=pooling, random_init=random_init, seed=seed, num_frames=num_frames,
        image_size=image_size, num_heads=num_heads, sha256=sha256,
        architecture=_architecture(row) if random_init else None,
    )  # fmt: skip
    if row is not None:
        return _opener(row.family)(request)
    if name.endswith((".pt", ".pth")):
        return _opener("vjepa2.1")(request)
    _check_exists(name)
    config = open_config(request)
    if config.model_type not in _FAMILIES:
        raise BackboneError(
            f"{name!r} is a {config.model_type!r} model, of which there is no backbone",
            remedy=f"use one of the families {', '.join(dict.fromkeys(_FAMILIES))}",
        )
    return _opener(config.model_type)(request)


def _source(name: str, row: NamedBackbone | None) -> str:
    if row is None:
        return name
    return str(files("bgs.backbones") / "tiny") if row.weights == "shipped" else row.weights


def _base_id(name: str, row: NamedBackbone | None, random_init: bool) -> str:
    """What finds the same weights from anywhere: a name of ours, an id, or an absolute path."""
    if row is not None:
        return (
            name
            if random_init or row.weights == "shipped" or row.family == "vjepa2.1"
            else row.weights
        )
    return str(Path(name).resolve()) if Path(name).exists() else name


def _architecture(row: NamedBackbone | None) -> dict[str, Any] | None:
    """The config of a name without a look at the network, unless it ships with one."""
    if row is None or row.weights == "shipped":
        return None
    if row.family in ("vjepa2", "vjepa2.1"):
        return dict(row.architecture)
    picture: dict[str, Any] = {"image_size": row.image_size}
    if row.family in _VISION_TOWERS:
        return {"model_type": _VISION_TOWERS[row.family], **picture, **row.architecture}
    return {"model_type": row.family, "num_frames": row.num_frames, **picture, **row.architecture}


def _check_exists(name: str) -> None:
    """Tell a mistyped path or name from a Hugging Face id before any network is touched."""
    if Path(name).is_dir():
        return
    is_id = name.count("/") == 1 and not name.startswith(("/", ".", "~"))
    if not is_id:
        raise BackboneError(
            f"unknown backbone {name!r}: no such name, folder or Hugging Face id",
            remedy=f"use one of {', '.join(_NAMES)}, an id such as MCG-NJU/videomae-base, or a folder",
        )


def _opener(family: str) -> Any:
    module, function = _FAMILIES[family].split(":")
    return getattr(import_module(module), function)
