"""What a figure is: panels that stack on a narrow page and stand in a row on paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bgs.reports.canvas import Canvas, side_by_side
from bgs.reports.marks import Label
from bgs.whole_files import written_together

TITLE_HEIGHT = 20.0


@dataclass(frozen=True)
class Panel:
    """One drawing with its title and what it shows, in words."""

    title: str
    canvas: Canvas
    description: str
    interactive: bool = False
    narrow: Canvas | None = None  # the same for a phone, where a smaller copy could not be read

    def __html__(self) -> str:
        """The drawing for the page; a template may insert it as it is, since the canvas escapes."""
        drawn = self.canvas.page_svg(description=self.description, interactive=self.interactive)
        if self.narrow is None:
            return drawn
        small = self.narrow.page_svg(description=self.description)
        return f'<div class="wide">{drawn}</div><div class="narrow">{small}</div>'


@dataclass(frozen=True)
class Figure:
    """Panels that belong together, and the numbers they show."""

    name: str
    panels: tuple[Panel, ...]
    table: pd.DataFrame
    legend: Panel | None = None

    def write(self, folder: Path) -> list[Path]:
        """NAME.svg, NAME.pdf and NAME.csv, all of them or none."""
        names = [f"{self.name}.{kind}" for kind in ("svg", "pdf", "csv")]
        canvas = self._on_paper()
        description = " ".join(panel.description for panel in self.panels)
        with written_together(folder) as aside:
            svg, pdf, csv = (aside / name for name in names)
            svg.write_text(canvas.paper_svg(description=description), encoding="utf-8")
            canvas.write_pdf(pdf)
            self.table.to_csv(csv, index=False)
        return [folder / name for name in names]

    def _on_paper(self) -> Canvas:
        row = side_by_side([_with_title(panel) for panel in self.panels])
        if self.legend is None:
            return row
        sheet = Canvas(row.width, row.height + 12 + self.legend.canvas.height)
        sheet.place(row, x=0, y=0)
        sheet.place(self.legend.canvas, x=0, y=row.height + 12)
        return sheet


def _with_title(panel: Panel) -> Canvas:
    if not panel.title:
        return panel.canvas
    titled = Canvas(panel.canvas.width, panel.canvas.height + TITLE_HEIGHT)
    titled.add(Label(0, 13, panel.title, bold=True, size=12))
    titled.place(panel.canvas, x=0, y=TITLE_HEIGHT)
    return titled
