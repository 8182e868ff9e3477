"""From what the encoder sees to what the language model reads, with the person who is meant marked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bgs.fusion.example import Box
from bgs.fusion.settings import ConnectorSettings

NUM_MARKERS = 2  # two people at most are asked about


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
        self.project = nn.Sequential(
            nn.Linear(width, settings.hidden),
            nn.GELU(),
            nn.Linear(settings.hidden, language_width),
        )

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
        words: Tensor = self.project(marked)
        return words

    def mark(self, tokens: Tensor, coverage: Tensor) -> Tensor:
        """Standardised tokens, with a vector added where a person is, as much as they cover the patch."""
        marks = torch.einsum("bmt,mw->btw", coverage, self.markers)
        marked: Tensor = (tokens - self.centre) / self.spread + self.places + marks
        return marked


class HeatmapDecoder(nn.Module):
    """Marked tokens -> logits of the cells of a finer grid: where the person who is marked looks."""

    def __init__(
        self,
        *,
        width: int,
        rows: int,
        columns: int,
        grid: int,
        hidden: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape = rows, columns
        self.grid = grid
        self.reduce = nn.Linear(width, hidden)
        self.mix = nn.TransformerEncoderLayer(
            hidden, nhead=4, dim_feedforward=2 * hidden, dropout=dropout, batch_first=True
        )
        self.cells = nn.Parameter(torch.randn(hidden, grid, grid) * 0.02)
        self.score = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, padding=1), nn.GELU(), nn.Conv2d(hidden, 1, 1)
        )

    def forward(self, marked: Tensor) -> Tensor:
        """(examples, tokens, width) -> (examples, grid * grid)."""
        mixed = self.mix(self.reduce(marked))  # (examples, tokens, hidden)
        plane = mixed.transpose(1, 2).unflatten(2, self.shape)
        fine = nn.functional.interpolate(plane, size=(self.grid, self.grid), mode="bilinear")
        logits: Tensor = self.score(fine + self.cells)
        return logits.flatten(1)
