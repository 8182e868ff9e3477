"""From what the encoder sees to what the language model reads, with the person who is meant marked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bgs.fusion.example import Box
from bgs.fusion.settings import ConnectorSettings

NUM_MARKERS = 2  # two people at most are asked about
LOOKS = 3  # points a side at which a decoder of gaze looks into a head's box
WAVES = 2  # around a head, beside the constant one
RADII, RADIUS_WIDTH = (0.1, 0.5, 0.9), 0.25  # distances from a head, in shares of the picture


def box_coverage(boxes: Sequence[Sequence[Box]], *, rows: int, columns: int) -> Tensor:
    """How much of every patch lies inside each box, (examples, NUM_MARKERS, rows * columns) in 0..1.

        x0 ---- x1
    |....#####|##...|      a patch half inside the box is marked by half
    """
    table = torch.zeros(len(boxes), NUM_MARKERS, rows, columns)
    for place, found in enumerate(boxes):
        for number, box in enumerate(found[:NUM_MARKERS]):
            down = _overlap(box.y0, box.y1, rows)
            across = _overlap(box.x0, box.x1, columns)
            table[place, number] = down[:, None] * across[None, :]
    return table.flatten(2)


def _overlap(start: float, stop: float, cells: int) -> Tensor:
    """The share of each of `cells` equal cells of 0..1 that lies between start and stop."""
    edges = torch.linspace(0, 1, cells + 1)
    inside = torch.clamp(edges[1:], max=stop) - torch.clamp(edges[:-1], min=start)
    return inside.clamp(min=0) * cells


class Connector(nn.Module):
    """Visual tokens (examples, tokens, width) and coverage -> (examples, words, language width).

    Tokens of one place are much alike from picture to picture; `calibrate` takes off what they share, so that
    training starts from how they differ.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, settings: ConnectorSettings, *, width: int, language_width: int, num_tokens: int
    ) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("centre", torch.zeros(num_tokens, width))
        self.register_buffer("spread", torch.ones(num_tokens, width))
        self.markers = nn.Parameter(torch.randn(NUM_MARKERS, width) * 0.5)
        self.places = nn.Parameter(torch.randn(num_tokens, width) * 0.1)
        if settings.kind == "queries":
            self.queries = nn.Parameter(torch.randn(settings.num_queries, width))
            heads = next(count for count in (8, 4, 2, 1) if width % count == 0)
            self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        words = settings.num_queries if settings.kind == "queries" else num_tokens
        self.widen = nn.Linear(width, settings.hidden)
        # What a token means depends on where it is: every place weighs the hidden units in its own way.
        self.gates = nn.Parameter(1 + torch.randn(words, settings.hidden))
        self.project = nn.Linear(settings.hidden, language_width)

    @torch.no_grad()
    def calibrate(self, tokens: Tensor) -> None:
        """Keep mean and spread of the training tokens (examples, tokens, width), place by place."""
        self.centre.copy_(tokens.mean(dim=0))
        spread = tokens.std(dim=0) if len(tokens) > 1 else torch.ones_like(tokens[0])
        self.spread.copy_(spread.clamp_min(1e-6))

    def forward(self, tokens: Tensor, coverage: Tensor) -> Tensor:
        """What stands in the sentence for the picture."""
        marked = self.mark(tokens, coverage)
        if self.settings.kind == "queries":
            queries = self.queries.expand(len(tokens), -1, -1)
            marked, _ = self.attention(queries, marked, marked, need_weights=False)
        words: Tensor = self.project(nn.functional.gelu(self.widen(marked)) * self.gates)
        return words

    def standardise(self, tokens: Tensor) -> Tensor:
        """Tokens without what all pictures share at their place."""
        standard: Tensor = (tokens - self.centre) / self.spread
        return standard

    def mark(self, tokens: Tensor, coverage: Tensor) -> Tensor:
        """Standardised tokens, with a vector added where a person is, as much as they cover the patch."""
        marks = torch.einsum("bmt,mw->btw", coverage, self.markers)
        marked: Tensor = self.standardise(tokens) + self.places + marks
        return marked


