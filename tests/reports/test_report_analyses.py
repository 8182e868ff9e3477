"""Later analyses: read with care, drawn, and said in one sentence that holds whichever way they went."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from bgs.errors import DataError
from bgs.reports.analyses import KINDS, load_analyses
from bgs.reports.document import Document, read_document
from bgs.reports.figures import write_figures
from bgs.reports.lettering import cut_text, measure_text
from bgs.reports.marks import Dot, Label
from bgs.reports.page import render_report
from bgs.reports.record import RunRecord, load_record
from bgs.reports.sections import Section, join_names
from bgs.reports.thumbnails import PNG_SIGNATURE
from bgs.run import filing
from tests.reports import examples
from tests.reports.examples import EXAMPLES, HOSTILE, file_examples


def view(kind: str, result: dict[str, Any]) -> Section:
    return KINDS[kind](Document(result))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("{}", encoding="utf-8")
    return file_examples(tmp_path / "run")


def test_the_page_knows_every_kind_that_is_filed() -> None:
    assert set(KINDS) == set(filing.KINDS)
    assert set(EXAMPLES) == set(KINDS)


def test_a_run_brings_its_analyses_along_and_only_those(run_dir: Path) -> None:
    record = load_record(run_dir)
    assert [section.kind for section in record.analyses] == list(KINDS)
    assert len(record.exhibits) == 6
    (run_dir / "analyses" / "layers.json").unlink()
    kinds = [section.kind for section in load_analyses(run_dir)]
    assert kinds == [kind for kind in KINDS if kind != "layers"]
    assert load_analyses(run_dir / "elsewhere") == ()


# The sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "verdict"),
    [
        (("a", "ab", "b"), ", but is not told apart from captions."),
        (("a", "a", "a"), ", but is not told apart from captions or motion."),
        (("a", "b", "c"), "; it is told apart from every other."),
    ],
)
def test_a_leaderboard_says_who_is_best_and_who_cannot_be_told_from_it(
    letters: tuple[str, str, str], verdict: str
) -> None:
    section = view("leaderboard", examples.make_leaderboard(letters))
    assert section.says == (
        "Of 3 models on the same 60 held-out clips, tuned agrees best with simulated participants, "
        f"at R² .400 [.350, .450]{verdict}"
    )
    assert [row[0].text for row in section.tables[0].rows] == ["tuned", "captions", "motion"]
    assert [row[1].text for row in section.tables[0].rows] == list(letters)
    assert [row[0].text for row in section.tables[0].foot] == [
        "split-half ceiling",
        "bound for a perfect model",
        "one judge told by another, same triad",
    ]
    assert section.tables[1].rows[1][-1].text == "< .001"
    assert [[cell.text for cell in row[1:]] for row in section.tables[2].rows] == [
        ["Kendall's tau-a", ".410", "[.300, .500]"],
        ["Pearson", ".600", "–"],
        ["log-likelihood of the odd one out", "−.800", "–"],
        ["calibration error of its probabilities", ".020", "–"],
    ]


def test_one_model_alone_is_neither_ranked_nor_compared() -> None:
    result = {"data": "d", "models": [examples.score("m", 0.2)]}
    section = view("leaderboard", result)
    assert section.says == "On 60 held-out clips, m agrees with people at R² .200 [.150, .250]."
    assert len(section.tables) == 1
    assert "Letters" not in [column.name for column in section.tables[0].columns]
    two = view("leaderboard", {"models": [examples.score("m", 0.2), examples.score("n", 0.1)]})
    assert two.says.endswith("; whether others differ from it was not tested.")


def test_a_model_that_agrees_backwards_is_not_the_best() -> None:
    backwards = examples.score("backwards", 0.4)
    backwards["rsa"]["spearman"] *= -1
    section = view("leaderboard", {"models": [backwards, examples.score("weak", 0.01)]})
    assert [row[0].text for row in section.tables[0].rows] == ["weak", "backwards"]
    assert "weak agrees best" in section.says


def test_variance_names_every_part_and_what_does_not_hold_up() -> None:
    section = view("variance", examples.make_variance())
    assert section.says == (
        "Together, video and captions explain .270 [.200, .340] of the variance of simulated participants' "
        "dissimilarities: .210 [.200, .230] is unique to video, .010 [.000, .030] is unique to captions and "
        ".050 [.040, .070] is shared. Cross-validated, captions adds nothing of its own."
    )
    both = view("variance", examples.make_variance(cross_validated=0.0))
    assert both.says.endswith("Cross-validated, video or captions adds nothing of its own.")


def test_probes_tell_better_from_worse_from_undecided() -> None:
    section = view("probes", examples.make_probes())
    assert section.says == (
        "Read off the features by a line, better after tuning: valence; worse after tuning: arousal; "
        "not shown to have changed: dominance."
    )
    assert "clips that tuning saw may flatter it" in section.says_not
    assert "tuning saw" not in view("probes", examples.make_probes("test")).says_not
    # Hollow before tuning, filled after, and both as words at the end of the line.
    canvas = section.figures[0].panels[0].canvas
    dots = [mark for mark in canvas.marks if isinstance(mark, Dot)]
    assert [dot.filled for dot in dots] == [False, True] * 4  # three ratings and the key
    texts = [mark.text for mark in canvas.marks if isinstance(mark, Label)]
    assert {".300 → .500", ".300 → .150", ".300 → .300"} <= set(texts)


def test_probes_of_one_model_tell_what_can_be_read() -> None:
    result = examples.make_probes()
    result["comparisons"] = []
    result["probes"] = result["probes"][:2]
    result["probes"][1]["ci95"] = [-0.1, 0.5]
    said = view("probes", result).says
    assert (
        said == "Readable off the features by a line, with an interval above 0: valence (untuned)."
    )
    result["probes"][0]["ci95"] = None
    assert view("probes", result).says.startswith("No rating is shown to be readable")


def test_layers_report_the_layer_that_validation_chose() -> None:
    section = view("layers", examples.make_layers())
    assert section.says == (
        "Of 13 layers of tuned, the head agrees best with simulated participants on validation clips; on held-out "
        "clips it reaches a Spearman correlation of .620, R² .384 [.300, .450]."
    )
    table = section.figures[0].table
    assert table["chosen"].tolist() == [False] * 12 + [True]
    assert table["rating_valence"].tolist() == pytest.approx([0.02 * k for k in range(13)])
    assert "rating_size" not in table  # never known
    ticks = [
        mark.text for mark in section.figures[0].panels[0].canvas.marks if isinstance(mark, Label)
    ]
    assert {"1", "12", "head", "chosen"} <= set(ticks)


@pytest.mark.parametrize(
    ("change", "spread", "reading"),
    [
        (0.021, 0.004, "78.0 % to 80.1 % (+2.1 points, spread over seeds 0.4)"),
        (-0.03, 0.004, "78.0 % to 75.0 % (−3.0 points, spread over seeds 0.4)"),
        (0.003, 0.004, "78.0 % to 78.3 % (+0.3 points, within the spread over seeds 0.4)"),
        (0.02, 0.0, "78.0 % to 80.0 % (+2.0 points, one figure for all seeds)"),
        (0.02, None, "78.0 % to 80.0 % (+2.0 points, spread unknown)"),
    ],
)
def test_retention_says_what_was_lost_or_won(
    change: float, spread: float | None, reading: str
) -> None:
    section = view("retention", examples.make_retention(change, spread))
    assert section.says == (
        f"On ucf101, the linear probe went from {reading}; the vote of the nearest clips is right on 61.0 %."
    )


def test_attention_says_how_far_maps_moved_and_where_to() -> None:
    section = view("attention", examples.make_attention())
    assert section.says == (
        "Between untuned and tuned maps the divergence is .120 [.100, .140] on average over 6 clips, where maps of "
        "two different clips diverge by .600. More attention lies on agent 1 (6.0 → 9.0 %); less on wall "
        "(6.0 → 4.0 %); no change is shown on object 1."
    )
    assert [figure.name for figure in section.figures] == [
        "attention_divergence",
        "attention_regions",
    ]
    alone = view("attention", examples.make_attention(divergence=False, regions=False))
    assert alone.says == "Only one model was looked at; nothing is compared."
    assert alone.figures == ()


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ([0.01, 0.05], "the judgments move them more, by .030, interval [.010, .050]."),
        ([-0.05, -0.01], "the judgments move them less, by .030, interval [−.050, −.010]."),
        ([-0.01, 0.07], "what the judgments add is not shown to differ from 0, [−.010, .070]."),
    ],
)
def test_attention_is_held_against_tuning_on_chance(interval: list[float], verdict: str) -> None:
    result = examples.make_attention(regions=False)
    difference = sum(interval) / 2
    chance = {"mean": 0.09, "difference": difference, "difference_ci95": interval}
    result["divergence"]["shuffled"] = chance
    section = view("attention", result)
    lead = "The same tuning on judgments drawn by lot moves maps by .090: "
    assert section.says.endswith(lead + verdict)
    marks = section.figures[0].panels[0].canvas.marks
    assert "judgments drawn by lot .090" in [m.text for m in marks if isinstance(m, Label)]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (
            (0.05, 0.2),
            "tuning raised geometry and linear probe; tuning is not shown to have changed odd one out or "
            "nearest neighbours.",
        ),
        (
            (-0.2, -0.05),
            "tuning lowered geometry and linear probe; tuning is not shown to have changed odd one out or "
            "nearest neighbours.",
        ),
        (
            (-0.05, 0.2),
            "tuning is not shown to have changed geometry, odd one out, nearest neighbours or linear probe.",
        ),
    ],
)
def test_transfer_says_what_carried_over(change: tuple[float, float], verdict: str) -> None:
    section = view("transfer", examples.make_transfer(change, elsewhere=False))
    # Chance is 0, a third and two fifths; the tuned model's interval is .37 to .53 everywhere.
    assert (
        section.says
        == f"tuned is above chance on 60 clips of phase by geometry and odd one out; {verdict}"
    )
    chance = section.figures[2].table["chance"]
    assert set(chance) == {0.4}


def test_a_probe_fitted_elsewhere_is_a_question_of_its_own() -> None:
    section = view("transfer", examples.make_transfer())
    assert [figure.name for figure in section.figures][-1] == "transfer_probe_on_demo_phase"
    assert section.figures[-1].table["model"].tolist() == ["tuned", "untuned", "random"]
    labels = [
        mark.text for mark in section.figures[0].panels[0].canvas.marks if isinstance(mark, Label)
    ]
    assert {"chance .000", "bound for a perfect model .700"} <= set(labels)


# What cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_a_file_that_is_no_json_is_refused_by_name(run_dir: Path, kind: str) -> None:
    file = run_dir / "analyses" / f"{kind}.json"
    file.write_text('{"half":', encoding="utf-8")
    with pytest.raises(
        DataError, match=rf"{kind}\.json, row 1: not JSON: .*; run the command that"
    ):
        load_record(run_dir)
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{kind}\.json: not a JSON object; run the command"):
        load_record(run_dir)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=rf"{kind}\.json, row 1: byte 0xff is not UTF-8; run the"):
        load_record(run_dir)


def test_a_number_too_large_for_a_float_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(f'{{"clips": 1{"0" * 400}}}', encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.json: clips is 10+.*, where a number is needed"):
        read_document(file).count("clips")


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_an_empty_file_is_refused_with_what_it_lacks(run_dir: Path, kind: str) -> None:
    (run_dir / "analyses" / f"{kind}.json").write_text("{}", encoding="utf-8")
    with pytest.raises(
        DataError, match=rf"{kind}\.json: \w+ is not there, where .* is needed; run"
    ):
        load_record(run_dir)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "probes",
            lambda found: found["probes"][1].update(r2="high"),
            r"probes\[1\]\.r2 is 'high', where a number is needed",
        ),
        (
            "probes",
            lambda found: found["probes"][0].update(ci95=[1, 2, 3]),
            r"probes\[0\]\.ci95 is \[1, 2, 3\], where a list of two numbers is needed",
        ),
        (
            "probes",
            lambda found: found.update(n_clips=2.5),
            r"n_clips is 2\.5, where a whole number is needed",
        ),
        (
            "layers",
            lambda found: found["layers"][2].pop("layer"),
            r"layers\[2\]\.layer is not there, where a text is needed",
        ),
        (
            "layers",
            lambda found: found.update(layers=[1]),
            r"layers is \[1\], where a list of objects with at least one is needed",
        ),
        (
            "leaderboard",
            lambda found: found["models"][0].update(rsa=3),
            r"models\[0\]\.rsa is 3, where an object is needed",
        ),
        (
            "variance",
            lambda found: found.update(predictors=[1]),
            r"predictors is \[1\], where a list of texts is needed",
        ),
        (
            "transfer",
            lambda found: found["models"][0].update(knn={}),
            r"models\[0\]\.knn\.value is not there, where a number is needed",
        ),
        (
            "attention",
            lambda found: found["shown"][0].update(png="../../secret.png"),
            r"shown\[0\]\.png is '\.\./\.\./secret\.png', outside the folder of analyses",
        ),
        (
            "attention",
            lambda found: found["shown"][0].update(png="/etc/secret.png"),
            r"shown\[0\]\.png is '/etc/secret\.png', outside the folder of analyses",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_named_by_its_place(
    run_dir: Path, kind: str, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    found = deepcopy(EXAMPLES[kind])
    change(found)
    (run_dir / "analyses" / f"{kind}.json").write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(DataError, match=rf"{kind}\.json: {message}"):
        load_record(run_dir)


def test_a_number_that_is_none_is_refused(run_dir: Path) -> None:
    text = json.dumps(EXAMPLES["retention"]).replace("0.12", "NaN")
    (run_dir / "analyses" / "retention.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"chance is nan, where a number is needed"):
        load_record(run_dir)


def test_a_picture_that_is_gone_is_left_out_and_a_broken_one_refused(run_dir: Path) -> None:
    pictures = run_dir / "analyses" / "attention"
    (pictures / "scene_001.png").unlink()
    names = [exhibit.name for exhibit in load_record(run_dir).exhibits]
    assert names == ["scene_000", "scene_002", "scene_003", "scene_004", "scene_005"]
    (pictures / "scene_002.png").write_bytes(b"<svg onload=alert(1)>")
    with pytest.raises(DataError, match=r"scene_002\.png: not a PNG; run the command"):
        load_record(run_dir)


# The page and the files --------------------------------------------------------------------------


def test_every_analysis_is_a_section_with_its_sentence_and_an_anchor(
    run_dir: Path, tmp_path: Path
) -> None:
    record = load_record(run_dir)
    text = render_report([record], tmp_path / "one.html").read_text(encoding="utf-8")
    for section in record.analyses:
        assert f'id="run0-{section.kind}">{section.title}</h2>' in text
        assert f'<a href="#run0-{section.kind}">{section.title}</a>' in text
        assert section.says.split(";")[0].replace("'", "&#39;") in text
    assert text.count("data:image/png;base64") >= 6
    assert HOSTILE not in text
    assert "onerror=alert(1)&gt;" in text
    bare = RunRecord(name="bare", results={})
    both = render_report([record, bare], tmp_path / "two.html").read_text(encoding="utf-8")
    assert both.count('-leaderboard">Leaderboard</h3>') == 1


def test_pictures_of_analyses_have_a_budget(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = load_record(run_dir)
    budget = sum(len(exhibit.png) for exhibit in record.exhibits) // 3
    monkeypatch.setattr("bgs.reports.page.EXHIBIT_BUDGET", budget)
    monkeypatch.setattr("bgs.reports.page.EXHIBIT_SIZES", (200, 100, 50))
    page = render_report([record, record], tmp_path / "two.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)" width="(\d+)"', page)
    assert len(pictures) == 12
    assert sum(len(b64decode(data)) for data, _ in pictures) <= budget
    assert len({width for _, width in pictures}) == 1  # smaller together


def test_figures_of_analyses_are_files_too(run_dir: Path, tmp_path: Path) -> None:
    written = write_figures(load_record(run_dir), tmp_path / "figures")
    names = {path.stem for path in written}
    assert names == {
        "attention_divergence",
        "attention_gallery",
        "attention_regions",
        "layers",
        "leaderboard",
        "probes",
        "retention",
        "transfer_knn",
        "transfer_odd_one_out",
        "transfer_probe",
        "transfer_probe_on_demo_phase",
        "transfer_rsa",
        "variance",
    }
    assert len(written) == 3 * len(names)
    board = pd.read_csv(tmp_path / "figures" / "leaderboard.csv").set_index("label")
    assert board["letters"].to_dict() == {"tuned": "a", "captions": "ab", "motion": "b"}
    clips = pd.read_csv(tmp_path / "figures" / "attention_divergence.csv")
    assert clips["divergence"].tolist() == [0.4, 0.2, 0.13, 0.12, 0.1, 0.02]


def test_labels_are_measured_and_cut_to_fit() -> None:
    assert measure_text("mmm") > measure_text("nnn") > measure_text("iii")
    assert measure_text("abc", bold=True) > measure_text("abc")
    assert cut_text("short", 100) == "short"
    cut = cut_text("m" * 80, 100)
    assert cut.endswith("m…")
    assert measure_text(cut) <= 100 < measure_text(cut[:-1] + "m…")


def test_names_are_joined_as_in_speech() -> None:
    assert join_names([]) == ""
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b", "c"], last="or") == "a, b or c"


def spoil(value: Any) -> Any:
    """The same result with every text in it hostile, but for the names of pictures."""
    if isinstance(value, dict):
        return {key: item if key == "png" else spoil(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spoil(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_no_text_of_an_analysis_becomes_markup(run_dir: Path, tmp_path: Path, kind: str) -> None:
    file = run_dir / "analyses" / f"{kind}.json"
    file.write_text(json.dumps(spoil(EXAMPLES[kind])), encoding="utf-8")
    record = load_record(run_dir)
    text = render_report([record], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text
    assert not re.search(r"<[^>]*\sonerror=", re.sub(r'"[^"]*"', "", text))
    for section in record.analyses:
        for figure in section.figures:
            for panel in figure.panels:
                ElementTree.fromstring(panel.canvas.page_svg(description=panel.description))


NONSENSE = (-1, 1e308, True, "<b>x</b>", [], {}, [1], [1e308, -1e308], 10**40, "", [[]])


def places_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the parts of a JSON value are; of a list the first item stands for all."""
    inside = (
        value
        if isinstance(value, dict)
        else dict(enumerate(value[:1]))
        if isinstance(value, list)
        else {}
    )
    for key, part in inside.items():
        yield (*place, key)
        yield from places_in(part, (*place, key))


