"""Opening models that transformers knows: strictly, safely, and quietly.

`from_pretrained` starts any weight it does not find at random and drops any it does not expect, with a warning.
Here each family lists what a checkpoint may hold beyond the encoder, and everything else is an error.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging
from transformers.utils.hub import cached_file

from bgs.backbones.contract import Pooling
from bgs.backbones.seeding import seeded
from bgs.errors import BackboneError
from bgs.frame_spec import FrameSpec, Interpolation

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PREPROCESSORS = ("preprocessor_config.json", "video_preprocessor_config.json")


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What was asked of `load_backbone`, after the name has been looked up."""

    name: str  # as the user wrote it
    source: str  # an id, a folder or a file
    base_id: str  # what finds it again
    revision: str | None = None
    dtype: str = "float32"
    pooling: Pooling | None = None
    random_init: bool = False
    seed: int = 0
    num_frames: int | None = None
    image_size: int | tuple[int, int] | None = None
    num_heads: int | None = None
    sha256: str | None = None
    # Of a registered name: spares random weights a look at the network.
    architecture: Mapping[str, Any] | None = None

    def options(self) -> dict[str, Any]:
        """What `load_backbone` was given beyond the name, to be given again when a saved model is loaded."""
        keys = ("dtype", "random_init", "seed", "num_frames", "num_heads", "sha256")
        options = {
            key: getattr(self, key) for key in keys if getattr(self, key) not in (None, False)
        }
        if self.image_size is not None:  # as JSON gives it back
            options["image_size"] = list(as_pair(self.image_size))
        return options


def open_config(request: LoadRequest) -> PreTrainedConfig:
    """The model's config: that of a registered name, or config.json from a folder, the cache or the hub."""
    if request.architecture is not None:
        return AutoConfig.for_model(**request.architecture)
    with _mistakes_of(request):
        return AutoConfig.from_pretrained(request.source, revision=request.revision)


def build_encoder(
    model_class: type[PreTrainedModel],
    config: PreTrainedConfig,
    request: LoadRequest,
    *,
    ignorable: tuple[str, ...],
    renamed: Mapping[str, str] | None = None,
) -> PreTrainedModel:
    """The bare encoder with its weights, or with seeded random ones; keys that begin with `ignorable` may be there.

    `renamed` are patterns of keys and what stands for them, where an encoder is part of a larger checkpoint.
    """
    dtype = DTYPES[request.dtype]
    if request.random_init:
        with seeded(request.seed):
            return cast(PreTrainedModel, model_class(config).eval().to(dtype=dtype))
    open_pretrained: Any = model_class.from_pretrained  # its types leave out the loading info
    with _mistakes_of(request), quiet():
        encoder, found = open_pretrained(
            request.source,
            config=config,
            revision=request.revision,
            dtype=dtype,
            output_loading_info=True,
            key_mapping=None if renamed is None else dict(renamed),
            ignore_mismatched_sizes=True,  # told apart and refused below
        )
    _check_keys(found, request, ignorable)
    return cast(PreTrainedModel, encoder.eval())


def read_preprocessor(request: LoadRequest) -> dict[str, Any]:
    """The preprocessor settings that came with the weights; empty where there are none."""
    if request.architecture is not None:
        return {}
    for name in PREPROCESSORS:
        with _mistakes_of(request):
            path = cached_file(
                request.source,
                name,
                revision=request.revision,
                _raise_exceptions_for_missing_entries=False,
            )
        if path is not None:
            return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    return {}


def make_frame_spec(
    preprocessor: Mapping[str, Any],
    *,
    num_frames: int,
    size: tuple[int, int],
    short_side: int | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> FrameSpec:
    """Frames as the weights expect them: the preprocessor's word, then the family's default."""
    edges = preprocessor.get("size")
    edge = edges.get("shortest_edge") if isinstance(edges, Mapping) else None
    resample: Interpolation = "bicubic" if preprocessor.get("resample") == 3 else "bilinear"
    statistics = {
        "mean": preprocessor.get("image_mean", mean),
        "std": preprocessor.get("image_std", std),
    }
    return FrameSpec(
        num_frames=num_frames,
        height=size[0],
        width=size[1],
        resize_short_side=max(edge or short_side or min(size), min(size)),
        interpolation=resample,
        **{key: tuple(value) for key, value in statistics.items() if value is not None},  # type: ignore[arg-type]
    )


def as_pair(size: int | list[int] | tuple[int, ...]) -> tuple[int, int]:
    """A config writes a square as one number."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def check_multiple(name: str, value: int, step: int) -> None:
    """A clip or picture that patches do not tile would lose its edge silently."""
    if value % step:
        raise BackboneError(
            f"{name} is {value} but patches span {step}", remedy=f"use a multiple of {step}"
        )


def refuse_image_size(request: LoadRequest, size: int | list[int] | tuple[int, int]) -> None:
    """For families whose position embedding is learnt at one size."""
    if request.image_size is not None and as_pair(request.image_size) != as_pair(size):
        raise BackboneError(
            f"image_size {request.image_size} asked of {request.name!r}, which takes {size} only",
            remedy="leave image_size out",
        )


def commit_of(config: PreTrainedConfig, request: LoadRequest) -> str | None:
    """The exact revision that was read, where the hub told it."""
    return getattr(config, "_commit_hash", None) or request.revision


def blocks_at(encoder: nn.Module, path: str) -> nn.ModuleList:
    """The list of layers at a dotted path."""
    blocks = encoder.get_submodule(path)
    if not isinstance(blocks, nn.ModuleList):
        raise TypeError(
            f"{path} of {type(encoder).__name__} is {type(blocks).__name__}, not a list of layers"
        )
    return blocks


def _check_keys(found: Mapping[str, Any], request: LoadRequest, ignorable: tuple[str, ...]) -> None:
    unexpected = sorted(key for key in found["unexpected_keys"] if not key.startswith(ignorable))
    mismatched = sorted(key for key, *_ in found["mismatched_keys"])
    for what, keys in (
        ("lacks", sorted(found["missing_keys"])), ("has unknown", unexpected), ("has misshapen", mismatched)
    ):  # fmt: skip
        if keys:
            raise BackboneError(
                f"the checkpoint {what} {len(keys)} weights, the first {keys[0]!r}",
                remedy="use a checkpoint of this architecture, complete and unrenamed",
                file=request.source,
            )


@contextmanager
def _mistakes_of(request: LoadRequest) -> Iterator[None]:
    """Say in one line what went wrong while a model was opened."""
    try:
        yield
    except (SafetensorError, EOFError) as error:
        raise BackboneError(
            f"the weights are damaged or cut short ({error})",
            remedy="download them again",
            file=request.source,
        ) from error
    except pickle.UnpicklingError as error:
        raise BackboneError(
            "the weights are a pickle that holds code, or is damaged",
            remedy="use safetensors, or a checkpoint of plain tensors",
            file=request.source,
        ) from error
    except (OSError, ValueError, RuntimeError, StrictDataclassError) as error:
        raise BackboneError(
            f"{request.source!r} could not be loaded ({' '.join(str(error).split())[:300]})",
            remedy="check the id or folder and the connection; `bgs backbones` lists the known names",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """No warning about keys that are checked here, no progress bar inside ours."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