class HeatmapDecoder(nn.Module):
    """Tokens and a head's box -> logits of the cells of a finer grid: where that person looks.

    What stands in the head says which way, what stands elsewhere whether it is worth a look; the two are added:

        tokens in the box --> rays: a function of angle and distance from the head --+--> cells
        tokens of a place --> how likely anybody looks there -------------------------+

    The rays are spelt in waves around the head, so that what is learnt of one place holds at every other. Cells
    with weights of their own would learn the training pictures by heart.
    """

    def __init__(
        self,
        *,
        width: int,
        rows: int,
        columns: int,
        grid: int,
        hidden: int = 64,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.shape = rows, columns
        self.grid = grid
        self.parts = max(-(-grid // rows), -(-grid // columns))  # cells a side of a patch
        waves = (2 * WAVES + 1) * len(RADII)
        self.rays = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(width * LOOKS**2 + 4, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, waves),
        )
        self.scene = nn.Sequential(
            nn.Linear(width, hidden // 2),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden // 2, self.parts**2),
        )

    def forward(self, tokens: Tensor, boxes: Tensor) -> Tensor:
        """Standardised (examples, tokens, width) and heads (examples, 4) -> (examples, grid * grid)."""
        heads = (boxes[:, :2] + boxes[:, 2:]) / 2
        patches = heads * heads.new_tensor(self.shape[::-1])
        # Where the head is, in the picture and within its patch: patches cut heads in different ways.
        where = torch.cat([patches % 1 - 0.5, 2 * heads - 1], dim=1)
        seen = look_into(self._plane(tokens), boxes, looks=LOOKS).flatten(1)
        weights = self.rays(torch.cat([seen, where], dim=1))
        angles, distances = spell_cells(heads, grid=self.grid)
        rays = torch.einsum(
            "nar,nac,nrc->nc", weights.unflatten(1, (-1, len(RADII))), angles, distances
        )
        logits: Tensor = rays + self._salience(tokens)
        return logits

    def _salience(self, tokens: Tensor) -> Tensor:
        """How likely anybody looks at each cell, (examples, grid * grid)."""
        fine = nn.functional.pixel_shuffle(self._plane(self.scene(tokens)), self.parts)
        return nn.functional.adaptive_avg_pool2d(fine, self.grid).flatten(1)

    def _plane(self, tokens: Tensor) -> Tensor:
        return tokens.transpose(1, 2).unflatten(2, self.shape)


def look_into(plane: Tensor, boxes: Tensor, *, looks: int) -> Tensor:
    """(examples, width, rows, columns) at looks x looks points of each box -> (examples, width, looks, looks)."""
    steps = (torch.arange(looks, device=boxes.device) + 0.5) / looks
    across = boxes[:, :1] + (boxes[:, 2:3] - boxes[:, :1]) * steps  # (examples, looks)
    down = boxes[:, 1:2] + (boxes[:, 3:] - boxes[:, 1:2]) * steps
    points = torch.stack(
        [across[:, None].expand(-1, looks, -1), down[:, :, None].expand(-1, -1, looks)], dim=3
    )
    return nn.functional.grid_sample(
        plane, (2 * points - 1).to(plane.dtype), padding_mode="border", align_corners=False
    )


def spell_cells(heads: Tensor, *, grid: int) -> tuple[Tensor, Tensor]:
    """Every cell as seen from a head: waves of its angle, (heads, 2 WAVES + 1, cells), and bumps of its distance."""
    middles = (torch.arange(grid, device=heads.device) + 0.5) / grid
    across = middles.repeat(grid) - heads[:, :1]  # (heads, cells)
    down = middles.repeat_interleave(grid) - heads[:, 1:]
    angle, distance = torch.atan2(down, across), torch.hypot(across, down)
    waves = [torch.ones_like(angle)]
    for number in range(1, WAVES + 1):
        waves += [torch.cos(number * angle), torch.sin(number * angle)]
    # A cell under the head has no direction: bumps vanish there.
    near = torch.tanh(distance / RADII[0])
    bumps = [near * torch.exp(-(((distance - r) / RADIUS_WIDTH) ** 2) / 2) for r in RADII]
    return torch.stack(waves, dim=1), torch.stack(bumps, dim=1)
