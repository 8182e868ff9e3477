"""Embeddings and human geometry in, a loss out; no files and no knowledge of models."""

from bgs.objectives.batch import JudgedBatch
from bgs.objectives.hybrid import LossParts, Objective

__all__ = ["JudgedBatch", "LossParts", "Objective"]
