"""A drawing as a list of marks, written as SVG for the page, SVG for a paper, or PDF.

Every figure is drawn once. Marks name their colour by role ("ink", "accent"): the page resolves roles
through CSS variables, so one drawing serves light and dark; paper resolves them to the values here.
Coordinates are points from the upper left corner.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Anchor = Literal["start", "middle", "end"]
Colour = Callable[[str], str]

# Groups are Okabe and Ito's colours: apart from each other under every common colour blindness.
PAPER = {
    "ink": "#1a1a18",
    "muted": "#5c5b55",
    "rule": "#c9c7bd",
    "paper": "#ffffff",
    "accent": "#b5341c",
    "second": "#2d6187",
    "group0": "#0072b2",
    "group1": "#d55e00",
    "group2": "#009e73",
    "group3": "#b6689a",
}
FONT = "ui-sans-serif, system-ui, 'Helvetica Neue', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Line:
    """A polyline."""

    points: tuple[tuple[float, float], ...]
    role: str = "ink"
    width: float = 1.0
    dash: tuple[float, float] | None = None


@dataclass(frozen=True)
class Dot:
    """A circle; `key` and `name` make it something that can be pointed at and read out on the page."""

    x: float
    y: float
    radius: float
    role: str = "ink"
    filled: bool = True
    key: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Box:
    """A filled rectangle without outline."""

    x: float
    y: float
    width: float
    height: float
    role: str = "ink"


@dataclass(frozen=True)
class Label:
    """A line of text; y is its baseline."""

    x: float
    y: float
    text: str
    role: str = "ink"
    anchor: Anchor = "start"
    size: float = 11.0
    bold: bool = False


@dataclass(frozen=True)
class Picture:
    """A raster whose pixels stay sharp when they are enlarged."""

    x: float
    y: float
    width: float
    height: float
    png: bytes


Mark = Line | Dot | Box | Label | Picture


@dataclass
class Canvas:
    """Marks on a sheet of `width` x `height` points, drawn in the order they were added."""

    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)

    def add(self, *marks: Mark) -> None:
        """Draw on top of what is there."""
        self.marks.extend(marks)

    def place(self, other: Canvas, *, x: float, y: float) -> None:
        """Draw a whole other canvas with its corner at (x, y)."""
        self.marks.extend(_shift(mark, x, y) for mark in other.marks)

    def page_svg(self, *, description: str, interactive: bool = False) -> str:
        """SVG for the page: colours follow the page, dots with a key can be reached by keyboard."""
        body = "".join(
            _svg(mark, lambda role: f"var(--{role})", self._focusable(interactive))
            for mark in self.marks
        )
        role = "group" if interactive else "img"
        return (
            f'<svg viewBox="0 0 {_number(self.width)} {_number(self.height)}" role="{role}" '
            f'aria-label="{escape(description)}" font-family="inherit">{body}</svg>'
        )

    def paper_svg(self, *, description: str) -> str:
        """A file of its own: fixed colours, fonts named, a title for whoever cannot see it."""
        body = "\n".join(_svg(mark, PAPER.__getitem__, None) for mark in self.marks)
        width, height = _number(self.width), _number(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
            f'viewBox="0 0 {width} {height}" font-family="{escape(FONT)}">\n'
            f"<title>{escape(description)}</title>\n{body}\n</svg>\n"
        )

    def write_pdf(self, path: Path) -> None:
        """The same drawing as PDF, with text that stays text."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context({"pdf.fonttype": 42}):
            figure = Figure(figsize=(self.width / 72, self.height / 72))
            axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axes.set_axis_off()
            for order, mark in enumerate(self.marks):
                _draw(axes, mark, order)
            axes.set_xlim(0, self.width)
            axes.set_ylim(self.height, 0)
            axes.set_aspect("auto")
            figure.savefig(path, format="pdf", metadata={"CreationDate": None})

    def _focusable(self, interactive: bool) -> str | None:
        """The key of the one dot that Tab reaches; arrow keys lead on from there."""
        keys = [mark.key for mark in self.marks if isinstance(mark, Dot) and mark.key is not None]
        return keys[0] if interactive and keys else None


def side_by_side(canvases: Sequence[Canvas], *, gap: float = 24) -> Canvas:
    """Panels in a row, tops aligned."""
    row = Canvas(
        sum(canvas.width for canvas in canvases) + gap * (len(canvases) - 1),
        max(canvas.height for canvas in canvases),
    )
    x = 0.0
    for canvas in canvases:
        row.place(canvas, x=x, y=0)
        x += canvas.width + gap
    return row


def polyline(
    xs: Iterable[float], ys: Iterable[float], *, role: str = "ink", width: float = 1.0
) -> Line:
    """A line through these points."""
    return Line(tuple(zip(map(float, xs), map(float, ys), strict=True)), role, width)


def _shift(mark: Mark, x: float, y: float) -> Mark:
    if isinstance(mark, Line):
        return replace(mark, points=tuple((px + x, py + y) for px, py in mark.points))
    return replace(mark, x=mark.x + x, y=mark.y + y)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _svg(mark: Mark, colour: Colour, focusable: str | None) -> str:
    n = _number
    match mark:
        case Line():
            points = " ".join(f"{n(x)},{n(y)}" for x, y in mark.points)
            dash = (
                ""
                if mark.dash is None
                else f' stroke-dasharray="{n(mark.dash[0])} {n(mark.dash[1])}"'
            )
            return (
                f'<polyline points="{points}" fill="none" stroke="{colour(mark.role)}" '
                f'stroke-width="{n(mark.width)}" stroke-linejoin="round"{dash}/>'
            )
        case Dot():
            fill, stroke = (mark.role, "paper") if mark.filled else ("paper", mark.role)
            circle = (
                f'<circle cx="{n(mark.x)}" cy="{n(mark.y)}" r="{n(mark.radius)}" '
                f'fill="{colour(fill)}" stroke="{colour(stroke)}"'
            )
            if mark.key is None or mark.name is None:
                return circle + "/>"
            name = escape(mark.name)
            tab = "0" if mark.key == focusable else "-1"
            reach = "" if focusable is None else f' data-clip="{escape(mark.key)}" tabindex="{tab}"'
            return f'{circle} role="img" aria-label="{name}"{reach}><title>{name}</title></circle>'
        case Box():
            return (
                f'<rect x="{n(mark.x)}" y="{n(mark.y)}" width="{n(mark.width)}" height="{n(mark.height)}" '
                f'fill="{colour(mark.role)}"/>'
            )
        case Label():
            weight = ' font-weight="600"' if mark.bold else ""
            return (
                f'<text x="{n(mark.x)}" y="{n(mark.y)}" fill="{colour(mark.role)}" font-size="{n(mark.size)}" '
                f'text-anchor="{mark.anchor}"{weight}>{escape(mark.text)}</text>'
            )
        case Picture():
            data = b64encode(mark.png).decode("ascii")
            return (
                f'<image x="{n(mark.x)}" y="{n(mark.y)}" width="{n(mark.width)}" height="{n(mark.height)}" '
                f'preserveAspectRatio="none" image-rendering="pixelated" href="data:image/png;base64,{data}"/>'
            )


def _draw(axes: Axes, mark: Mark, order: int) -> None:
    """One mark with matplotlib, in the same coordinates."""
    from matplotlib.image import imread
    from matplotlib.patches import Circle, Rectangle

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
