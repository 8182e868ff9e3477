"""Fresh clips for pre-training, and what the encoder must report about each.

Three levels of target, all read off the simulated state: what is in a patch (a token), how the agents
stand to each other at a moment (all tokens of one time step), and the clip as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bgs.animations.appearance import Appearance, sample_appearance
from bgs.animations.behaviours import (
    DEMO_TEMPO,
    RELATIONS,
    ROAM,
    WIDE_TEMPO,
    join_controls,
    sample_controls,
)
from bgs.animations.latents import pair_series, social_variables
from bgs.animations.physics import STEPS_PER_SECOND, Motion, scene_of, simulate_motion
from bgs.animations.render import render_frames

SIZE, FRAMES, TUBELET, GRID = 64, 12, 2, 4
MEAN = np.float32([0.485, 0.456, 0.406])
STD = np.float32([0.229, 0.224, 0.225])
TOKEN_NAMES = (
    *("occupied_0", "occupied_1", "occupied_object", "row", "column"),
    *("velocity_0x", "velocity_0y", "velocity_1x", "velocity_1y"),
    *("other_from_0x", "other_from_0y", "other_from_1x", "other_from_1y"),
    *("approach_0", "approach_1", "gap_0", "gap_1"),
)


@dataclass(frozen=True)
class Bank:
    """Simulated motion with its step-by-step description, ready to be rendered."""

    motion: Motion
    velocity: np.ndarray  # (clips, 3, steps, 2)
    series: dict[str, np.ndarray]
    social: np.ndarray  # (clips, social variables)


@dataclass(frozen=True)
class Targets:
    """Standardised targets of a batch: token (clips, patches, n), tubelet (clips, moments, n)."""

    token: torch.Tensor
    token_weight: torch.Tensor
    tubelet: torch.Tensor
    social: torch.Tensor
    look: torch.Tensor

    def sizes(self) -> dict[str, int]:
        names = ("token", "tubelet", "social", "look")
        return {name: getattr(self, name).shape[-1] for name in names}


def simulate_bank(count: int, *, rng: np.random.Generator, roam: float = 0.4) -> Bank:
    """`count` fresh motions in random order; a share `roam` of them belongs to no relation."""
    free = round(count * roam)
    share = -(-(count - free) // len(RELATIONS))
    tempo = WIDE_TEMPO if free else DEMO_TEMPO
    parts = [sample_controls(name, share, rng=rng, tempo_range=tempo) for name in RELATIONS]
    if free:
        parts.append(sample_controls(ROAM, free, rng=rng, tempo_range=tempo))
    controls = join_controls(parts)
    order = rng.permutation(len(controls.speed))[:count]
    motion = simulate_motion(controls.take(order), rng=rng)
    still = np.where(motion.present[..., None, None], motion.positions, 0.0)
    series = pair_series(still, motion.radii, steps_per_second=STEPS_PER_SECOND)
    velocity = np.gradient(still, axis=2) * STEPS_PER_SECOND
    social = social_variables(still, motion.radii, steps_per_second=STEPS_PER_SECOND)
    return Bank(motion, velocity.astype(np.float32), series, social.astype(np.float32))


def _disturb(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What encoding and resizing do to pixels, roughly: blur, coarser colour, noise, rounding."""
    if rng.random() < 0.5:
        mix = rng.uniform(0, 0.25)
        frames[:, 1:-1] += mix * ((frames[:, 2:] + frames[:, :-2]) / 2 - frames[:, 1:-1])
        frames[:, :, 1:-1] += mix * (
            (frames[:, :, 2:] + frames[:, :, :-2]) / 2 - frames[:, :, 1:-1]
        )
    if rng.random() < 0.5:
        frames += rng.standard_normal((1, SIZE, SIZE, 1), np.float32) * np.float32(
            rng.uniform(0, 0.02)
        )
    return frames


