"""V-JEPA 2.1 weights in Meta's .pt format: found, checked, opened, and written again.

    {"ema_encoder" | "target_encoder": {"module.backbone." + key: tensor}, ...}

Only tensors are unpickled. The architecture is read from the shapes; heads leave no trace in them, so the
published 64 channels a head are taken unless the file or the caller says otherwise.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bgs.backbones.huggingface import LoadRequest
from bgs.backbones.vjepa21 import Vjepa21Architecture, Vjepa21Encoder
from bgs.errors import BackboneError

ENCODERS = ("ema_encoder", "target_encoder")
PREFIX = "module.backbone."
ARCHITECTURE_KEY = "bgs_architecture"  # in files we write; others lack it
PUBLISHED_HEAD_DIM = 64
DOWNLOAD = "download an encoder from dl.fbaipublicfiles.com/vjepa2 and give its path"


def find_checkpoint(request: LoadRequest) -> Path:
    """The local file, downloaded if need be; it must fit a checksum that is given."""
    if request.source.startswith(("http://", "https://")):
        return _download(request.source, request.sha256)
    file = Path(request.source)
    if not file.is_file():
        raise BackboneError(
            f"{request.name!r} needs the file {str(file)!r}, which does not exist", remedy=DOWNLOAD
        )
    if request.sha256 is not None:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != request.sha256.lower():
            raise BackboneError(
                f"sha256 is {found}, not {request.sha256}", remedy="download it again", file=file
            )
    return file


def read_checkpoint(file: Path, *, num_heads: int | None = None) -> Vjepa21Encoder:
    """The encoder of a file; every weight must be there and no other."""
    content = _read_tensors(file)
    key = next((key for key in ENCODERS if key in content), None)
    if key is None:
        raise BackboneError(f"no {' or '.join(ENCODERS)} inside", remedy=DOWNLOAD, file=file)
    weights = {name.removeprefix(PREFIX): weight for name, weight in content[key].items()}
    recorded = content.get(ARCHITECTURE_KEY)
    if recorded is not None:
        architecture = Vjepa21Architecture(
            **{**recorded, "out_layers": tuple(recorded["out_layers"])}
        )
    else:
        architecture = _infer_architecture(weights, num_heads, file)
    with torch.device("meta"):  # no memory until the file's own tensors take the places
        encoder = Vjepa21Encoder(architecture)
    _check_weights(weights, encoder.state_dict(), file)
    encoder.load_state_dict(weights, assign=True)
    return encoder


def write_checkpoint(encoder: Vjepa21Encoder, file: Path) -> None:
    """The encoder as Meta writes it, with its architecture beside it."""
    weights = {PREFIX + key: value.detach().cpu() for key, value in encoder.state_dict().items()}
    draft = file.with_name(file.name + ".part")
    torch.save({ENCODERS[0]: weights, ARCHITECTURE_KEY: asdict(encoder.architecture)}, draft)
    os.replace(draft, file)  # the old file may still be mapped as somebody's weights


def out_layers_of(depth: int) -> tuple[int, ...]:
    """The layers with norms of their own: every quarter of the depth, save for the published gigantic."""
    if depth == 48:
        return (11, 23, 37, 47)
    return tuple(sorted({max(depth * quarter // 4 - 1, 0) for quarter in (1, 2, 3, 4)}))


def _download(url: str, sha256: str | None) -> Path:
    """A file from a URL, kept in the cache; a checksum must be given and must fit."""
    if sha256 is None:
        raise BackboneError(
            f"no checksum for {url}",
            remedy="give sha256=..., or download the file and give its path",
        )
    import pooch

    try:
        path = pooch.retrieve(
            url, known_hash=f"sha256:{sha256}", path=pooch.os_cache("bgs") / "weights"
        )
    except (ValueError, OSError) as error:
        raise BackboneError(
            f"{url} could not be downloaded whole ({' '.join(str(error).split())[:200]})",
            remedy="check the address, the checksum and the connection",
        ) from error
    return Path(path)


def _read_tensors(file: Path) -> Mapping[str, Any]:
    """The file's content with `weights_only`: a pickle that would run code is refused."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise BackboneError(
            "the file is a pickle that holds code, or is damaged",
            remedy="use a checkpoint of plain tensors",
            file=file,
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise BackboneError(
            f"damaged or cut short ({' '.join(str(error).split())[:200]})",
            remedy="download it again",
            file=file,
        ) from error
    if not isinstance(content, dict):
        raise BackboneError(
            f"holds a {type(content).__name__}, not a dict", remedy=DOWNLOAD, file=file
        )
    return content


def _infer_architecture(
    weights: Mapping[str, Tensor], num_heads: int | None, file: Path
) -> Vjepa21Architecture:
    found = [re.match(r"blocks\.(\d+)\.", name) for name in weights]
    depth = 1 + max((int(match[1]) for match in found if match), default=-1)
    projection = weights.get("patch_embed.proj.weight")  # (dim, 3, tubelet, patch, patch)
    hidden = weights.get("blocks.0.mlp.fc1.weight")  # (mlp_dim, dim)
    if projection is None or hidden is None:
        raise BackboneError("no V-JEPA 2.1 encoder inside", remedy=DOWNLOAD, file=file)
    dim = projection.shape[0]
    if num_heads is None and dim % PUBLISHED_HEAD_DIM:
        raise BackboneError(
            f"a width of {dim} is none of the published sizes, so its heads are unknown",
            remedy="give num_heads",
            file=file,
        )
    heads = num_heads or dim // PUBLISHED_HEAD_DIM
    if dim % heads:
        raise BackboneError(
            f"a width of {dim} cannot be split into {heads} heads",
            remedy="give num_heads that divide it",
            file=file,
        )
    return Vjepa21Architecture(
        dim=dim,
        depth=depth,
        num_heads=heads,
        mlp_dim=hidden.shape[0],
        out_layers=out_layers_of(depth),
        patch_size=projection.shape[3],
        tubelet_size=projection.shape[2],
    )


def _check_weights(
    weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], file: Path
) -> None:
    shared = expected.keys() & weights.keys()
    problems = {
        "lacks": expected.keys() - weights.keys(),
        "has unknown": weights.keys() - expected.keys(),
        "has misshapen": {key for key in shared if expected[key].shape != weights[key].shape},
    }
    for what, keys in problems.items():
        if keys:
            raise BackboneError(
                f"the checkpoint {what} {len(keys)} weights, the first {min(keys)!r}",
                remedy="use a complete V-JEPA 2.1 encoder",
                file=file,
            )
