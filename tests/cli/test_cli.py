"""The command line's contract: one clear line and exit 2 for a user's mistake, JSON where numbers are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bgs.cli import main
from bgs.run.simulation import simulate_into


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return int(exit_.value.code or 0), printed.out, printed.err


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("homes")
    simulate_into(root / "triplets", root / "videos", seed=5, quick=True, progress=False)
    return ["--triplets-dir", str(root / "triplets"), "--videos-dir", str(root / "videos")]


COMMANDS = [
    (), ("demo",), ("data",), ("data", "list"), ("data", "check"), ("data", "import"), ("data", "fetch"),
    ("ceiling",), ("embed",), ("fit",), ("score",), ("report",), ("export",), ("backbones",),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command, capsys):
    code, out, err = run(*command, "--help", capsys=capsys)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: bgs")
    if command not in ((), ("data",)):
        assert "Example: bgs " in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--nonsense",), "No such option: --nonsense; see `bgs --help`"),
        (("fit",), "Missing argument 'CONFIG'; see `bgs fit --help`"),
        (
            ("fit", "nowhere.yaml"),
            "config 'nowhere.yaml' is neither a file nor a shipped config; shipped configs: {shipped}",
        ),
        (
            ("fit", "demo", "lora.rank=4"),
            "{demo}: unknown setting 'lora.rank'; `bgs fit CONFIG --print-config` lists the settings",
        ),
        (("fit", "demo", "lora.r"), "'lora.r' is not of the form key=value; write e.g. lora.r=16"),
        (
            ("score", "bgs-tiny"),
            "no judgments were named; add --data NAME (see `bgs data list`)",
        ),
        (
            ("score", "bgs-huge", "--data", "demo"),
            "model 'bgs-huge': unknown backbone 'bgs-huge': no such name, folder or Hugging Face id; "
            "give a run folder, a name from `bgs backbones`, caption:tfidf, caption:FOLDER or features:FILE.npz",
        ),
        (
            ("report", "no-such-run"),
            "run 'no-such-run' has no results.json; name a folder that `bgs fit` or `bgs demo` has finished",
        ),
        (
            ("data", "check", "nothing"),
            "'nothing' is neither a card, a file of judgments nor a folder of clips; known cards: affectnet, demo, "
            "demo-phase, gazefollow, hagrid, lam, phase, pisc, social250",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_get_one_line_and_exit_2(arguments, line, homes, capsys):
    from importlib.resources import files

    shipped = files("bgs") / "shipped" / "configs"
    expected = line.format(
        shipped=", ".join(sorted(Path(str(file)).stem for file in shipped.iterdir())),
        demo=str(shipped / "demo.yaml"),
    )
    with_homes = arguments[0] in ("score", "data")
    code, out, err = run(*arguments, *(homes if with_homes else ()), capsys=capsys)
    assert (code, out, err) == (2, "", f"error: {expected}\n")


def test_a_bug_keeps_its_traceback(monkeypatch):
    import bgs.backbones.registry

    def broken():
        raise RuntimeError("a bug")

    monkeypatch.setattr(bgs.backbones.registry, "list_backbones", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["backbones"])


@pytest.mark.parametrize(
    ("place", "arguments", "line"),
    [
        ("bgs.backbones.registry.list_backbones", ["backbones"], "stopped"),
        ("bgs.run.attend.attend", ["attend", "fit"], "stopped"),
        (
            "bgs.run.fit.fit",
            ["-v", "fit", "demo"],
            "stopped; a run that was training goes on with the same `bgs fit` and --resume",
        ),
        (
            "bgs.run.fusion.train_fusion",
            ["fusion", "train", "fusion-twins"],
            "stopped; a run that was training goes on with the same `bgs fusion train` and --resume",
        ),
    ],
)
def test_ctrl_c_exits_130_and_says_how_to_go_on(monkeypatch, capsys, place, arguments, line):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    code, _, err = run(*arguments, capsys=capsys)
    assert (code, err) == (130, f"{line}\n")


def test_ctrl_c_before_the_command_line_is_read_is_no_traceback(monkeypatch, capsys):
    import builtins

    read = builtins.__import__

    def interrupted(name, *rest):
        if name == "bgs.cli" and rest[2:3] == (("app",),):
            raise KeyboardInterrupt
        return read(name, *rest)

    monkeypatch.setattr(builtins, "__import__", interrupted)
    with pytest.raises(SystemExit) as exit_:
        main(["backbones"])
    assert exit_.value.code == 130
    assert capsys.readouterr().err == ""


def test_backbones_as_json(capsys):
    code, out, _ = run("backbones", "--json", capsys=capsys)
    names = [row["name"] for row in json.loads(out)]
    assert code == 0
    assert names[0] == "bgs-tiny"
    assert {"vjepa2-large", "vjepa2.1-base", "timesformer", "videomae", "clip"} <= set(names)


def test_data_list_says_what_is_here(homes, capsys):
    code, out, _ = run("data", "list", "--json", *homes, capsys=capsys)
    present = {(row["name"], row["kind"]): row["present"] for row in json.loads(out)}
    assert code == 0
    assert present["demo", "triplets"] is present["demo", "videos"] is True
    assert present["social250", "triplets"] is False


def test_data_check_counts_judgments_and_clips(homes, capsys):
    code, out, _ = run("data", "check", "demo", "--json", "--quiet", *homes, capsys=capsys)
    report = json.loads(out)
    assert code == 0
    assert report["triplets"]["simulated"] is True
    rows = report["triplets"]["rows"]
    assert rows["rows_in"] == rows["rows_out"] + sum(rows["dropped"].values())
    assert report["videos"]["num_clips"] == 90
    assert report["videos"]["ok"] is True


def test_data_list_counts_the_clips_that_have_a_file(homes, capsys):
    """A table alone is no clips; data sets of `bgs fusion` come last, under a line of their own."""
    out = run("data", "list", *homes, capsys=capsys)[1].splitlines()
    here = next(line for line in out if line.startswith("demo ") and " clips " in line)
    assert "90 of 90" in here
    first = out.index("data sets of `bgs fusion`")
    assert out[first + 2].startswith("affectnet")
    assert not any(line.startswith("affectnet") for line in out[:first])


def test_ceiling_is_told_in_words(homes, capsys):
    code, out, _ = run("ceiling", "demo", "--num-splits", 50, *homes, capsys=capsys)
    assert code == 0
    assert out.startswith("data demo (simulated)\nR² that models can reach; chance is 0.")
    assert "bound for a perfect model (max_model)" in out
    assert out.splitlines()[-1].endswith("All intervals are over clips.")


def test_ceiling_names_both_bounds(homes, capsys):
    code, out, _ = run("ceiling", "demo", "--num-splits", 50, "--json", *homes, capsys=capsys)
    ceiling = json.loads(out)
    assert code == 0
    assert 0 < ceiling["paper"]["r2"] < ceiling["max_model"]["r2"] < 1
    assert ceiling["num_splits"] == 50


def test_embed_then_score_the_file(homes, tmp_path, capsys):
    """Embeddings written to a file score exactly as the model they came from."""
    videos = homes[2:]
    code, out, _ = run(
        "embed", "bgs-tiny", "--videos", "demo", "--out", tmp_path / "e.npz", "--quiet", "--json", *videos,
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["clips"] == 90
    with np.load(tmp_path / "e.npz", allow_pickle=False) as saved:
        assert saved["embeddings"].shape == (90, json.loads(out)["width"])
    code, out, _ = run(
        "score", "bgs-tiny", f"features:{tmp_path / 'e.npz'}", "caption:tfidf", "--data", "demo",
        "--num-bootstrap", 100, "--json", "--quiet", *homes, capsys=capsys,
    )  # fmt: skip
    blocks = json.loads(out)["models"]
    assert code == 0
    assert [block["model"] for block in blocks][::2] == ["bgs-tiny", "caption:tfidf"]
    assert blocks[0]["rsa"]["spearman"] == pytest.approx(blocks[1]["rsa"]["spearman"], abs=1e-5)


def test_scores_are_printed_as_a_table(homes, capsys):
    code, out, _ = run(
        "score",
        "caption:tfidf",
        "--data",
        "demo",
        "--num-bootstrap",
        100,
        "--quiet",
        *homes,
        capsys=capsys,
    )
    assert code == 0
    assert "simulated participants" in out.lower()
    assert "caption:tfidf" in out


def test_print_config_is_the_resolved_config(tmp_path, capsys):
    import yaml

    code, out, _ = run(
        "fit", "demo", "lora.r=4", f"output_dir={tmp_path}", "--print-config", capsys=capsys
    )
    assert code == 0
    assert yaml.safe_load(out)["lora"]["r"] == 4
    assert list(tmp_path.iterdir()) == []


def test_fetch_demo_simulates(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bgs.run.inventory.simulate_into", lambda *homes, **_: None)
    homes = ["--triplets-dir", tmp_path / "t", "--videos-dir", tmp_path / "v"]
    code, out, _ = run("data", "fetch", "demo", *homes, capsys=capsys)
    assert code == 0
    assert "simulated" in out


HEAVY = "sorted({'torch', 'transformers', 'pandas', 'av'} & set(sys.modules))"


@pytest.mark.parametrize(
    "statement",
    [
        "import bgs",
        "from bgs.cli import main; suppress = __import__('contextlib').suppress(SystemExit)\n"
        "with suppress: main(['--help'])",
    ],
    ids=["import bgs", "bgs --help"],
)
def test_start_is_light(statement):
    """What is imported is tested, not the clock."""
    code = f"import sys\n{statement}\nprint({HEAVY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "bgs", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("bgs 0.")
