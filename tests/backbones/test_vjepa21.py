"""V-JEPA 2.1: the reference's numbers, every shape it must hold for, and files that are not what they seem."""

from __future__ import annotations

import hashlib
import math
import pickle
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bgs.backbones.registry import load_backbone
from bgs.backbones.vjepa21 import (
    Attention,
    Vjepa21Architecture,
    Vjepa21Encoder,
    make_rotation,
    rotate,
)
from bgs.backbones.vjepa21_checkpoint import out_layers_of, read_checkpoint, write_checkpoint
from bgs.errors import BackboneError


class RunsCode:
    """What a hostile checkpoint holds."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code ran",))


def make_encoder(*, depth: int = 4, dim: int = 32, heads: int = 2, mlp: int = 40) -> Vjepa21Encoder:
    torch.manual_seed(0)
    encoder = Vjepa21Encoder(
        Vjepa21Architecture(
            dim=dim, depth=depth, num_heads=heads, mlp_dim=mlp, out_layers=out_layers_of(depth)
        )
    )
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return encoder.eval()


@pytest.mark.parametrize("kind", ["video", "image"])
def test_reference_outputs_are_reproduced(shared_data: Path, kind: str) -> None:
    folder = shared_data / "vjepa21"
    encoder = read_checkpoint(folder / "vjepa21_tiny_ema.pt", num_heads=2).eval()
    reference = load_file(folder / "vjepa21_tiny_ema.safetensors")
    with torch.no_grad():
        last = encoder(reference[f"{kind}.input"])
        hierarchical = encoder.forward_hierarchical(reference[f"{kind}.input"])
    assert (last - reference[f"{kind}.last"]).abs().max() < 1e-5
    assert (hierarchical - reference[f"{kind}.hierarchical"]).abs().max() < 1e-5


def test_the_reference_file_opens_as_a_backbone(shared_data: Path) -> None:
    file = shared_data / "vjepa21" / "vjepa21_tiny_ema.pt"
    reference = load_file(file.with_suffix(".safetensors"))
    backbone = load_backbone(file, num_heads=2, num_frames=4, image_size=64)
    pixels = reference["video.input"].transpose(1, 2)  # (clips, frames, 3, height, width)
    torch.testing.assert_close(backbone.encode(pixels), reference["video.last"], atol=1e-5, rtol=0)
    assert backbone.encode_hierarchical(pixels).shape == (2, 32, 4 * 48)  # type: ignore[operator]
    with pytest.raises(BackboneError) as caught:
        load_backbone(file)
    assert str(caught.value) == (
        f"{file}: a width of 48 is none of the published sizes, so its heads are unknown; give num_heads"
    )
    with pytest.raises(BackboneError) as caught:
        load_backbone(file, num_heads=7)
    assert str(caught.value) == (
        f"{file}: a width of 48 cannot be split into 7 heads; give num_heads that divide it"
    )


@pytest.mark.parametrize(
    ("dim", "heads"),
    [(24, 1), (24, 2), (24, 3), (26, 2), (20, 2), (22, 1), (30, 2), (18, 2), (16, 8), (40, 1)],
)
@pytest.mark.parametrize("shape", [(2, 32, 48), (6, 48, 16), (1, 32, 32), (4, 16, 16)])
def test_it_equals_a_naive_reading_of_the_facts(
    dim: int, heads: int, shape: tuple[int, int, int]
) -> None:
    frames, height, width = shape
    encoder = make_encoder(depth=2, dim=dim, heads=heads)
    pixels = torch.randn(2, 3, frames, height, width)
    with torch.no_grad():
        torch.testing.assert_close(
            encoder(pixels), _naive_forward(encoder, pixels), atol=2e-5, rtol=1e-4
        )


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8, 12])
def test_any_depth_runs(depth: int) -> None:
    encoder = make_encoder(depth=depth)
    pixels = torch.randn(1, 3, 2, 32, 32)
    assert encoder(pixels).shape == (1, 4, 32)
    hierarchical = encoder.forward_hierarchical(pixels)
    assert hierarchical.shape == (1, 4, 32 * min(depth, 4))
    assert torch.equal(hierarchical[..., -32:], encoder(pixels))


def test_the_norms_of_the_published_sizes_sit_where_they_should() -> None:
    assert out_layers_of(12) == (2, 5, 8, 11)
    assert out_layers_of(24) == (5, 11, 17, 23)
    assert out_layers_of(40) == (9, 19, 29, 39)
    assert out_layers_of(48) == (11, 23, 37, 47)


def test_rotation_keeps_lengths_and_leaves_the_rest_alone() -> None:
    rotation = make_rotation((2, 3, 3), head_dim=17)  # 4 + 4 + 4 rotated, 5 left over
    assert rotation.shape == (18, 8)
    x = torch.randn(5, 18, 17)
    turned = rotate(x, rotation)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[..., 12:], x[..., 12:])
    assert torch.equal(turned[:, 0], x[:, 0])  # the first token sits at the origin
    assert not torch.allclose(turned[:, 17, :12], x[:, 17, :12])


def test_eager_attention_equals_the_fused_one() -> None:
    attention = Attention(
        Vjepa21Architecture(dim=24, depth=1, num_heads=2, mlp_dim=8, out_layers=(0,))
    )
    hidden, rotation = torch.randn(2, 8, 24), make_rotation((2, 2, 2), head_dim=12)
    fused, nothing = attention(hidden, rotation)
    attention.eager = True
    eager, weights = attention(hidden, rotation)
    assert nothing is None
    assert weights.shape == (2, 2, 8, 8)
    torch.testing.assert_close(eager, fused, atol=1e-6, rtol=1e-5)


def test_a_written_checkpoint_reads_back_with_its_heads(tmp_path: Path) -> None:
    encoder = make_encoder(heads=4)
    write_checkpoint(encoder, tmp_path / "mine.pt")
    again = read_checkpoint(tmp_path / "mine.pt")
    assert again.architecture == encoder.architecture
    for key, tensor in encoder.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor)
    raw = torch.load(tmp_path / "mine.pt", weights_only=True)
    assert all(key.startswith("module.backbone.") for key in raw["ema_encoder"])


def test_heads_of_published_widths_need_not_be_told(tmp_path: Path) -> None:
    encoder = make_encoder(dim=128, heads=2)
    weights = {f"module.backbone.{k}": v for k, v in encoder.state_dict().items()}
    torch.save({"target_encoder": weights, "epoch": 3}, tmp_path / "giant.pt")
    assert read_checkpoint(tmp_path / "giant.pt").architecture == encoder.architecture


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "the checkpoint lacks 1 weights, the first 'norms_block.3.bias'"),
        ("extra", "the checkpoint has unknown 1 weights, the first 'pos_embed'"),
        ("renamed", "the checkpoint lacks 1 weights, the first 'norms_block.3.bias'"),
        ("misshapen", "the checkpoint has misshapen 1 weights, the first 'norms_block.3.bias'"),
    ],
)
def test_every_wrong_key_is_an_error(tmp_path: Path, fault: str, message: str) -> None:
    file = tmp_path / "wrong.pt"
    write_checkpoint(make_encoder(), file)
    content = torch.load(file, weights_only=True)
    weights, key = content["ema_encoder"], "module.backbone.norms_block.3.bias"
    if fault == "extra":
        weights["module.backbone.pos_embed"] = torch.zeros(1)
    elif fault == "misshapen":
        weights[key] = torch.zeros(5)
    else:
        tensor = weights.pop(key)
        if fault == "renamed":
            weights["module.backbone.norm.bias"] = tensor
    torch.save(content, file)
    with pytest.raises(BackboneError) as caught:
        read_checkpoint(file)
    assert str(caught.value) == f"{file}: {message}; use a complete V-JEPA 2.1 encoder"


def test_files_that_are_no_checkpoint_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.pt"
    torch.save({"ema_encoder": RunsCode()}, file, pickle_module=pickle)
    with pytest.raises(BackboneError, match="a pickle that holds code, or is damaged"):
        read_checkpoint(file)
    assert "code ran" not in capsys.readouterr().out
    write_checkpoint(make_encoder(), file)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BackboneError, match="damaged or cut short"):
        read_checkpoint(file)
    for content, message in (
        ([1], "holds a list, not a dict"),
        ({"model": {}}, "no ema_encoder or target_encoder inside"),
        ({"ema_encoder": {"weight": torch.zeros(1)}}, "no V-JEPA 2.1 encoder inside"),
    ):
        torch.save(content, file)
        with pytest.raises(BackboneError) as caught:
            read_checkpoint(file)
        assert str(caught.value) == (
            f"{file}: {message}; download an encoder from dl.fbaipublicfiles.com/vjepa2 and give its path"
        )


def test_a_name_without_its_file_says_what_to_download() -> None:
    with pytest.raises(BackboneError) as caught:
        load_backbone("vjepa2.1-base")
    assert str(caught.value) == (
        "'vjepa2.1-base' needs the file 'vjepa2_1_vitb_dist_vitG_384.pt', which does not exist; "
        "download an encoder from dl.fbaipublicfiles.com/vjepa2 and give its path"
    )
    with pytest.raises(BackboneError) as caught:
        load_backbone("mine.pt", random_init=True)
    assert str(caught.value) == (
        "'mine.pt' is a file of weights, not an architecture; use random_init with a name such as vjepa2.1-base"
    )


def test_a_checksum_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "mine.pt"
    write_checkpoint(make_encoder(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert load_backbone(file, sha256=digest, image_size=32).spec.load_options["sha256"] == digest
    with pytest.raises(BackboneError) as caught:
        load_backbone(file, sha256="0" * 64)
    assert str(caught.value) == f"{file}: sha256 is {digest}, not {'0' * 64}; download it again"


def test_a_url_needs_a_checksum_and_a_whole_download(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    file = folder / "mine.pt"
    write_checkpoint(make_encoder(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    url = f"{address}/mine.pt"
    with pytest.raises(BackboneError) as caught:
        load_backbone(url)
    assert str(caught.value) == (
        f"no checksum for {url}; give sha256=..., or download the file and give its path"
    )
    backbone = load_backbone(url, sha256=digest, image_size=32, num_frames=2)
    assert backbone.spec.base_id == url
    assert backbone.spec.load_options["sha256"] == digest
    cut = folder / "cut.pt"
    cut.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BackboneError, match="could not be downloaded whole"):
        load_backbone(f"{address}/cut.pt", sha256=digest)
    assert [p.name.split("-")[-1] for p in (tmp_path / "cache").rglob("*.pt")] == ["mine.pt"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address of a server of it on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line a request."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def _naive_forward(encoder: Vjepa21Encoder, pixels: Tensor) -> Tensor:
    """Token by token and head by head, from the description of the model, in float64."""
    sizes = encoder.architecture
    weights = {key: tensor.double() for key, tensor in encoder.state_dict().items()}
    picture = pixels.shape[2] == 1
    tubelet = 1 if picture else 2
    kind = "patch_embed_img" if picture else "patch_embed"
    mark = weights["img_mod_embed" if picture else "video_mod_embed"][0, 0]
    grid = (pixels.shape[2] // tubelet, pixels.shape[3] // 16, pixels.shape[4] // 16)
    places = [(t, r, c) for t in range(grid[0]) for r in range(grid[1]) for c in range(grid[2])]
    tokens = []
    for t, r, c in places:
        patch = pixels[
            :, :, t * tubelet : (t + 1) * tubelet, r * 16 : r * 16 + 16, c * 16 : c * 16 + 16
        ]
        kernel = weights[f"{kind}.proj.weight"].flatten(1)
        tokens.append(patch.double().flatten(1) @ kernel.T + weights[f"{kind}.proj.bias"] + mark)
    hidden = torch.stack(tokens, dim=1)
    for layer in range(sizes.depth):
        block = {
            k.removeprefix(f"blocks.{layer}."): v
            for k, v in weights.items()
            if k.startswith(f"blocks.{layer}.")
        }
        qkv = _norm(hidden, block, "norm1") @ block["attn.qkv.weight"].T + block["attn.qkv.bias"]
        query, key, value = qkv.chunk(3, dim=-1)
        mixed = []
        for head in range(sizes.num_heads):
            part = slice(head * sizes.head_dim, (head + 1) * sizes.head_dim)
            q, k = (_turn(x[..., part], places, grid) for x in (query, key))
            scores = q @ k.transpose(1, 2) / math.sqrt(sizes.head_dim)
            mixed.append(scores.softmax(-1) @ value[..., part])
        hidden = (
            hidden + torch.cat(mixed, -1) @ block["attn.proj.weight"].T + block["attn.proj.bias"]
        )
        inner = _norm(hidden, block, "norm2") @ block["mlp.fc1.weight"].T + block["mlp.fc1.bias"]
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        hidden = hidden + inner @ block["mlp.fc2.weight"].T + block["mlp.fc2.bias"]
    last = len(sizes.out_layers) - 1
    return _norm(hidden, weights, f"norms_block.{last}").float()


def _norm(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _turn(x: Tensor, places: list[tuple[int, int, int]], grid: tuple[int, int, int]) -> Tensor:
    channels = 2 * ((x.shape[-1] // 3) // 2)
    turned = x.clone()
    for token, place in enumerate(places):
        for axis in range(3):
            position = float(place[axis])
            if axis > 0 and grid[axis] > 1:
                position *= 15 / (grid[axis] - 1)
            for pair in range(channels // 2):
                angle = position * 10000 ** (-pair / (channels / 2))
                first = axis * channels + 2 * pair
                a, b = x[:, token, first], x[:, token, first + 1]
                turned[:, token, first] = a * math.cos(angle) - b * math.sin(angle)
                turned[:, token, first + 1] = b * math.cos(angle) + a * math.sin(angle)
    return turned
