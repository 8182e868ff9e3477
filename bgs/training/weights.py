"""What training changes: the optimiser's groups, the weights to save, their moving average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bgs.config import TrainingSettings
from bgs.errors import TrainingError


def make_optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW over the trainable parameters, with a learning rate of its own for the head.

    Each group remembers its rate as `initial_lr`; a schedule sets `lr` to a multiple of it.
    """
    head = getattr(model, "head", None)
    of_head = {id(p) for p in head.parameters()} if isinstance(head, nn.Module) else set()
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise TrainingError(
            "the model has no trainable parameter",
            remedy="set lora.r above 0, or head.kind to something other than none",
        )
    rate = settings.learning_rate
    head_rate = settings.head_learning_rate or rate
    groups = [
        {"params": [p for p in trained if id(p) not in of_head], "lr": rate, "initial_lr": rate},
        {
            "params": [p for p in trained if id(p) in of_head],
            "lr": head_rate,
            "initial_lr": head_rate,
        },
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=(settings.adam_beta1, settings.adam_beta2),
        weight_decay=settings.weight_decay,
    )


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of what training can change: trainable parameters and saved buffers, on the CPU."""
    # Under every name it has: an output layer often is the embedding of words, and goes by both.
    every = model.named_parameters(remove_duplicate=False)
    frozen = {name for name, p in every if not p.requires_grad}
    return {
        name: value.detach().cpu().clone()
        for name, value in model.state_dict().items()
        if name not in frozen
    }


def set_trained_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put saved weights back; exactly the trainable ones, neither more nor fewer."""
    own = model.state_dict()
    expected = set(trained_weights(model))
    if expected != set(weights):
        odd = sorted(expected ^ set(weights))[0]
        raise TrainingError(
            f"the saved weights are not those of this model: {odd!r} is only in "
            + ("the model" if odd in expected else "the checkpoint"),
            remedy="resume with the backbone, lora and head settings of the run",
        )
    with torch.no_grad():
        for name, value in weights.items():
            if own[name].shape != value.shape:
                raise TrainingError(
                    f"saved weight {name!r} has shape {tuple(value.shape)}, "
                    f"the model's {tuple(own[name].shape)}",
                    remedy="resume with the backbone, lora and head settings of the run",
                )
            own[name].copy_(value)


class MovingAverage:
    """An exponential moving average of the trainable parameters, to validate and to keep.

    Early on it follows faster (as 1 - 1 / (steps + 1)), or it would remember the initialisation.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.values = {
            name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model's current weights."""
        self.steps += 1
        decay = min(self.decay, 1.0 - 1.0 / (self.steps + 1))
        parameters = dict(model.named_parameters())
        for name, value in self.values.items():
            value.lerp_(parameters[name], 1.0 - decay)

    def state_dict(self) -> dict[str, Any]:
        """The averages, and how many updates went into them."""
        return {"steps": self.steps, "values": {n: v.cpu() for n, v in self.values.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        self.steps = state["steps"]
        for name, value in self.values.items():
            value.copy_(state["values"][name])

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """The model with averaged weights, and its own again afterwards."""
        self._exchange(model)
        try:
            yield
        finally:
            self._exchange(model)

    @torch.no_grad()
    def _exchange(self, model: nn.Module) -> None:
        parameters = dict(model.named_parameters())
        for name, value in self.values.items():
            own = parameters[name].detach().clone()
            parameters[name].copy_(value)
            value.copy_(own)
