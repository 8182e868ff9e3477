"""What every backbone is: uint8 frames in, one vector a clip out, every layer open to inspection.

Conventions
- `frames` are uint8 (clips, frames, 3, height, width), as decoded. They are scaled and normalised here, on the
  device, so that training and evaluation cannot normalise differently.
- `encoder` is the bare model and nothing else, so that an adapter made for it fits the public model of that name.
- Its weights are frozen from birth; what trains is added by `lora.py` and `heads.py`.
- Tokens of one clip lie on one axis, view after view. A *view* is what one pass of attention sees: the whole clip
  for a video model, one frame for an image model. Each view may begin with prefix (CLS) tokens.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bgs.backbones.attention_taps import Tap, tap_interface
from bgs.errors import BackboneError
from bgs.frame_spec import FrameSpec

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """The facts of one backbone; with them it can be found, fed and adapted."""

    name: str
    family: str
    base_id: str  # what `load_backbone` is given to find the same weights again
    revision: str | None
    width: int
    num_layers: int
    patch_size: int
    tubelet_size: int
    frames: FrameSpec | None  # None for given features
    pooling: Pooling
    num_prefix_tokens: int  # CLS tokens at the start of each view
    lora_targets: tuple[str, ...]  # module names within a layer
    load_options: Mapping[str, Any] = field(
        default_factory=dict
    )  # what else `load_backbone` was given

    def __post_init__(self) -> None:
        if self.pooling == "cls" and self.num_prefix_tokens == 0:
            raise BackboneError(
                f"pooling 'cls' asked of {self.name!r}, which has no CLS token",
                remedy="use pooling 'mean', or leave it out",
            )


class Backbone(nn.Module):
    """A frozen video encoder. A family says how to `encode` and where its `blocks` are; the rest is here."""

    scale: Tensor
    shift: Tensor

    def __init__(self, encoder: nn.Module, spec: BackboneSpec) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.spec = spec
        mean, std = (spec.frames.mean, spec.frames.std) if spec.frames else ((0.0,), (1.0,))
        # (pixel / 255 - mean) / std as one multiplication and one addition; (3, 1, 1)
        scale = 1.0 / (255.0 * torch.tensor(std).view(-1, 1, 1))
        shift = -(torch.tensor(mean) / torch.tensor(std)).view(-1, 1, 1)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)
        self.eval()

    # -- what a family provides

    def encode(self, pixels: Tensor) -> Tensor:
        """Normalised (clips, frames, 3, height, width) -> last tokens after the final norm (clips, tokens, width)."""
        raise NotImplementedError

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers, in order."""
        raise NotImplementedError

    def attention_modules(self) -> list[nn.Module]:
        """The modules, one a layer, whose second output are the attention weights when attention is eager."""
        raise NotImplementedError

    @property
    def views(self) -> int:
        """Passes of attention a clip: 1, or the number of frames for an image model."""
        return 1

    # -- what everybody has

    def forward(self, frames: Tensor) -> Tensor:
        """uint8 (clips, frames, 3, height, width) -> one embedding a clip, (clips, width)."""
        return self.pool(self.encode(self.normalise(frames)))

    def normalise(self, frames: Tensor) -> Tensor:
        """Checked uint8 frames -> pixels as the encoder was trained on, in the encoder's precision."""
        self.check(frames)
        return frames.float().mul_(self.scale).add_(self.shift).to(self.dtype)

    def check(self, frames: Tensor) -> None:
        """Refuse frames of the wrong kind, number or size: a mismatch would scramble tokens silently."""
        if frames.dtype != torch.uint8 or frames.ndim != 5 or frames.shape[2] != 3:
            raise BackboneError(
                f"{self.spec.name!r} was given {str(frames.dtype).removeprefix('torch.')} {tuple(frames.shape)} "
                "but takes uint8 (clips, frames, 3, height, width)",
                remedy="pass the frames as decoded; the backbone normalises them itself",
            )
        self.check_num_frames(frames.shape[1])
        self.check_size(frames.shape[3], frames.shape[4])

    def check_num_frames(self, num_frames: int) -> None:
        """By default the number the backbone was configured for, and no other."""
        expected = self._frame_spec.num_frames
        if num_frames != expected:
            raise BackboneError(
                f"{self.spec.name!r} was given {num_frames} frames a clip but is configured for {expected}",
                remedy=f"sample {expected} frames, or load it with num_frames={num_frames}",
            )

    def check_size(self, height: int, width: int) -> None:
        """By default the size the backbone was configured for, and no other."""
        expected = (self._frame_spec.height, self._frame_spec.width)
        if (height, width) != expected:
            raise BackboneError(
                f"{self.spec.name!r} was given frames of {height} x {width} but takes {expected[0]} x {expected[1]}",
                remedy="decode the clips with its spec.frames",
            )

    def pool(self, tokens: Tensor) -> Tensor:
        """(clips, tokens, width) -> (clips, width): the CLS tokens, or the mean of the patch tokens."""
        views = tokens.unflatten(1, (self.views, -1))  # (clips, views, tokens, width)
        if self.spec.pooling == "cls":
            return views[:, :, 0].mean(dim=1)
        return views[:, :, self.spec.num_prefix_tokens :].mean(dim=(1, 2))

    def tokens(self, frames: Tensor) -> tuple[Tensor, ...]:
        """After every layer, (clips, tokens, width). The last has passed the final norm: pooled, it is `forward`."""
        with _outputs_of(list(self.blocks)) as seen:
            last = self.encode(self.normalise(frames))
        hidden = [output[0] if isinstance(output, tuple) else output for output in seen[:-1]]
        return (*(layer.reshape(len(frames), -1, self.spec.width) for layer in hidden), last)

    def attention(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Attention weights of every layer, (clips, views, heads, tokens, tokens); rows sum to 1."""
        with self._eager_attention(), _outputs_of(self.attention_modules()) as seen:
            self.encode(self.normalise(frames))
        return tuple(weights.unflatten(0, (len(frames), -1)) for _, weights in seen)

    @contextmanager
    def tapped(self, tap: Tap) -> Iterator[None]:
        """While this is open, every attention layer tells `tap` its queries, keys and values as it runs."""
        with tap_interface(self.encoder, self.attention_modules(), tap):
            yield

    def to_grid(self, rows: Tensor) -> Tensor:
        """A number a token (clips, views, tokens) -> (clips, times, rows, columns), prefix tokens dropped.

        A time is a tubelet, or a frame where each frame is looked at for itself.
        """
        patches = rows[:, :, self.spec.num_prefix_tokens :].flatten(1)
        return patches.unflatten(1, (-1, *self.grid_size))

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of patches in a frame."""
        frames, patch = self._frame_spec, self.spec.patch_size
        return frames.height // patch, frames.width // patch

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Recompute each layer in the backward pass: less memory, more time, the same gradients."""
        encoder: Any = self.encoder
        with warnings.catch_warnings():
            # transformers 5.23 renames these methods; the old names are there from 5.0 to 5.x.
            warnings.filterwarnings("ignore", "`gradient_checkpointing_", FutureWarning)
            if enabled:
                encoder.gradient_checkpointing_enable({"use_reentrant": False})
            else:
                encoder.gradient_checkpointing_disable()

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the encoder's weights."""
        return next(self.encoder.parameters()).dtype

    @property
    def _frame_spec(self) -> FrameSpec:
        if self.spec.frames is None:
            raise BackboneError(f"{self.spec.name!r} takes no frames", remedy="give it features")
        return self.spec.frames

    @contextmanager
    def _eager_attention(self) -> Iterator[None]:
        """Fused attention never forms the weights; the eager path does, with the same output."""
        before = self.encoder.config._attn_implementation  # type: ignore[union-attr]
        self.encoder.set_attn_implementation("eager")  # type: ignore[operator]
        try:
            yield
        finally:
            self.encoder.set_attn_implementation(before)  # type: ignore[operator]

    def extra_repr(self) -> str:
        """The line that tells two backbones apart."""
        frames = self.spec.frames
        shape = f", {frames.num_frames} x {frames.height} x {frames.width}" if frames else ""
        return f"{self.spec.name}: {self.spec.num_layers} layers of {self.spec.width}{shape}, {self.spec.pooling}"


class FeatureBackbone(Backbone):
    """Given features instead of clips: nothing to encode, so a head learns from judgments by the same loop."""

    def __init__(self, width: int, *, name: str = "features") -> None:
        spec = BackboneSpec(
            name=name, family="features", base_id="features", revision=None, width=width, num_layers=0, patch_size=0,
            tubelet_size=0, frames=None, pooling="mean", num_prefix_tokens=0, lora_targets=(),
        )  # fmt: skip
        super().__init__(nn.Identity(), spec)

    def forward(self, frames: Tensor) -> Tensor:
        """Features (clips, width) as they are."""
        if frames.ndim != 2 or frames.shape[1] != self.spec.width:
            raise BackboneError(
                f"features of shape {tuple(frames.shape)} where (clips, {self.spec.width}) is expected",
                remedy="use the features the head was made for",
            )
        return frames.float()

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Nothing to recompute."""


@contextmanager
def _outputs_of(modules: list[nn.Module]) -> Iterator[list[Tensor | tuple[Tensor, ...]]]:
    """Collect what the modules return while the context is open, in the order they run."""
    seen: list[Tensor | tuple[Tensor, ...]] = []
    handles = [
        module.register_forward_hook(lambda _m, _i, output: seen.append(output))
        for module in modules
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
