"""The encoder of `bgs-tiny`, how it starts, and what it is asked during pre-training."""

from __future__ import annotations

import math

import torch
from torch import nn
from transformers import VideoMAEConfig, VideoMAEModel

from experiments.pretrain_targets import Targets

CONFIG = {
    "image_size": 64,
    "patch_size": 16,
    "num_frames": 12,
    "tubelet_size": 2,
    "hidden_size": 128,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "intermediate_size": 384,
    "use_mean_pooling": False,
}
WEIGHTS = {"occupancy": 1.0, "token": 1.0, "place": 0.3, "tubelet": 1.0, "social": 1.5, "look": 0.4}
LATE_LOOK, LATE_FROM = (
    2.0,
    0.45,
)  # motion first, as it is slow to emerge; then appearance in earnest


def new_encoder() -> VideoMAEModel:
    """The architecture with transformers' own random weights."""
    return VideoMAEModel(VideoMAEConfig(**CONFIG))


def initialise(model: VideoMAEModel, *, seed: int) -> None:
    """Weights that let signals through, and positions that can be read.

    VideoMAE's default (standard deviation .02) makes a narrow model almost the identity, so weights
    start at 1 / sqrt(inputs) instead.
    """
    torch.manual_seed(seed)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            scale = module.in_features**-0.5
            if name.endswith("output.dense"):
                scale /= math.sqrt(2 * model.config.num_hidden_layers)
            nn.init.normal_(module.weight, std=scale)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv3d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
    with torch.no_grad():
        write_position_code(model)


def write_position_code(model: VideoMAEModel, *, amplitude: float = 3.0) -> None:
    """Solve the first block's MLP so that it writes (time, row, column) into the residual stream.

    VideoMAE's fixed table counts patches along one dimension and spans fewer than 30 directions, from
    which columns cannot be read linearly. Patches enter in the directions the table leaves free, so
    content does not blur position; random hidden units read the table's directions, and a ridge
    regression finds the output weights. All of it remains trainable.
    """
    config, block = model.config, model.encoder.layer[0]
    table = model.embeddings.position_embeddings[0]
    width, grid = config.hidden_size, config.image_size // config.patch_size
    _, strength, directions = torch.linalg.svd(table - table.mean(0), full_matrices=False)
    used = directions[strength > 0.02 * strength[0]]
    projection = model.embeddings.patch_embeddings.projection
    free = torch.eye(width) - used.T @ used
    projection.weight.copy_((free @ projection.weight.flatten(1)).view_as(projection.weight))
    block.attention.output.dense.weight.mul_(0.1)
    place = torch.arange(len(table))
    codes = (place // grid**2, place // grid % grid, place % grid)
    target = torch.cat([nn.functional.one_hot(code).float() for code in codes], dim=1)
    basis = torch.linalg.qr(torch.randn(width, target.shape[1]))[0].T
    wanted = ((target - target.mean(0)) @ basis * amplitude).repeat(40, 1)
    reader = block.intermediate.dense
    reader.weight.copy_(torch.randn(reader.out_features, len(used)) @ used * 3 / len(used) ** 0.5)
    nn.init.normal_(reader.bias, std=1.0)
    noisy = table.repeat(40, 1)
    noisy = noisy + 0.8 * torch.randn_like(noisy) @ free + 0.05 * torch.randn_like(noisy)
    hidden = nn.functional.gelu(reader(block.layernorm_after(noisy)))
    design = torch.cat([hidden, torch.ones(len(hidden), 1)], dim=1)
    gram = design.T @ design + 1e-3 * len(design) * torch.eye(design.shape[1])
    solved = torch.linalg.solve(gram, design.T @ wanted)
    block.output.dense.weight.copy_(solved[:-1].T)
    block.output.dense.bias.copy_(solved[-1])
    left = float((design @ solved - wanted).var() / wanted.var())
    print(f"position code readable at the start: R2 {1 - left:.2f}", flush=True)


class Pretext(nn.Module):
    """The encoder with linear read-outs at three levels: a patch, a moment, the whole clip."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.encoder = new_encoder()
        width = CONFIG["hidden_size"]
        self.token = nn.Linear(width, sizes["token"])
        self.tubelet = nn.Linear(width, sizes["tubelet"])
        self.clip = nn.Linear(width, sizes["social"] + sizes["look"])

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        tokens = self.encoder(pixels).last_hidden_state  # (clips, patches, width)
        moments = CONFIG["num_frames"] // CONFIG["tubelet_size"]
        by_moment = tokens.unflatten(1, (moments, -1)).mean(dim=2)
        return self.token(tokens), self.tubelet(by_moment), self.clip(by_moment.mean(dim=1))


def pretext_loss(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    targets: Targets,
    *,
    progress: float = 0.0,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Weighted squared errors; what an agent does counts only where an agent is."""
    token, tubelet, clip = outputs
    social = targets.social.shape[1]
    weight = targets.token_weight
    error = (token - targets.token) ** 2 * weight
    per = error.sum(dim=(0, 1)) / (weight.sum(dim=(0, 1)) + 1e-6)
    parts = {
        "occupancy": per[:3].mean() * 4,
        "place": per[3:5].mean(),
        "token": per[5:].mean(),
        "tubelet": nn.functional.mse_loss(tubelet, targets.tubelet),
        "social": nn.functional.mse_loss(clip[:, :social], targets.social),
        "look": nn.functional.mse_loss(clip[:, social:], targets.look),
    }
    weights = WEIGHTS | ({"look": LATE_LOOK} if progress >= LATE_FROM else {})
    total = sum(weights[name] * value for name, value in parts.items())
    assert isinstance(total, torch.Tensor)
    return total, {name: round(value.item(), 4) for name, value in parts.items()}
