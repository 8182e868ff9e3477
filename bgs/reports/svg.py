"""A mark as SVG. Every text and every name is escaped here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from html import escape

from bgs.reports.marks import Box, Dot, Label, Line, Mark, Picture

Colour = Callable[[str], str]


def mark_to_svg(mark: Mark, colour: Colour, focusable: str | None) -> str:
    """One element; `focusable` is the key of the dot that Tab reaches, None where nothing is pointed at."""
    n = format_point
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
            return _dot_to_svg(mark, colour, focusable)
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


def _dot_to_svg(mark: Dot, colour: Colour, focusable: str | None) -> str:
    n = format_point
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


def format_point(value: float) -> str:
    """A coordinate with no more digits than a screen can show."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
