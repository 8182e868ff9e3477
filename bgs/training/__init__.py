"""Bending a model until its geometry agrees with people's: samplers, gradients, the loop, checkpoints."""

from bgs.training.loop import TrainingResult, train

__all__ = ["TrainingResult", "train"]
