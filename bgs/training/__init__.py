"""Bending a model until its geometry agrees with people's: samplers, gradients, the loop, checkpoints."""

from bgs.training.loop import train
from bgs.training.state import TrainingResult

__all__ = ["TrainingResult", "train"]
