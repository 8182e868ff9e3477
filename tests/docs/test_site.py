"""The site builds without a warning, needs nothing from elsewhere, and covers every room."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import bgs.cli.app
from tests.reports.browser import find_chromium

DOCS = Path(__file__).parents[2] / "docs"
FROM_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="?(?:https?:)?//[^>]*>"""
    r"""|<link\b(?=[^>]*rel="?(?:stylesheet|preload|preconnect|icon))[^>]*href="?(?:https?:)?//[^>]*>""",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(name, reason=f"needs {name} (the docs extra)")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*command, "-f", str(DOCS / "mkdocs.yml"), "-d", str(folder)],
        capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 18
    found = {page.name: FROM_ELSEWHERE.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert {name: tags for name, tags in found.items() if tags} == {}
    styles = "".join(file.read_text(encoding="utf-8") for file in site.rglob("*.css"))
    assert re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)|@import", styles) == []


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.example/a.js">',
        "<script async src=//cdn.example/a.js>",
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<img alt="x" src="http://example.org/x.png">',
    ],
)
def test_what_is_from_elsewhere_would_be_seen(tag):
    assert FROM_ELSEWHERE.search(tag)
    assert not FROM_ELSEWHERE.search('<a href="https://arxiv.org/abs/2510.01502">')


def test_docstrings_are_in_the_reference(site):
    page = (site / "api" / "evaluation.html").read_text(encoding="utf-8")
    assert "split_half_ceiling" in page
    assert "paired_difference" in page


def test_every_command_is_in_it(site):
    page = (site / "commands.html").read_text(encoding="utf-8")
    app = get_command(bgs.cli.app.app)
    names = {*app.commands, *(f"data {name}" for name in app.commands["data"].commands)} - {"data"}
    headings = set(re.findall(r'<h2 id="[^"]+">bgs ([^<]+)<', page))
    groups = {name for name, command in app.commands.items() if hasattr(command, "commands")}
    assert names - groups <= headings
    assert "<code>--num-bootstrap</code>" in page


def test_every_room_has_a_page(repository):
    rooms = {
        folder.name
        for folder in (repository / "bgs").iterdir()
        if (folder / "__init__.py").is_file() and folder.name != "cli"
    }
    named = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "pages/api").glob("*.md"))
    assert rooms <= set(re.findall(r"^::: bgs\.(\w+)$", named, re.MULTILINE))


def test_pictures_are_drawn_from_a_run(finished, tmp_path):
    """The committed ones come from a whole demo; a rehearsal shows that they can still be drawn."""
    spec = importlib.util.spec_from_file_location("draw_figures", DOCS / "draw_figures.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    files = script.draw_all(script.load_record(finished / "runs" / "demo"), tmp_path)
    assert {file.name for file in files} == {file.name for file in script.FIGURES.glob("*.svg")}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith("<svg ")
        assert len(text) < 60_000
    r2 = re.findall(r"(before|after) tuning, R² (\d\.\d\d)", (tmp_path / "ranks.svg").read_text())
    assert [name for name, _ in r2] == ["before", "after"]


def test_every_picture_is_used(repository):
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "pages").glob("*.md"))
    for figure in (DOCS / "pages" / "figures").iterdir():
        assert f"figures/{figure.name}" in pages


def test_search_works_from_disk(site, tmp_path):
    """No server, no network: the page is opened as a file, with something to look for in its address."""
    browser = find_chromium()
    if browser is None:
        pytest.skip("needs Chromium on the PATH (Debian: apt install chromium)")
    address = (site / "numbers.html").as_uri() + "?q=ceiling"
    switches = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    done = subprocess.run(
        [browser, *switches, "--virtual-time-budget=20000", "--dump-dom", address],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert re.search(r"\d+ matching documents", done.stdout)
