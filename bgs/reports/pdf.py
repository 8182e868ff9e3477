"""A mark with matplotlib, in the same coordinates, for PDF."""

from __future__ import annotations

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.image import imread
from matplotlib.patches import Circle, Rectangle

from bgs.reports.marks import PAPER, Box, Dot, Label, Line, Mark, Picture


def draw_mark(axes: Axes, mark: Mark, order: int) -> None:
    """One mark with matplotlib, in the same coordinates."""
    match mark:
        case Line():
            xs, ys = zip(*mark.points, strict=True)
            style = "-" if mark.dash is None else (0, mark.dash)
            axes.plot(
                xs, ys, color=PAPER[mark.role], linewidth=mark.width, linestyle=style, zorder=order
            )
        case Dot():
            fill, edge = (mark.role, "paper") if mark.filled else ("paper", mark.role)
            axes.add_patch(
                Circle(
                    (mark.x, mark.y),
                    mark.radius,
                    facecolor=PAPER[fill],
                    edgecolor=PAPER[edge],
                    zorder=order,
                )
            )
        case Box():
            axes.add_patch(
                Rectangle(
                    (mark.x, mark.y),
                    mark.width,
                    mark.height,
                    color=PAPER[mark.role],
                    linewidth=0,
                    zorder=order,
                )
            )
        case Label():
            side = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
            weight = "bold" if mark.bold else "normal"
            # parse_math off: a dollar sign in a name is a dollar sign.
            axes.text(
                mark.x,
                mark.y,
                mark.text,
                color=PAPER[mark.role],
                fontsize=mark.size,
                ha=side,
                va="baseline",
                weight=weight,
                zorder=order,
                parse_math=False,
            )
        case Picture():
            extent = (mark.x, mark.x + mark.width, mark.y + mark.height, mark.y)
            axes.imshow(
                imread(BytesIO(mark.png)), extent=extent, interpolation="nearest", zorder=order
            )
