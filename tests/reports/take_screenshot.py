"""The picture of a report for the README, taken anew when the page or the demo changes.

    python -m tests.reports.take_screenshot runs/demo/report.html docs/report.png [--dark]

Tables and provenance are left out, so that what is left can be read at the width of a README.
"""

from __future__ import annotations

import argparse
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tests.reports.browser import find_chromium, open_browser

WIDTH, COLOURS = 1200, 256
SHOWN = ("scores", "rdms", "map", "near")
KEEP_PARTS = f"""
(() => {{
  const shown = {list(SHOWN)}.map((name) => `run0-${{name}}`);
  for (const section of document.querySelectorAll("main section")) {{
    section.hidden = !shown.includes(section.getAttribute("aria-labelledby"));
    section.style.display = section.hidden ? "none" : "";
  }}
  const left_out = ".scroll:has([data-sortable]), .contents, .tools, footer";
  document.querySelectorAll(left_out).forEach((e) => (e.style.display = "none"));
  [...document.querySelectorAll(".strips tbody tr")].slice(3).forEach((row) => row.remove());
  return Math.ceil(document.querySelector("main").getBoundingClientRect().bottom);
}})()
"""


def take_screenshot(report: Path, out: Path, *, dark: bool) -> None:
    """The masthead, the scores, the distances and the nearest neighbours, in few colours and so in few bytes."""
    program = find_chromium()
    if program is None:
        raise SystemExit("needs Chromium on the PATH (Debian: apt install chromium)")
    with TemporaryDirectory() as profile, open_browser(program, Path(profile)) as page:
        page.show(report.resolve(), width=WIDTH, dark=dark)
        height = page.evaluate(KEEP_PARTS)
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
        shot = page.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
    with Image.open(BytesIO(b64decode(shot))) as picture:
        # No dithering: it would speckle the paper and cost more than the colours it saves.
        few = picture.convert("RGB").quantize(COLOURS, kmeans=3, dither=Image.Dither.NONE)
        few.save(out, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Take the picture of a report.")
    parser.add_argument("report", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    take_screenshot(given.report, given.out, dark=given.dark)
