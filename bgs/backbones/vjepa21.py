"""The V-JEPA 2.1 encoder in plain torch, with the parameter names of Meta's checkpoints.

transformers has none yet; when it gains one, this module and `vjepa21_checkpoint.py` are what it replaces.

Tokens run through time, then rows, then columns. Positions enter only by rotation of queries and keys: each of the
three axes turns its own third of a head's channels, and what a third leaves over stays as it is:

    head_dim 24 -> 8 time | 8 rows | 8 columns          head_dim 64 -> 20 | 20 | 20 | 4 unrotated
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from bgs.backbones.attention_taps import AttentionCall, Tap

GRID = 16  # patches a side of the pre-training picture; rows and columns are rescaled to it
ROPE_BASE = 10000.0
NORM_EPS = 1e-6


@dataclass(frozen=True, kw_only=True)
class Vjepa21Architecture:
    """The sizes of one encoder. `out_layers` are those whose output has a norm of its own."""

    dim: int
    depth: int
    num_heads: int
    mlp_dim: int
    out_layers: tuple[int, ...]
    patch_size: int = 16
    tubelet_size: int = 2

    @property
    def head_dim(self) -> int:
        """Channels a head."""
        return self.dim // self.num_heads


class Vjepa21Encoder(nn.Module):
    """(clips, 3, frames, height, width) -> (clips, tokens, dim); one frame alone goes the way of pictures."""

    def __init__(self, architecture: Vjepa21Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        dim, patch = architecture.dim, architecture.patch_size
        self.patch_embed = PatchEmbed(dim, (architecture.tubelet_size, patch, patch))
        self.patch_embed_img = PatchEmbed(dim, (1, patch, patch))
        self.video_mod_embed = nn.Parameter(torch.zeros(1, 1, dim))
        self.img_mod_embed = nn.Parameter(torch.zeros(1, 1, dim))
        self.blocks = nn.ModuleList(Block(architecture) for _ in range(architecture.depth))
        self.norms_block = nn.ModuleList(
            nn.LayerNorm(dim, eps=NORM_EPS) for _ in architecture.out_layers
        )
        self.gradient_checkpointing = False
        self.apply(_initialise)

    def forward(self, pixels: Tensor) -> Tensor:
        """The last layer's tokens, normed."""
        hidden, rotation = self._embed(pixels)
        for block in self.blocks:
            hidden = self._run(block, hidden, rotation)
        return self.norms_block[-1](hidden)

    def forward_hierarchical(self, pixels: Tensor) -> Tensor:
        """The normed tokens of every out layer side by side, (clips, tokens, out layers x dim)."""
        hidden, rotation = self._embed(pixels)
        outputs: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            hidden = self._run(block, hidden, rotation)
            if index in self.architecture.out_layers:
                outputs.append(self.norms_block[len(outputs)](hidden))
        return torch.cat(outputs, dim=-1)

    def _embed(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Patches with the mark of their kind, and the rotation that says where each one is."""
        is_picture = pixels.shape[2] == 1
        patches = (self.patch_embed_img if is_picture else self.patch_embed)(pixels)
        mark = self.img_mod_embed if is_picture else self.video_mod_embed
        time, rows, columns = patches.shape[2:]
        hidden = patches.flatten(2).transpose(1, 2) + mark  # (clips, time * rows * columns, dim)
        rotation = make_rotation(
            (time, rows, columns), head_dim=self.architecture.head_dim, device=hidden.device
        )
        return hidden, rotation

    def _run(self, block: nn.Module, hidden: Tensor, rotation: Tensor) -> Tensor:
        if self.gradient_checkpointing and self.training:
            recomputed: Tensor = checkpoint(block, hidden, rotation, use_reentrant=False)
            return recomputed
        return block(hidden, rotation)


class PatchEmbed(nn.Module):
    """Non-overlapping tubelets, each projected to one token."""

    def __init__(self, dim: int, tubelet: tuple[int, int, int]) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, dim, kernel_size=tubelet, stride=tubelet)

    def forward(self, pixels: Tensor) -> Tensor:
        """(clips, 3, frames, height, width) -> (clips, dim, time, rows, columns)."""
        return self.proj(pixels)


class Block(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, architecture: Vjepa21Architecture) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(architecture.dim, eps=NORM_EPS)
        self.attn = Attention(architecture)
        self.norm2 = nn.LayerNorm(architecture.dim, eps=NORM_EPS)
        self.mlp = Mlp(architecture)

    def forward(self, hidden: Tensor, rotation: Tensor) -> Tensor:
        """(clips, tokens, dim) -> the same shape."""
        attended, _ = self.attn(self.norm1(hidden), rotation)
        hidden = hidden + attended
        return hidden + self.mlp(self.norm2(hidden))


class Attention(nn.Module):
    """Attention over all tokens of a clip. `eager` forms the weights, which fused attention never does."""

    def __init__(self, architecture: Vjepa21Architecture) -> None:
        super().__init__()
        self.num_heads = architecture.num_heads
        self.qkv = nn.Linear(architecture.dim, 3 * architecture.dim)
        self.proj = nn.Linear(architecture.dim, architecture.dim)
        self.eager = False
        self.tap: Tap | None = None

    def forward(self, hidden: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor | None]:
        """(clips, tokens, dim) -> the same, and (clips, heads, tokens, tokens) weights if eager."""
        # (3, clips, heads, tokens, head_dim)
        qkv = self.qkv(hidden).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        query, key = rotate(qkv[:2], rotation)
        value = qkv[2]
        weights = None
        if self.eager:
            weights = (query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5).softmax(dim=-1)
            mixed = weights @ value
        else:
            mixed = F.scaled_dot_product_attention(query, key, value)
        if self.tap is not None:
            self.tap(AttentionCall(query, key, value, mixed, query.shape[-1] ** -0.5))
        return self.proj(mixed.transpose(1, 2).flatten(2)), weights


class Mlp(nn.Module):
    """Two linear layers around a GELU."""

    def __init__(self, architecture: Vjepa21Architecture) -> None:
        super().__init__()
        self.fc1 = nn.Linear(architecture.dim, architecture.mlp_dim)
        self.fc2 = nn.Linear(architecture.mlp_dim, architecture.dim)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., dim) -> (..., dim)."""
        return self.fc2(F.gelu(self.fc1(hidden)))


def make_rotation(
    grid: tuple[int, int, int], *, head_dim: int, device: torch.device | None = None
) -> Tensor:
    """Each token's turns as complex numbers of length 1, (tokens, head_dim // 2), one a pair of neighbouring channels.

    Pairs left over from the thirds get a 1 and stay as they are.
    """
    pairs = head_dim // 3 // 2  # an axis
    index = torch.arange(pairs, device=device, dtype=torch.float32)
    omega = ROPE_BASE ** (-index / max(pairs, 1))
    time, rows, columns = grid
    angles = torch.zeros(time, rows, columns, head_dim // 2, device=device)
    for axis, count in enumerate(grid):
        position = torch.arange(count, device=device, dtype=torch.float32)
        if axis > 0 and count > 1:
            position = position * ((GRID - 1) / (count - 1))
        turns = position[:, None] * omega  # (count, pairs)
        along = [1, 1, 1, pairs]
        along[axis] = count
        angles[..., axis * pairs : (axis + 1) * pairs] = turns.view(along)
    return torch.polar(torch.ones_like(angles), angles).flatten(0, 2)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn neighbouring channels (a, b) -> (a cos - b sin, b cos + a sin): one complex product, in float32."""
    paired = 2 * rotation.shape[-1]
    turned = x[..., :paired].float()
    if paired < x.shape[-1]:  # an odd channel stays behind, and breaks the alignment of the pairs
        turned = turned.contiguous()
    pairs = torch.view_as_complex(turned.unflatten(-1, (-1, 2)))
    turned = torch.view_as_real(pairs * rotation).flatten(-2).to(x.dtype)
    return torch.cat((turned, x[..., paired:]), dim=-1) if paired < x.shape[-1] else turned


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv3d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
