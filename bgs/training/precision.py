"""In which precision the model computes, and what it remembers for the backward pass."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate.utils import is_bf16_available
from torch import nn

from bgs.config import TrainingSettings
from bgs.errors import TrainingError


def autocast_dtype(settings: TrainingSettings, device: torch.device) -> torch.dtype | None:
    """The type to autocast to; None for float32 throughout."""
    if settings.bf16 and settings.fp16:
        raise TrainingError("bf16 and fp16 are both on", remedy="choose one")
    if settings.fp16:
        return torch.float16
    if settings.bf16 and not is_bf16_available():
        warnings.warn(f"{device} has no bfloat16: training in float32", stacklevel=2)
        return None
    return torch.bfloat16 if settings.bf16 else None


def autocast(device: torch.device, precision: torch.dtype | None) -> AbstractContextManager[object]:
    """Computes in that type where it is safe; None leaves everything as it is."""
    if precision is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=precision)


def enable_gradient_checkpointing(model: nn.Module) -> None:
    """Have the encoder recompute activations in the backward pass instead of keeping them.

    The non-reentrant kind: the other one gives adapters no gradient when the inputs have none.
    """
    options = {"use_reentrant": False}
    module: Any
    for module in model.modules():
        if not getattr(module, "supports_gradient_checkpointing", False):
            continue
        if hasattr(module, "activation_checkpointing_enable"):  # its name in newer transformers
            module.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
        else:
            module.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
        return
    raise TrainingError(
        "this backbone cannot checkpoint gradients",
        remedy="set training.gradient_checkpointing: false, or use training.large_batch",
    )
