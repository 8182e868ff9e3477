"""Training reads frames that were decoded once; inside an epoch no video is opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bgs.animations.video import write_mp4
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel, embed
from bgs.backbones.registry import load_backbone
from bgs.config import HeadSettings, LoraSettings, ObjectiveSettings, TrainingSettings
from bgs.data import clip_cache
from bgs.data.clips import load_clips
from bgs.data.triplets import Triplets
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.training import train

NUM_CLIPS = 6


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were decoded since."""
    names: list[str] = []
    original = clip_cache.decode_clip

    def counting(path: Path, *args: object, **kwargs: object) -> object:
        names.append(path.name)
        return original(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(clip_cache, "decode_clip", counting)
    return names


def test_no_clip_is_decoded_once_the_cache_is_there(tmp_path: Path, decoded: list[str]) -> None:
    rng = np.random.default_rng(0)
    videos = tmp_path / "videos"
    videos.mkdir()
    for number in range(NUM_CLIPS):
        moving = rng.integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
        write_mp4(videos / f"clip{number}.mp4", moving, frames_per_second=12)
    backbone = load_backbone("bgs-tiny", random_init=True)
    assert backbone.spec.frames is not None
    clips = load_clips(videos)
    bank = clip_cache.load_frames(
        clips, backbone.spec.frames, cache_dir=tmp_path / "cache", progress=False
    )
    assert sorted(decoded) == [f"clip{number}.mp4" for number in range(NUM_CLIPS)]
    for video in videos.iterdir():
        video.unlink()  # nobody needs them any more

    add_lora(backbone, LoraSettings())
    triads = np.array([rng.permutation(NUM_CLIPS)[:3] for _ in range(40)])
    judgments = Triplets(ids=bank.ids, clips=triads, odd=rng.integers(0, 3, size=40))
    human = judgments.rdm()

    def validate(model: EmbeddingModel) -> float:
        rdm = RDM.from_embeddings(bank.ids, embed(model, bank))
        return -float(np.nanmean((rdm.dissimilarities - human.dissimilarities) ** 2))

    for batching in ("clips", "triplets"):
        result = train(
            EmbeddingModel(backbone, HeadSettings(dim=8)),
            bank,
            judgments,
            human,
            objective=Objective(ObjectiveSettings()),
            settings=TrainingSettings(
                num_train_epochs=2,
                per_device_train_batch_size=20 if batching == "triplets" else 3,
                batching=batching,
                augmentation={"crop": 0.2, "temporal_jitter": 1},
            ),
            seed=0,
            output_dir=tmp_path / batching,
            validate=validate,
            progress=False,
        )
        assert result.steps == 4
    assert len(decoded) == NUM_CLIPS
