"""Names, ids, folders; what is refused at the door, and how it is said."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import VideoMAEConfig, VideoMAEModel, VJEPA2Config, VJEPA2ForVideoClassification

from bgs.backbones import list_backbones, load_backbone
from bgs.errors import BackboneError


class RunsCode:
    """What a hostile checkpoint holds."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code ran",))


def test_rows_say_where_weights_come_from() -> None:
    rows = {row["name"]: row for row in list_backbones()}
    assert rows["bgs-tiny"]["obtained"] == "ships with bgs"
    assert rows["videomae"]["obtained"] == "Hugging Face MCG-NJU/videomae-base"
    assert rows["vjepa2.1-base"]["obtained"] == (
        "download vjepa2_1_vitb_dist_vitG_384.pt from dl.fbaipublicfiles.com/vjepa2, then give its path"
    )
    assert {row["family"] for row in rows.values()} == {
        "videomae", "vjepa2", "vjepa2.1", "timesformer", "clip", "siglip",
    }  # fmt: skip


def test_listing_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from bgs.backbones import list_backbones; list_backbones(); "
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


@pytest.fixture
def _no_position_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """VideoMAE computes its table in a Python loop, seconds at full size; here only sizes matter."""
    monkeypatch.setattr(
        "transformers.models.videomae.modeling_videomae.get_sinusoid_encoding_table",
        lambda positions, width: torch.zeros(1, positions, width),
    )


@pytest.mark.usefixtures("_no_position_table")
@pytest.mark.parametrize("row", list_backbones()[1:], ids=lambda row: str(row["name"]))
def test_every_name_has_an_architecture_that_fits_its_row(row: dict[str, Any]) -> None:
    with torch.device("meta"):
        backbone = load_backbone(row["name"], random_init=True)
    frames = backbone.spec.frames
    assert frames is not None
    assert (frames.num_frames, frames.height, frames.width) == (
        row["num_frames"], row["image_size"], row["image_size"],
    )  # fmt: skip
    assert backbone.spec.family == row["family"]
    assert backbone.spec.base_id == row["name"]


@pytest.mark.usefixtures("_no_position_table")
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("videomae", 86),
        ("vjepa2-large", 304),
        ("vjepa2.1-base", 86),
        ("timesformer", 121),
        ("clip", 87),
    ],
)
def test_published_architectures_have_their_published_size(name: str, millions: int) -> None:
    with torch.device("meta"):
        backbone = load_backbone(name, random_init=True)
    count = sum(parameter.numel() for parameter in backbone.encoder.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.02)


def test_the_shipped_backbone_opens_and_sees_motion() -> None:
    folder = Path(sys.modules["bgs.backbones"].__path__[0]) / "tiny"
    if not (folder / "model.safetensors").is_file():
        pytest.skip("the weights of bgs-tiny are not in this tree")
    backbone = load_backbone("bgs-tiny")
    row = next(row for row in list_backbones() if row["name"] == "bgs-tiny")
    frames = backbone.spec.frames
    assert frames is not None
    assert (frames.num_frames, frames.height) == (row["num_frames"], row["image_size"])
    assert backbone.spec.base_id == "bgs-tiny"
    clips = torch.randint(0, 256, (2, frames.num_frames, 3, 64, 64), dtype=torch.uint8)
    assert (backbone(clips) - backbone(clips.flip(1))).abs().max() > 1e-3
    untrained = load_backbone("bgs-tiny", random_init=True)
    assert not torch.equal(untrained(clips), backbone(clips))


