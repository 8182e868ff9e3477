"""Commands that look into a score: their numbers, their figure, and one clear line for a user's mistake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bgs.cli import main
from bgs.config import DataSettings
from bgs.errors import DataError
from bgs.reports.variance import draw_variance
from bgs.run.configs import resolve_config
from bgs.run.fit import fit
from bgs.run.labelled import read_labelled
from bgs.run.retention import retention
from bgs.run.simulation import simulate_into
from bgs.run.sources import Source, open_source
from bgs.run.study import load_study


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return int(exit_.value.code or 0), printed.out, printed.err


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("analyses")
    simulate_into(root / "triplets", root / "videos", seed=6, quick=True, progress=False)
    return root


@pytest.fixture(scope="module")
def homes(root) -> list[str]:
    return ["--triplets-dir", str(root / "triplets"), "--videos-dir", str(root / "videos")]


@pytest.fixture(scope="module")
def tuned(root) -> Path:
    """A head on the captions: a run with a before and an after that costs nothing."""
    folder = root / "run"
    words = [
        f"output_dir={folder}", "backbone.name_or_path=caption:tfidf", "lora.r=0", "controls=[]",
        "training.num_train_epochs=2", "evaluation.num_bootstrap=100", "evaluation.num_split_halves=20",
        f"data.triplets_dir={root / 'triplets'}", f"data.videos_dir={root / 'videos'}",
    ]  # fmt: skip
    fit(resolve_config("demo", overrides=words), progress=False)
    return folder


@pytest.fixture(scope="module")
def labelled(root) -> Path:
    """Sixteen clips in two folders of labels, those that move most and those that move least."""
    settings = DataSettings(triplets="demo", triplets_dir=root / "triplets", videos_dir=root / "videos")  # fmt: skip
    clips = load_study(settings, seed=0).clips
    moving = open_source("low-level:motion", clips, settings, progress=False).matrix.mean(axis=1)
    order = np.argsort(moving)
    for label, places in (("still", order[:8]), ("moving", order[-8:])):
        (root / "actions" / label).mkdir(parents=True)
        for place in places:
            shutil.copy(clips.paths[place], root / "actions" / label)
    return root / "actions"


def test_scores_are_followed_by_the_order(homes, tmp_path, capsys):
    code, out, _ = run(
        "score", "words=caption:tfidf", "ratings:all", "low-level:motion", "--data", "demo", "--also",
        "--num-bootstrap", 100, "--num-permutations", 100, "--export", tmp_path / "tables", "--quiet", *homes,
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "simulated participants" in out.lower()
    assert "models that share a letter cannot be told apart (Holm-corrected p of .05)" in out
    lines = out.splitlines()
    first = lines.index(next(line for line in lines if line.startswith("rank")))
    assert lines[first + 1].split()[:6] == ["1", "ratings:all", "a", "≤", ".010", "(of"]
    assert "p (chance): against clips exchanged by lot" in out
    assert "other coefficients, with 95 % CI\nmodel " in out
    assert "tau-a CI" in out
    assert "intervals are not corrected" in out
    assert "three-way accuracy by how many people agree" in out
    assert "log-likelihood" in out
    assert {file.suffix for file in (tmp_path / "tables").iterdir()} == {".csv", ".parquet", ".hdf5"}  # fmt: skip


def test_variance_adds_up_and_is_drawn(homes, tmp_path, capsys):
    code, out, _ = run(
        "variance", "ratings:all", "--against", "caption:tfidf", "--against", "low-level:motion", "--data", "demo",
        "--num-bootstrap", 100, "--json", "--quiet", "--figures", tmp_path, *homes, capsys=capsys,
    )  # fmt: skip
    results = json.loads(out)
    assert code == 0
    assert results["simulated"] is True
    assert len(results["components"]) == 7
    assert sum(part["r2"] for part in results["components"]) == pytest.approx(results["total"]["r2"])  # fmt: skip
    assert results["sources"]["low-level:motion"]["frames"]
    table = pd.read_csv(tmp_path / "variance.csv")
    assert list(table["r2"]) == [part["r2"] for part in results["components"]] + [results["total"]["r2"]]  # fmt: skip
    svg = (tmp_path / "variance.svg").read_text(encoding="utf-8")
    assert "caption:tfidf" in svg
    assert "simulated participants" in svg
    assert (tmp_path / "variance.pdf").read_bytes().startswith(b"%PDF")


def test_variance_as_a_table_and_on_raw_dissimilarities(homes, capsys):
    code, out, _ = run(
        "variance", "ratings:all", "--against", "caption:tfidf", "--raw", "--data", "demo",
        "--num-bootstrap", 100, "--quiet", *homes, capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert out.startswith(
        "simulated data: no people judged or rated these clips\nEvery part and their sum, 435 pairs of 30 clips\n"
    )
    lines = out.splitlines()
    assert lines[-3].split()[:2] == ["all", "total"]
    assert lines[-1].startswith("Together, ratings:all and caption:tfidf explain .")
    assert "A part is unique only next to these predictors" in lines[-1]


def test_a_negative_share_is_drawn_as_it_is():
    row = {"r2": -0.05, "ci95": None, "cross_validated": None}
    results = {
        "predictors": ["a<b", "c"],
        "components": [
            {"predictors": ["a<b"], "kind": "unique", "r2": 0.2, "ci95": [0.1, 0.3], "cross_validated": 0.18},
            {"predictors": ["c"], "kind": "unique", "r2": 0.1, "ci95": [0.0, 0.2], "cross_validated": -0.01},
            {"predictors": ["a<b", "c"], "kind": "shared", **row},
        ],
        "total": {"r2": 0.25, "ci95": [0.1, 0.4], "cross_validated": 0.2},
    }  # fmt: skip
    figure = draw_variance(results)
    svg = figure.panels[0].canvas.paper_svg(description=figure.panels[0].description)
    assert "−.050" in svg
    assert "a&lt;b" in svg
    assert "people" in svg
    assert "shared a&lt;b and c −.050 –" in svg
    assert list(figure.table["component"]) == ["a<b", "c", "a<b & c", "a<b & c"]


def test_probes_of_a_run_before_and_after(tuned, homes, capsys):
    code, out, _ = run(
        "probe", tuned, "ratings:valence", "--attribute", "valence", "--attribute", "arousal", "--axes",
        "--num-bootstrap", 100, "--json", "--quiet", capsys=capsys,
    )  # fmt: skip
    results = json.loads(out)
    assert code == 0
    assert (results["clips"], results["simulated"], results["n_clips"]) == ("demo", True, 90)
    models = [row["model"] for row in results["probes"]]
    assert models == ["caption:tfidf (untuned)"] * 2 + [str(tuned)] * 2 + ["ratings:valence"] * 2
    known = next(row for row in results["probes"] if row["model"] == "ratings:valence")
    assert known["r2"] > 0.99  # the rating itself
    assert known["p"] == pytest.approx(1 / 201)
    assert len(known["lowest"]) == len(known["highest"]) == 3
    assert [row["attribute"] for row in results["comparisons"]] == ["valence", "arousal"]
    change = results["comparisons"][0]
    assert change["r2"] == pytest.approx(change["after_r2"] - change["before_r2"])


def test_probes_as_a_table_leave_out_what_never_varies(root, homes, tmp_path, capsys):
    table = pd.read_csv(root / "videos" / "demo" / "clips.csv")
    shutil.copytree(root / "videos", tmp_path / "videos")
    table["intimacy"] = 3.0
    table.loc[4, "valence"] = np.nan
    table.to_csv(tmp_path / "videos" / "demo" / "clips.csv", index=False)
    code, out, _ = run(
        "probe", "caption:tfidf", "--videos", "demo", "--num-bootstrap", 100, "--quiet", "--part", "train",
        "--videos-dir", tmp_path / "videos", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "left out: intimacy: the same for every clip" in out
    assert "Every rating and model, " in out
    assert "≤ .005 (of 200)" in out  # as small as 200 permutations allow, so no measurement
    assert "does not show that judgments rest on it" in out


def test_the_last_layer_scores_as_the_model_does(homes, capsys):
    code, out, _ = run("layers", "bgs-tiny", "--data", "demo", "--probes", "--num-bootstrap", 100, "--json", "--quiet",
                       *homes, capsys=capsys)  # fmt: skip
    results = json.loads(out)
    assert code == 0
    best = max(results["layers"], key=lambda row: row["validation_spearman"])
    assert [row["layer"] for row in results["layers"] if row["chosen"]] == [best["layer"]]
    assert results["chosen"]["spearman"] == pytest.approx(best["test_spearman"])
    assert [row["layer"] for row in results["probes"]] == [row["layer"] for row in results["layers"]]  # fmt: skip
    code, out, _ = run("score", "bgs-tiny", "--data", "demo", "--num-bootstrap", 100, "--json", "--quiet", *homes,
                       capsys=capsys)  # fmt: skip
    whole = json.loads(out)["models"][0]["rsa"]["spearman"]
    assert results["layers"][-1]["test_spearman"] == pytest.approx(whole, abs=1e-5)


def test_retention_reads_every_layout(labelled, root, capsys):
    arguments = ("retention", "bgs-tiny", "--quiet", "--labelled")
    code, out, _ = run(*arguments, labelled, "--json", capsys=capsys)
    results = json.loads(out)
    assert code == 0
    assert (results["n_clips"], results["n_labels"], results["seeds"]) == (16, 2, [0, 1, 2])
    linear = results["probes"][0]
    assert linear["probe"] == "linear"
    assert linear["before"] is None
    assert linear["after"] >= 0.5
    split = root / "split"
    for part, kept in (("train", slice(0, 6)), ("val", slice(6, 8))):
        for label in ("still", "moving"):
            (split / part / label).mkdir(parents=True)
            for file in sorted((labelled / label).iterdir())[kept]:
                shutil.copy(file, split / part / label)
    code, out, _ = run(*arguments, split, capsys=capsys)
    assert code == 0
    assert out.splitlines()[-1] == "16 clips, 2 labels, chance 0.500"
    found = read_labelled(split)
    assert repr(found) == "LabelledClips(16 clips, 2 labels, 4 for testing)"
    lists = _write_lists(labelled, root)
    listed = read_labelled(labelled, train_list=lists[0], test_list=lists[1])
    assert listed.labels == found.labels
    assert listed.is_test == found.is_test


def _write_lists(labelled: Path, root: Path) -> tuple[Path, Path]:
    """Lists as UCF101 has them: with the number of the label in the training list."""
    train, test = root / "trainlist01.txt", root / "testlist01.txt"
    for number, label in enumerate(("moving", "still"), start=1):
        names = sorted(f"{label}/{file.name}" for file in (labelled / label).iterdir())
        with train.open("a") as training, test.open("a") as testing:
            training.writelines(f"{name} {number}\n" for name in names[:6])
            testing.writelines(f"{name}\n" for name in names[6:])
    return train, test


INTO = {
    "leaderboard": ("score", "caption:tfidf", "ratings:all", "--also"),
    "variance": ("variance", "{run}", "--against", "ratings:all"),
    "probes": ("probe", "{run}", "--attribute", "valence"),
    "layers": ("layers", "bgs-tiny"),
    "retention": ("retention", "caption:tfidf", "--labelled", "{actions}"),
}


@pytest.mark.parametrize("kind", ["leaderboard", "variance", "probes", "layers"])
def test_what_is_printed_is_what_is_filed(kind, tuned, homes, capsys):
    command, *words = (word.replace("{run}", str(tuned)) for word in INTO[kind])
    where = [] if command == "probe" else ["--data", "demo", *homes]
    code, out, _ = run(
        command, *words, *where, "--num-bootstrap", 100, "--json", "--quiet", "--into", tuned, capsys=capsys
    )  # fmt: skip
    assert code == 0
    filed = json.loads((tuned / "analyses" / f"{kind}.json").read_text(encoding="utf-8"))
    assert filed == json.loads(out)


@pytest.mark.parametrize("kind", INTO)
def test_a_folder_that_is_no_run_is_refused_before_the_work(kind, labelled, tmp_path, capsys):
    places = {"{run}": "bgs-tiny", "{actions}": str(labelled)}
    words = [places.get(word, word) for word in INTO[kind]]
    code, out, err = run(*words, "--into", tmp_path, capsys=capsys)
    line = f"error: {str(tmp_path)!r} is not a finished run: it has no results.json; "
    assert (code, out) == (2, "")
    assert err == f"{line}name a folder that `bgs fit` or `bgs demo` has finished\n"


def test_a_mistyped_run_is_said_at_once(tuned, capsys):
    near = tuned.with_name("rnu")
    for command in ("score", "probe", "layers"):
        code, out, err = run(command, near, capsys=capsys)
        assert (code, out) == (2, "")
        assert err == f"error: {str(near)!r} is not there; did you mean {str(tuned)!r}?\n"


FIVE = [word for n in range(4) for word in ("--against", f"m{n}=ratings:all")]
MISTAKES = {
    "variance of five": (
        ("variance", "caption:tfidf", *FIVE, "--data", "demo"),
        "5 predictors cannot be partitioned; pass 1 to 4",
    ),
    "no predictor": (
        ("variance", "bgs-tiny", "--data", "demo"),
        "Missing option '--against'; see `bgs variance --help`",
    ),
    "no clips": (
        ("probe", "bgs-tiny"),
        "no clips were named; add --videos NAME (see `bgs data list`)",
    ),
    "no such rating": (
        ("probe", "caption:tfidf", "--videos", "demo", "--attribute", "joy"),
        "clip set 'demo' has no rating 'joy'; choose among: valence, arousal, dominance, communication, intimacy",
    ),
    "no layers": (
        ("layers", "caption:tfidf", "--data", "demo"),
        "model 'caption:tfidf' has no layers; name a backbone, or a run",
    ),
    "no folder": (
        ("retention", "bgs-tiny", "--labelled", "nowhere"),
        "'nowhere' is not a folder; name a folder with a folder of clips a label",
    ),
    "one list": (
        ("retention", "bgs-tiny", "--labelled", "{actions}", "--train-list", "t.txt"),
        "one split list without the other; give both lists, or none",
    ),
    "a list of strangers": (
        ("retention", "bgs-tiny", "--labelled", "{actions}", "--train-list", "{list}", "--test-list", "{list}"),
        "{list}, row 1: 'still/nobody.mp4 2' is no clip in a folder of labels; "
        "lines are LABEL/clip.avi, relative to the labelled folder",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_one_line_and_exit_2(name, homes, labelled, tmp_path, capsys):
    arguments, line = MISTAKES[name]
    places = {"{actions}": str(labelled), "{list}": str(tmp_path / "list.txt")}
    (tmp_path / "list.txt").write_text("still/nobody.mp4 2\n", encoding="utf-8")
    for key, place in places.items():
        arguments = tuple(word.replace(key, place) for word in arguments)
        line = line.replace(key, place)
    where = {"variance": homes, "layers": homes, "probe": homes[2:]}.get(arguments[0], [])
    code, out, err = run(*arguments, *where, capsys=capsys)
    assert (code, out, err) == (2, "", f"error: {line}\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "{list}: the split list is not there; check the path"),
        ("\n\n", "{list}: the list is empty; name one clip a line, and the folder they are in"),
        ("{clip}\n", "{file}: a clip is listed for training and for testing; list it once"),
    ],
    ids=["missing", "empty", "both"],
)
def test_split_lists_that_cannot_be_used(text, line, labelled, tmp_path):
    file = min((labelled / "still").iterdir())
    names = tmp_path / "list.txt"
    if text is not None:
        names.write_text(text.replace("{clip}", f"still/{file.name}"), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_labelled(labelled, train_list=names, test_list=names)
    assert str(error.value) == line.replace("{list}", str(names)).replace("{file}", str(file))


def test_a_folder_without_labels(tmp_path):
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(DataError) as error:
        read_labelled(tmp_path)
    assert (
        str(error.value)
        == f"{tmp_path}: no clips in folders of labels; make it FOLDER/LABEL/clip.mp4"
    )


def test_retention_of_a_run_before_and_after(labelled, monkeypatch):
    """A model that forgot the labels loses exactly what its probes lose."""
    found = read_labelled(labelled)
    side = [1.0 if label == "still" else -1.0 for label in found.labels]
    known = np.column_stack([side, 0.1 * np.arange(len(side))])
    lost = np.random.default_rng(0).normal(size=known.shape)
    before, after = Source("b", found.clips.ids, known), Source("a", found.clips.ids, lost)
    monkeypatch.setattr("bgs.run.retention.before_and_after", lambda *_, **__: (before, after))
    row = retention("run", labelled=labelled)["probes"][0]
    assert row["before"] == 1.0
    assert row["difference"] == pytest.approx(row["after"] - 1.0)
    assert row["difference"] < -0.2
    assert row["spread_over_seeds"] > 0


@pytest.mark.parametrize("command", ["variance", "probe", "layers", "retention"])
def test_every_command_has_help_with_an_example(command, capsys):
    code, out, _ = run(command, "--help", capsys=capsys)
    assert code == 0
    assert f"Example: bgs {command} " in out
    assert "--json" in out
    assert "--seed" in out


def test_too_few_resamples_are_refused_where_they_are_typed(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["score", "caption:tfidf", "--data", "nowhere", "--num-bootstrap", "50"])
    assert caught.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "50 is too few for percentiles; give 0, or 100 and more" in line
