"""Names, ids, folders and files -> a backbone.

A family is added by one file and one line in `_FAMILIES`; a name by one line in `catalogue.py`.
torch and transformers are imported only when a backbone is opened, so that listing names is instant.
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bgs.backbones.catalogue import CATALOGUE, SHIPPED, NamedBackbone
from bgs.backbones.reach import check_reachable
from bgs.errors import BackboneError

if TYPE_CHECKING:
    from bgs.backbones.contract import Backbone

RANDOM = "random:"  # before a name: its architecture without its weights
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
    # Vision-language models, of which the tower is read.
    "llava": "bgs.backbones.clip:open_clip",
    "vipllava": "bgs.backbones.clip:open_clip",
    "llava_next": "bgs.backbones.clip:open_clip",
    "llava_onevision": "bgs.backbones.clip:open_clip",
    "paligemma": "bgs.backbones.clip:open_clip",
    "gemma3": "bgs.backbones.clip:open_clip",
}


def list_backbones() -> tuple[dict[str, object], ...]:
    """Every name `load_backbone` knows by heart, as rows for `bgs backbones`."""
    return tuple(row.to_dict() for row in CATALOGUE.values())


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

    `random_init`, or `random:` before the name, builds the architecture with weights drawn from `seed`: a control.
    `num_frames` and `image_size` re-configure families that allow it and are refused by those that do not.
    `num_heads` is for V-JEPA 2.1 files of unpublished sizes; `sha256` is required with a URL.
    """
    from bgs.backbones.huggingface import DTYPES, LoadRequest, open_config

    if dtype not in DTYPES:
        raise BackboneError(f"dtype is {dtype!r}", remedy=f"use one of {', '.join(DTYPES)}")
    name = str(name_or_path)
    if name.startswith(RANDOM):
        name, random_init = name.removeprefix(RANDOM), True
    row = CATALOGUE.get(name)
    request = LoadRequest(
        name=name, source=_source(name, row), base_id=_base_id(name, row, random_init), revision=revision,
        dtype=dtype, pooling=pooling, random_init=random_init, seed=seed, num_frames=num_frames,
        image_size=image_size, num_heads=num_heads, sha256=sha256,
        architecture=row.architecture if row is not None and random_init else None,
    )  # fmt: skip
    if row is not None:
        if request.architecture is None and row.family != "vjepa2.1":
            check_reachable(request.source)
        return _opener(row.family)(request)
    if name.endswith((".pt", ".pth")):
        return _opener("vjepa2.1")(request)
    _check_exists(name)
    check_reachable(name)
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
    return str(files("bgs.backbones") / "tiny") if row.weights == SHIPPED else row.weights


def _base_id(name: str, row: NamedBackbone | None, random_init: bool) -> str:
    """What finds the same weights from anywhere: a name of ours, an id, or an absolute path."""
    if row is not None:
        ours = random_init or row.weights == SHIPPED or row.family == "vjepa2.1"
        return name if ours else row.weights
    return str(Path(name).resolve()) if Path(name).exists() else name


def _check_exists(name: str) -> None:
    """Tell a mistyped path or name from a Hugging Face id before any network is touched."""
    if Path(name).is_dir():
        return
    is_id = name.count("/") == 1 and not name.startswith(("/", ".", "~"))
    if not is_id:
        raise BackboneError(
            f"unknown backbone {name!r}: no such name, folder or Hugging Face id",
            remedy=f"use one of {', '.join(CATALOGUE)}, an id such as MCG-NJU/videomae-base, or a folder",
        )


def _opener(family: str) -> Any:
    module, function = _FAMILIES[family].split(":")
    return getattr(import_module(module), function)