def test_random_weights_are_seeded_and_leave_the_random_state_alone(
    videomae_folder: Path, draw_frames: Callable[..., Tensor]
) -> None:
    before = torch.get_rng_state()
    first, second, other = (
        load_backbone(videomae_folder, random_init=True, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    frames = draw_frames(first)
    assert torch.equal(first(frames), second(frames))
    assert not torch.equal(first(frames), other(frames))
    assert not torch.equal(first(frames), load_backbone(videomae_folder)(frames))
    assert other.spec.load_options == {"dtype": "float32", "random_init": True, "seed": 1}


def test_random_can_be_part_of_the_name(
    videomae_folder: Path, draw_frames: Callable[..., Tensor]
) -> None:
    named = load_backbone(f"random:{videomae_folder}", seed=3)
    asked = load_backbone(videomae_folder, random_init=True, seed=3)
    frames = draw_frames(named)
    assert torch.equal(named(frames), asked(frames))
    assert named.spec == asked.spec


def test_a_config_alone_is_enough_for_random_weights(videomae_folder: Path, tmp_path: Path) -> None:
    shutil.copy(videomae_folder / "config.json", tmp_path)
    assert load_backbone(tmp_path, random_init=True).spec.width == 24
    with pytest.raises(BackboneError, match="could not be loaded"):
        load_backbone(tmp_path)


def test_the_preprocessor_of_the_weights_is_obeyed(videomae_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(videomae_folder, tmp_path / "weights")
    settings = {
        "size": {"shortest_edge": 40}, "resample": 3,
        "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6],
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    frames = load_backbone(folder).spec.frames
    assert frames is not None
    assert (frames.resize_short_side, frames.height, frames.interpolation) == (40, 32, "bicubic")
    assert (frames.mean, frames.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize("name", ["videomea", "./nowhere", "/tmp/no/such/folder", "a/b/c"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(BackboneError) as caught:
        load_backbone(name)
    message = str(caught.value)
    assert message.startswith(
        f"unknown backbone {name!r}: no such name, folder or Hugging Face id; use one of bgs-tiny, "
    )
    assert message.endswith("an id such as MCG-NJU/videomae-base, or a folder")


def test_an_id_without_a_connection_is_one_clear_line() -> None:
    with pytest.raises(BackboneError) as caught:
        load_backbone("nobody/nothing")
    assert str(caught.value) == (
        "'nobody/nothing' is neither a folder here nor in the cache of downloads, and HF_HUB_OFFLINE is set; "
        "check the name and the connection, or give a folder"
    )


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BackboneError) as caught:
        load_backbone(tmp_path)
    assert str(caught.value).startswith(
        f"{str(tmp_path)!r} is a 'bert' model, of which there is no backbone; "
        "use one of the families videomae, vjepa2, "
    )


@pytest.mark.parametrize("text", ["{", '{"model_type": "videomae", "num_frames": "many"}', "{}"])
def test_a_config_that_cannot_be_read_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BackboneError) as caught:
        load_backbone(tmp_path, random_init=True)
    assert str(caught.value).startswith(f"{str(tmp_path)!r} could not be loaded (")


def test_an_unknown_precision_is_refused(videomae_folder: Path) -> None:
    with pytest.raises(BackboneError) as caught:
        load_backbone(videomae_folder, dtype="int8")  # type: ignore[arg-type]
    assert str(caught.value) == "dtype is 'int8'; use one of float32, bfloat16, float16"


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("videomae", {"num_frames": 5}, "num_frames is 5 but patches span 2; use a multiple of 2"),
        ("vjepa2", {"num_frames": 5}, "num_frames is 5 but patches span 2; use a multiple of 2"),
        (
            "vjepa2",
            {"image_size": 40},
            "image_size is 40 but patches span 16; use a multiple of 16",
        ),
        (
            "vjepa2",
            {"image_size": (32, 48)},
            "image_size 32 x 48 asked of {name!r}, which takes squares only; give one number",
        ),
        ("vjepa2.1", {"num_frames": 3}, "num_frames is 3 but patches span 2; use a multiple of 2"),
        (
            "vjepa2.1",
            {"image_size": 40},
            "image_size is 40 but patches span 16; use a multiple of 16",
        ),
        (
            "timesformer",
            {"image_size": 64},
            "image_size 64 asked of {name!r}, which takes 32 only; leave image_size out",
        ),
    ],
)
def test_impossible_shapes_are_refused(
    families: dict[str, Any], family: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BackboneError) as caught:
        families[family].load(**options)
    assert str(caught.value) == message.format(name=str(families[family].source))


def test_a_larger_picture_can_be_asked_of_rotary_models(
    families: dict[str, Any], draw_frames: Callable[..., Tensor]
) -> None:
    for family, size in (("vjepa2", 48), ("vjepa2.1", (32, 48))):
        backbone = families[family].load(image_size=size)
        assert torch.isfinite(backbone(draw_frames(backbone))).all()


@pytest.mark.parametrize("fault", ["lacks", "has unknown", "has misshapen"])
def test_every_wrong_key_of_a_checkpoint_is_an_error(
    videomae_folder: Path, tmp_path: Path, fault: str
) -> None:
    folder = shutil.copytree(videomae_folder, tmp_path / "weights")
    weights = load_file(folder / "model.safetensors")
    key = next(key for key in sorted(weights) if key.endswith("layer.0.output.dense.bias"))
    if fault == "lacks":
        del weights[key]
    elif fault == "has unknown":
        weights["stray.weight"] = torch.zeros(1)
    else:
        weights[key] = torch.zeros(5)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackboneError) as caught:
        load_backbone(folder)
    assert str(caught.value).startswith(f"{folder}: the checkpoint {fault} 1 weights, the first ")
    assert str(caught.value).endswith(
        "; use a checkpoint of this architecture, complete and unrenamed"
    )


def test_a_cut_short_file_is_detected(videomae_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(videomae_folder, tmp_path / "weights")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BackboneError) as caught:
        load_backbone(folder)
    assert str(caught.value).startswith(f"{folder}: the weights are damaged or cut short (")


def test_a_pickle_with_code_is_refused(
    videomae_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(videomae_folder, tmp_path / "weights")
    (folder / "model.safetensors").unlink()
    torch.save({"weight": RunsCode()}, folder / "pytorch_model.bin", pickle_module=pickle)
    with pytest.raises(BackboneError) as caught:
        load_backbone(folder)
    assert str(caught.value) == (
        f"{folder}: the weights are a pickle that holds code, or is damaged; "
        "use safetensors, or a checkpoint of plain tensors"
    )
    assert "code ran" not in capsys.readouterr().out


def test_old_videomae_checkpoints_with_split_biases_open(tmp_path: Path) -> None:
    """The published files call the biases q_bias and v_bias and have none for the keys."""
    model = VideoMAEModel(
        VideoMAEConfig(
            hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48,
            image_size=32, num_frames=4,
        )
    )  # fmt: skip
    torch.nn.init.normal_(model.encoder.layer[0].attention.attention.query.bias)
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    renamed = {
        "videomae." + key.replace("query.bias", "q_bias").replace("value.bias", "v_bias"): tensor
        for key, tensor in weights.items()
    }
    save_file(renamed, tmp_path / "model.safetensors", metadata={"format": "pt"})
    opened = load_backbone(tmp_path).encoder.get_submodule(
        "encoder.layer.0.attention.attention.query"
    )
    assert torch.equal(opened.bias, model.encoder.layer[0].attention.attention.query.bias)


def test_vjepa2_opens_without_its_predictor_also_from_a_classifier(tmp_path: Path) -> None:
    config = VJEPA2Config(
        crop_size=32, frames_per_clip=4, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        mlp_ratio=2.0, pred_hidden_size=12, pred_num_hidden_layers=1, pred_num_attention_heads=2,
        num_pooler_layers=1,
    )  # fmt: skip
    VJEPA2ForVideoClassification(config).save_pretrained(tmp_path)
    backbone = load_backbone(tmp_path)
    assert not any(
        "predictor" in name or "pooler" in name for name, _ in backbone.named_parameters()
    )