def broken_copy(example: dict[str, Any], place: tuple[Any, ...], *nonsense: Any) -> dict[str, Any]:
    """The same with nonsense at a place, or without what is there."""
    found: Any = deepcopy(example)
    inside = found
    for key in place[:-1]:
        inside = inside[key]
    if nonsense:
        inside[place[-1]] = nonsense[0]
    else:
        del inside[place[-1]]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_anywhere_in_a_file_is_one_line_or_is_shown(run_dir: Path, kind: str) -> None:
    """A few hundred files, each with another part missing or of another kind: drawn, or refused by name."""
    for file in (run_dir / "analyses").glob("*.json"):
        file.unlink()
    file, refused = run_dir / "analyses" / f"{kind}.json", []
    for number, place in enumerate(places_in(EXAMPLES[kind])):
        nonsense = (NONSENSE[number % len(NONSENSE)],)
        for change in (nonsense, ()):
            file.write_text(json.dumps(broken_copy(EXAMPLES[kind], place, *change)))
            try:
                (section,) = load_analyses(run_dir)
                drawn = "".join(p.__html__() for f in section.figures for p in f.panels)
                assert "<b>" not in drawn
            except DataError as error:
                refused.append(str(error))
    assert len(refused) > 5
    assert all(line.startswith(f"{file}: ") and "\n" not in line for line in refused)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a picture", "not a PNG"),
        (PNG_SIGNATURE, "a damaged PNG"),
        (PNG_SIGNATURE + bytes(100), "a damaged PNG"),
        (None, "a link out of the folder of analyses"),
    ],
)
def test_a_picture_that_is_none_is_refused(
    run_dir: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    picture = run_dir / "analyses" / EXAMPLES["attention"]["shown"][0]["png"]
    whole = picture.read_bytes()
    picture.unlink()
    if content is None:
        (tmp_path / "private.png").write_bytes(whole)
        picture.symlink_to(tmp_path / "private.png")
    else:
        picture.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_record(run_dir)
    assert str(caught.value).startswith(f"{picture}: {message}")


def test_a_file_of_an_absurd_size_is_not_read(run_dir: Path) -> None:
    with (run_dir / "analyses" / "probes.json").open("r+b") as file:
        file.truncate(50_000_000)  # no bytes on the disk
    with pytest.raises(DataError, match=r"probes\.json: larger than 32 MB, which no analysis is"):
        load_record(run_dir)