def _view(
    bank: Bank, rows: np.ndarray, looks: list[Appearance], steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities in picture coordinates, (clips, 3, frames, 2)."""
    pick = (rows[:, None, None], np.arange(3)[None, :, None], steps[:, None, :])
    places, velocity = bank.motion.positions[pick], bank.velocity[pick]
    turn = np.array([look.camera.turn for look in looks])
    flip = np.array([-1.0 if look.camera.mirrored else 1.0 for look in looks])
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.stack([np.stack([cos, -sin], 1) * flip[:, None], np.stack([sin, cos], 1)], 1)
    zoom = np.array([look.camera.zoom for look in looks])[:, None, None, None]
    pan = np.array([look.camera.pan for look in looks])[:, None, None]
    drift = np.array([look.camera.drift for look in looks])[:, None, None]
    share = (steps / bank.motion.positions.shape[2])[:, None, :, None]
    turned = np.einsum("bij,betj->beti", matrix, places)
    return (turned + pan + drift * share) * zoom, np.einsum("bij,betj->beti", matrix, velocity)


def _pairs(values: np.ndarray) -> np.ndarray:
    """Mean over the two frames of a tubelet, on the frame axis (axis 1 of (clips, frames, ...))."""
    return values.reshape(len(values), FRAMES // TUBELET, TUBELET, *values.shape[2:]).mean(axis=2)


def _token_targets(
    place: np.ndarray, velocity: np.ndarray, present: np.ndarray, state: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Per-patch targets and weights; place and velocity are (clips, moments, 3, 2)."""
    axis = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    y, x = np.meshgrid(axis, axis, indexing="ij")
    centres = np.stack([x.ravel(), y.ravel()], axis=1)  # (patches, 2)
    offset = place[:, :, None] - centres[None, None, :, None]  # (clips, moments, patches, 3, 2)
    reach = np.exp(-0.5 * (offset**2).sum(-1) / 0.25**2) * present[:, None, None, :]
    shape = reach.shape[:3]

    def spread(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values[:, :, None], (*shape, values.shape[-1]))

    between = place[:, :, 1] - place[:, :, 0]
    pair = [state[name][..., None] for name in ("approach_0", "approach_1", "gap", "gap")]
    columns = [
        reach,
        np.broadcast_to(centres[:, ::-1], (*shape, 2)),
        *(spread(velocity[:, :, k]) for k in (0, 1)),
        spread(between),
        spread(-between),
        *(spread(p) for p in pair),
    ]
    token = np.concatenate(columns, axis=-1)
    first, second = reach[..., :1], reach[..., 1:2]
    weight = np.concatenate(
        [np.ones((*shape, 5)), *[w for w in (first, second) for _ in range(2)]]
        + [w for w in (first, second) for _ in range(2)]
        + [first, second, first, second],
        axis=-1,
    )
    return token.reshape(len(token), -1, token.shape[-1]), weight.reshape(
        len(token), -1, token.shape[-1]
    )


@dataclass(frozen=True)
class Scales:
    """Mean and standard deviation of every target, from one batch of examples."""

    mean: dict[str, np.ndarray]
    std: dict[str, np.ndarray]

    @classmethod
    def of(cls, raw: dict[str, np.ndarray]) -> Scales:
        flat = {k: v.reshape(-1, v.shape[-1]) for k, v in raw.items() if k != "weight"}
        return cls(
            mean={k: v.mean(0) for k, v in flat.items()},
            std={k: v.std(0) + 1e-3 for k, v in flat.items()},
        )

    def apply(self, raw: dict[str, np.ndarray]) -> Targets:
        scaled = {
            k: torch.from_numpy(
                np.clip((raw[k] - self.mean[k]) / self.std[k], -4, 4).astype(np.float32)
            )
            for k in self.mean
        }
        weight = torch.from_numpy(raw["weight"].astype(np.float32))
        return Targets(token_weight=weight, **scaled)


def draw_batch(
    bank: Bank, rows: np.ndarray, *, rng: np.random.Generator, plain: bool = False
) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Render clips `rows` of the bank in fresh looks, with their targets.

    `plain` leaves out the pixel disturbance and the jitter of the frame times.
    """
    total = bank.motion.positions.shape[2] / STEPS_PER_SECOND
    looks, pixels, all_steps = [], [], []
    for row in rows:
        scene = scene_of(bank.motion, int(row))
        look = sample_appearance(rng)
        times = (np.arange(FRAMES) + 0.5) / FRAMES * total
        if not plain:
            times = times + rng.uniform(-0.08, 0.08)
        softness = 1.15 if plain else rng.uniform(0.9, 1.4)
        frames = render_frames(scene, look, times=times, size=SIZE, softness=softness)
        pixels.append(frames if plain else _disturb(frames, rng))
        looks.append(look)
        all_steps.append(np.clip(np.round(times * STEPS_PER_SECOND - 0.5), 0, None))
    clips = (np.clip(np.stack(pixels), 0, 1) - MEAN) / STD  # (clips, frames, h, w, 3)
    steps = np.minimum(np.array(all_steps).astype(int), bank.motion.positions.shape[2] - 1)
    tensor = torch.from_numpy(clips).permute(0, 1, 4, 2, 3)
    return tensor, _describe(bank, rows, looks, steps)


def _describe(
    bank: Bank, rows: np.ndarray, looks: list[Appearance], steps: np.ndarray
) -> dict[str, np.ndarray]:
    place, velocity = _view(bank, rows, looks, steps)
    present = bank.motion.present[rows]
    place = _pairs(place.transpose(0, 2, 1, 3)) * present[:, None, :, None]
    velocity = _pairs(velocity.transpose(0, 2, 1, 3))
    state = {k: _pairs(v[rows[:, None], steps]) for k, v in bank.series.items()}
    moments = place.shape[1]
    speeds = np.linalg.norm(velocity, axis=-1)
    chase = (state["approach_0"] - state["approach_1"]) / 2
    tubelet = np.concatenate(
        [
            place.reshape(len(rows), moments, -1),
            velocity.reshape(len(rows), moments, -1),
            place[:, :, 1] - place[:, :, 0],
            np.log(0.1 + speeds),
            np.stack(
                [
                    np.exp(-state["gap"] / 0.5),
                    np.exp(-state["gap"] / 0.1),
                    state["gap"],
                    state["approach_0"],
                    state["approach_1"],
                    chase,
                    np.abs(chase),
                    state["closing"],
                    state["alignment"],
                    np.log(0.1 + state["speed_0"]) - np.log(0.1 + state["speed_1"]),
                ],
                axis=-1,
            ),
        ],
        axis=-1,
    )
    sizes = np.log(bank.motion.radii[rows]) * present + 0.0
    social = np.concatenate([bank.social[rows], sizes, present[:, 2:]], axis=1)
    look = np.stack([item.describe() for item in looks])
    token, weight = _token_targets(place, velocity, present, state)
    return {"token": token, "tubelet": tubelet, "social": social, "look": look, "weight": weight}
