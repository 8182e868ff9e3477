from __future__ import annotations

import errno
import os
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from bgs.errors import DataError
from bgs.reports.canvas import Canvas, side_by_side
from bgs.reports.figures import draw_figures, write_figures
from bgs.reports.marks import Box, Dot, Label, Line
from bgs.reports.page import render_report
from bgs.reports.record import RunRecord
from bgs.reports.rows import CeilingLine, ScoreRow, score_rows
from bgs.reports.scores import draw_scores

HOSTILE = '<script>document.title = "owned"</script>'
VOID = {"meta", "link", "image", "use", "polyline", "rect", "circle", "input", "br"}


class Outline(HTMLParser):
    """What a page consists of, and whether every element is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def read(page: Path) -> tuple[str, Outline]:
    text = page.read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    return text, outline


@pytest.fixture(scope="module")
def page(record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Outline]:
    out = tmp_path_factory.mktemp("page") / "deep" / "report.html"
    assert render_report([record], out) == out
    assert list(out.parent.iterdir()) == [out]
    return read(out)


def test_a_full_disk_leaves_the_earlier_page(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    out.write_text("an earlier page", encoding="utf-8")

    def fill_the_disk(self: Path, text: str, **_: object) -> None:
        self.write_bytes(text[:1000].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(DataError) as caught:
        render_report([record], out)
    assert str(caught.value) == (
        f"the disk of {tmp_path} is full; free some space, or choose another place for the output; "
        "what was there before is kept"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert out.read_bytes() == b"an earlier page"


def test_the_page_needs_nothing_else(page: tuple[str, Outline]) -> None:
    text, outline = page
    assert len(text) < 10_000_000
    links = [
        value
        for _, attributes in outline.elements
        for name, value in attributes.items()
        if name in ("href", "src")
    ]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", text)


def test_texts_from_data_are_escaped(page: tuple[str, Outline]) -> None:
    text, outline = page
    assert HOSTILE not in text
    assert "&lt;script&gt;document.title" in text
    assert len(outline.scripts) == 1
    assert "owned" not in outline.scripts[0]


@pytest.mark.parametrize(
    "place", ["name", "model", "note", "config", "data", "version", "exclusion", "clip", "metric"]
)
def test_no_text_from_anywhere_becomes_markup(
    make_record: Callable[..., RunRecord], tmp_path: Path, place: str
) -> None:
    plain = make_record(clips=6)
    bad = '"><img src=x onerror=alert(1)>'
    results = {**plain.results}
    fields = {
        name: getattr(plain, name)
        for name in ("history", "human", "triads", "thumbnails", "captions", "config")
    }
    fields["name"] = bad if place == "name" else "run"
    if place in ("model", "note"):
        results["models"] = [{**results["after"], place: bad}]
    elif place == "config":
        fields["config"] = bad
    elif place == "data":
        results["data_counts"] = {**results["data_counts"], "name": bad}
    elif place == "version":
        results["versions"] = {bad: bad}
    elif place == "exclusion":
        exclusions = {"rows_in": 3, "dropped": {bad: 1}, "rows_out": 2}
        results["data_counts"] = {**results["data_counts"], "exclusions": exclusions}
    elif place == "clip":
        ids = (bad, *plain.human.ids[1:])
        fields["human"] = type(plain.human)(ids, plain.human.dissimilarities, plain.human.counts)
        fields["captions"] = {bad: bad}
    elif place == "metric":
        fields["history"] = ({"epoch": 1, bad: 1.0}, {"epoch": 2, bad: 2.0})
    out = render_report([RunRecord(results=results, **fields), plain], tmp_path / "report.html")
    text, outline = read(out)
    assert "onerror=alert(1)&gt;" in text
    assert "img" not in {tag for tag, _ in outline.elements}
    assert not [
        name for _, attributes in outline.elements for name in attributes if name.startswith("on")
    ]


def test_the_policy_admits_the_pages_own_style_and_script_only(page: tuple[str, Outline]) -> None:
    text, outline = page
    policy = next(
        attributes["content"]
        for tag, attributes in outline.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not [tag for tag, attributes in outline.elements if "style" in attributes]


def test_every_drawing_says_in_words_what_it_shows(page: tuple[str, Outline]) -> None:
    _, outline = page
    drawings = [attributes for tag, attributes in outline.elements if tag == "svg"]
    assert len(drawings) > 10
    assert all(
        "aria-label" in drawing or drawing.get("aria-hidden") == "true" for drawing in drawings
    )
    assert "R squared with 95 percent intervals: latent geometry .521 [.461, .581]" in page[0]


def test_headings_step_down_one_level_at_a_time(
    make_record: Callable[..., RunRecord], record: RunRecord, tmp_path: Path
) -> None:
    for records in ([record], [record, make_record(seed=1, name="other")]):
        _, outline = read(render_report(records, tmp_path / "report.html"))
        levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_each_picture_is_stored_once_even_over_runs(
    make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    runs = [make_record(clips=12, name="a"), make_record(clips=12, name="b")]
    text, outline = read(render_report(runs, tmp_path / "report.html"))
    assert sum(tag == "symbol" for tag, _ in outline.elements) == 12
    identifiers = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = {
        link[1:]
        for _, attributes in outline.elements
        if (link := attributes.get("href") or "").startswith("#")
    }
    assert targets <= set(identifiers)
    assert "2 runs side by side" in text


def test_simulated_data_is_said_loudly_and_only_where_it_is(
    make_record: Callable[..., RunRecord], page: tuple[str, Outline], tmp_path: Path
) -> None:
    assert "<strong>Simulated data.</strong>" in page[0]
    out = render_report([make_record(clips=8, simulated=False)], tmp_path / "real.html")
    assert "imulated" not in out.read_text(encoding="utf-8")


def test_figures_say_who_judged(
    make_record: Callable[..., RunRecord], page: tuple[str, Outline], tmp_path: Path
) -> None:
    axis = "R², the squared Spearman correlation with {} dissimilarities"
    assert axis.format("simulated participants&#x27;") in page[0]
    assert "human dissimilarities" not in page[0]
    out = render_report([make_record(clips=8, simulated=False)], tmp_path / "real.html")
    assert axis.format("people&#x27;s") in out.read_text(encoding="utf-8")


def test_the_page_names_ceilings_as_the_command_line_does(page: tuple[str, Outline]) -> None:
    assert "split-half ceiling <code>paper</code>" in page[0]
    assert "bound for a perfect model <code>max_model</code>" in page[0]


def test_several_runs_are_told_apart_by_scoring_them(
    make_record: Callable[..., RunRecord], page: tuple[str, Outline], tmp_path: Path
) -> None:
    runs = [make_record(clips=8, name="a"), make_record(clips=8, name="b")]
    text = render_report(runs, tmp_path / "two.html").read_text(encoding="utf-8")
    assert "<code>bgs score RUN RUN</code>" in text
    assert "bgs score" not in page[0]


def test_what_a_run_does_not_have_is_left_out(tmp_path: Path) -> None:
    text, outline = read(
        render_report([RunRecord(name="bare", results={})], tmp_path / "report.html")
    )
    assert "No model was scored in this run." in text
    assert "svg" not in {tag for tag, _ in outline.elements}


def test_exclusions_add_up(page: tuple[str, Outline]) -> None:
    for text in ("9\u202f432", "−200", "−32", "9\u202f200", "repeats a clip"):
        assert text in page[0]


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^a report of no runs; name at least one run folder$"):
        render_report([], tmp_path / "report.html")


def test_figures_are_files_for_a_paper(
    make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    record = make_record(clips=20)
    written = write_figures(record, tmp_path / "figures")
    names = ("scores", "learning_curve", "rdms", "map")
    assert sorted(path.name for path in written) == sorted(
        f"{n}.{kind}" for n in names for kind in ("svg", "pdf", "csv")
    )
    for name in names:
        svg = ElementTree.parse(tmp_path / "figures" / f"{name}.svg").getroot()
        assert svg.find("{http://www.w3.org/2000/svg}title").text
        assert "var(--" not in (tmp_path / "figures" / f"{name}.svg").read_text()
        assert (tmp_path / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    scores = pd.read_csv(tmp_path / "figures" / "scores.csv").set_index("label")
    assert scores.loc["head only", ["r2", "r2_ci_low", "r2_ci_high"]].tolist() == pytest.approx(
        [0.221, 0.161, 0.281]
    )
    pairs = pd.read_csv(tmp_path / "figures" / "rdms.csv")
    np.testing.assert_allclose(pairs["human"], record.human.dissimilarities)
    np.testing.assert_allclose(pairs["after"], record.after.dissimilarities)
    dots = pd.read_csv(tmp_path / "figures" / "map.csv")
    assert dots.groupby("space").size().to_dict() == {"human": 20, "before": 20, "after": 20}
    curve = pd.read_csv(tmp_path / "figures" / "learning_curve.csv")
    assert list(curve) == ["epoch", "loss", "triplet", "rsa", "validation_rsa"]


def test_figures_are_the_same_every_time(
    make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    record = make_record(clips=8)
    first, second = (write_figures(record, tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_steps_are_averaged_where_no_row_sums_up_an_epoch() -> None:
    history = tuple(
        {"epoch": epoch, "total": value} for epoch, value in [(1, 4.0), (1, 2.0), (2, 1.0)]
    )
    figure = draw_figures(RunRecord(name="r", results={}, history=history))["learning_curve"]
    assert figure.table.to_dict("list") == {"epoch": [1, 2], "total": [3.0, 1.0]}
    assert figure.panels[0].description == "Training loss over 2 epochs: total from 3 to 1."


def row(label: str, r2: float | None) -> ScoreRow:
    block = {"model": label, "rsa": None if r2 is None else {"r2": r2}}
    return score_rows({"models": [block]})[0]


def test_scores_are_drawn_best_first_with_every_label_inside() -> None:
    figure = draw_scores(
        [row("a", 0.1), row("x" * 80, 0.3), row("none", None)], [CeilingLine("ceiling", 0.2, None)]
    )
    canvas = figure.panels[0].canvas
    names = [mark.text for mark in canvas.marks if isinstance(mark, Label) and mark.anchor == "end"]
    assert names.pop(0) == "ceiling .200"
    assert names[0].startswith("xxx")
    assert names[0].endswith("…")
    assert names.index("a") > 0
    dots = [mark.x for mark in canvas.marks if isinstance(mark, Dot)]
    assert dots[0] > dots[1]
    assert draw_scores([row("none", None)], []) is None


def test_a_canvas_writes_what_was_drawn() -> None:
    inner = Canvas(10, 20)
    inner.add(
        Dot(1, 2, 3, key="k", name="a < b"),
        Line(((0, 0), (1, 1)), dash=(1.0, 2.0)),
        Box(0, 0, 1, 1),
    )
    both = side_by_side([inner, inner], gap=5)
    assert (both.width, both.height) == (25, 20)
    svg = both.page_svg(description='say "it"', interactive=True)
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == 'say "it"'
    circles = root.findall("circle")
    assert [circle.get("cx") for circle in circles] == ["1", "16"]
    assert circles[0].get("aria-label") == "a < b"
    assert circles[0].get("fill") == "var(--ink)"
    assert root.find("polyline").get("stroke-dasharray") == "1 2"
    assert 'fill="#1a1a18"' in both.paper_svg(description="d")
