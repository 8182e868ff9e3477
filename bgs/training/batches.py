"""Samplers: which clips a step embeds and what people said about them.

    clips       sets of clips that share out an epoch; each is embedded once
    triplets    the published protocol: a few judgments a step, an RSA term now and then
    whole set   one step over everything

Draws depend on the seed, the epoch and, for `clips`, on what earlier epochs covered; never on
the state of a global generator. So a resumed run draws what the interrupted one would have drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from bgs.config import PublishedProtocol, TrainingSettings
from bgs.errors import TrainingError
from bgs.objectives import JudgedBatch
from bgs.training.coverage import Coverage
from bgs.training.judged import IntArray, JudgedClips

# A pair needs two clips, a judgment three.
FEWEST_CLIPS = 3
NO_CLIPS: IntArray = np.empty(0, dtype=np.int64)
Given = TypeVar("Given", covariant=True)


@dataclass(frozen=True, eq=False)
class Draw:
    """The clips of one step: those that carry a gradient, then those that are only compared with."""

    clips: IntArray
    context: IntArray
    judgments: IntArray  # (chosen,) rows of the judgments, for the published protocol
    num_hard_negatives: int = 0

    def __len__(self) -> int:
        return len(self.clips) + len(self.context)


class Sampler(Protocol[Given]):
    """Draws the steps of an epoch, and can continue where another of its kind stopped."""

    steps_per_epoch: int

    def draw(self, epoch: int) -> list[Draw]:
        """The steps of `epoch`, counted from 0; call it once an epoch, in order."""
        ...

    def judge(self, draw: Draw) -> Given:
        """What people said about the clips of a draw."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What earlier epochs leave behind."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there."""


def make_sampler(
    judged: JudgedClips,
    settings: TrainingSettings,
    *,
    seed: int,
    num_hard_negatives: int = 0,
    num_processes: int = 1,
) -> Sampler[JudgedBatch]:
    """The sampler the settings ask for."""
    size = settings.per_device_train_batch_size * num_processes
    if settings.batching == "triplets":
        if settings.large_batch:
            raise TrainingError(
                "large_batch is a step over all clips, batching: triplets a step of a few judgments",
                remedy="set training.large_batch: false or training.batching: clips",
            )
        return TripletSampler(
            judged, size, settings.published, seed=seed, num_hard_negatives=num_hard_negatives
        )
    if settings.large_batch:
        size = len(judged)
    elif size < FEWEST_CLIPS:
        raise TrainingError(
            f"a batch of {size} clips holds no judgment",
            remedy=f"set training.per_device_train_batch_size to {FEWEST_CLIPS} or more",
        )
    return ClipSampler(judged, size, seed=seed, num_hard_negatives=num_hard_negatives)


class ClipSampler:
    """Divides the clips into batches each epoch so that pairs and judgments meet equally often.

    A large enough `batch_size` makes one batch of all clips: the whole-set loss.
    """

    def __init__(
        self, judged: JudgedClips, batch_size: int, *, seed: int, num_hard_negatives: int = 0
    ) -> None:
        self.judged = judged
        self.seed = seed
        self.coverage = Coverage(len(judged), judged.triplets)
        self.steps_per_epoch = -(-len(judged) // batch_size)
        self._hard_negatives = _shares(num_hard_negatives, self.steps_per_epoch)

    def draw(self, epoch: int) -> list[Draw]:
        """Batches of nearly equal size that hold each clip once."""
        rng = np.random.default_rng([self.seed, epoch])
        batches = self.coverage.divide(self.steps_per_epoch, rng)
        return [
            Draw(clips, NO_CLIPS, NO_CLIPS, num_hard_negatives=share)
            for clips, share in zip(batches, self._hard_negatives, strict=True)
        ]

    def judge(self, draw: Draw) -> JudgedBatch:
        """Every judgment and every observed pair among the clips of the draw."""
        return self.judged.among(draw.clips, num_hard_negatives=draw.num_hard_negatives)

    def state_dict(self) -> dict[str, Any]:
        """How often each pair and each judgment has been covered."""
        return self.coverage.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        self.coverage.load_state_dict(state)


class TripletSampler:
    """The published protocol: `batch_size` judgments a step, three clip passes for each.

    `rsa_updates_per_epoch` times an epoch the step also embeds `rsa_clips` random clips, of which
    only `rsa_grad_clips` carry a gradient; the RSA term sees the pairs that involve one of those
    (24 clips and 6 of them: 276 - 153 = 123 pairs). That both terms of such a step are added up
    into one update is a reading of the released code.
    """

    def __init__(
        self,
        judged: JudgedClips,
        batch_size: int,
        protocol: PublishedProtocol,
        *,
        seed: int,
        num_hard_negatives: int = 0,
    ) -> None:
        if not len(judged.triplets):
            raise TrainingError(
                "batching: triplets draws judgments, and there are none",
                remedy="set training.batching: clips to learn from dissimilarities alone",
            )
        self.judged = judged
        self.batch_size = batch_size
        self.seed = seed
        self.num_clips = min(protocol.rsa_clips, len(judged))
        self.num_grad_clips = min(protocol.rsa_grad_clips, self.num_clips)
        self.steps_per_epoch = -(-len(judged.triplets) // batch_size)
        self._rsa_steps = _spread(protocol.rsa_updates_per_epoch, self.steps_per_epoch)
        self._hard_negatives = _shares(num_hard_negatives, self.steps_per_epoch)

    def draw(self, epoch: int) -> list[Draw]:
        """All judgments in random order, and random clips where an RSA term is due."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.judged.triplets))
        draws = []
        for step, share in enumerate(self._hard_negatives):
            judgments = order[step * self.batch_size : (step + 1) * self.batch_size]
            clips, context = self.judged.triplets[judgments].ravel(), NO_CLIPS
            if step in self._rsa_steps:
                chosen = rng.permutation(len(self.judged))[: self.num_clips]
                clips = np.concatenate([clips, chosen[: self.num_grad_clips]])
                context = chosen[self.num_grad_clips :]
            draws.append(Draw(clips, context, judgments, num_hard_negatives=share))
        return draws

    def judge(self, draw: Draw) -> JudgedBatch:
        """The drawn judgments, and the pairs of the RSA clips that involve one with a gradient."""
        first_grad = 3 * len(draw.judgments)
        first_context, last = len(draw.clips), len(draw)
        rows, columns = np.triu_indices(last - first_grad, k=1)
        rows, columns = rows + first_grad, columns + first_grad
        learns = rows < first_context  # the lower of the two, so either
        return self.judged.judged(
            np.concatenate([draw.clips, draw.context]),
            triplets=np.arange(first_grad).reshape(-1, 3),
            rows=rows[learns],
            columns=columns[learns],
            num_hard_negatives=draw.num_hard_negatives,
        )

    def state_dict(self) -> dict[str, Any]:
        """Nothing: an epoch's draws follow from the seed."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to continue from."""


def _spread(count: int, steps: int) -> frozenset[int]:
    """`count` steps in the middle of as many equal stretches of an epoch."""
    return frozenset(int((index + 0.5) * steps / count) for index in range(count))


def _shares(total: int, steps: int) -> list[int]:
    """`total` shared out over the steps as evenly as whole numbers allow."""
    return [(step + 1) * total // steps - step * total // steps for step in range(steps)]
