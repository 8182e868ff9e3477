"""A drawing as a list of marks, written as SVG for the page, SVG for a paper, or PDF.

Every figure is drawn once; `svg` and `pdf` know how each kind of mark looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bgs.reports.marks import PAPER, Dot, Mark, shift
from bgs.reports.svg import format_point, mark_to_svg

FONT = "ui-sans-serif, system-ui, 'Helvetica Neue', Helvetica, Arial, sans-serif"


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
        self.marks.extend(shift(mark, x, y) for mark in other.marks)

    def page_svg(self, *, description: str, interactive: bool = False) -> str:
        """SVG for the page: colours follow the page, dots with a key can be reached by keyboard."""
        body = "".join(
            mark_to_svg(mark, lambda role: f"var(--{role})", self._focusable(interactive))
            for mark in self.marks
        )
        role = "group" if interactive else "img"
        return (
            f'<svg viewBox="0 0 {format_point(self.width)} {format_point(self.height)}" role="{role}" '
            f'aria-label="{escape(description)}" font-family="inherit">{body}</svg>'
        )

    def paper_svg(self, *, description: str) -> str:
        """A file of its own: fixed colours, fonts named, a title for whoever cannot see it."""
        body = "\n".join(mark_to_svg(mark, PAPER.__getitem__, None) for mark in self.marks)
        width, height = format_point(self.width), format_point(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
            f'viewBox="0 0 {width} {height}" font-family="{escape(FONT)}">\n'
            f"<title>{escape(description)}</title>\n{body}\n</svg>\n"
        )

    def write_pdf(self, path: Path) -> None:
        """The same drawing as PDF, with text that stays text."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        from bgs.reports.pdf import draw_mark  # matplotlib only where a PDF is wanted

        with rc_context({"pdf.fonttype": 42}):
            figure = Figure(figsize=(self.width / 72, self.height / 72))
            axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axes.set_axis_off()
            for order, mark in enumerate(self.marks):
                draw_mark(axes, mark, order)
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
