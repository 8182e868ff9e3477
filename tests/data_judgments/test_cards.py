"""Cards: found in the home or the package, strict, and unable to reach outside their home."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.data.card_files import list_cards, load_triplets_card, load_videos_card, payload_file
from bgs.data.triplets import load_triplets
from bgs.errors import DataError

GOOD = "name: mine\ntitle: A study\nlicence: none\nobtain: ask the authors\njudgments: {path: mine/j.csv}\n"
VIDEOS = (
    "name: mine\ntitle: Clips\nlicence: none\nobtain: ask the authors\nclip_path: 'mine/{clip}.mp4'\n"
    "table: {path: mine/clips.csv}\n"
)
OUTSIDE = "a path in a card is relative to its home and may not leave it"


def put(home: Path, text: str | bytes) -> Path:
    file = home / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "clip: mine\n", ": unknown key 'clip'; the README of the home lists the keys"),
        (
            GOOD.replace("{path: mine/j.csv}", "{path: mine/j.csv, colums: {}}"),
            ": unknown key 'judgments.colums'; the README of the home lists the keys",
        ),
        (
            GOOD.replace("licence: none\n", ""),
            ": key 'licence' is missing; the README of the home lists the keys",
        ),
        (
            GOOD.replace("mine/j.csv", "../j.csv"),
            f": key 'judgments.path': {OUTSIDE}, got '../j.csv'; correct the card",
        ),
        (
            GOOD.replace("mine/j.csv", "/etc/passwd"),
            f": key 'judgments.path': {OUTSIDE}, got '/etc/passwd'; correct the card",
        ),
        (
            GOOD.replace("mine/j.csv", "mine/../../j.csv"),
            f": key 'judgments.path': {OUTSIDE}, got 'mine/../../j.csv'; correct the card",
        ),
        (
            GOOD.replace("mine/j.csv", "'C:/j.csv'"),
            f": key 'judgments.path': {OUTSIDE}, got 'C:/j.csv'; correct the card",
        ),
        (
            GOOD.replace("{path: mine/j.csv}", "{path: mine/j.csv, format: xlsx}"),
            ": key 'judgments.format': input should be 'csv', 'tsv', 'parquet', 'jsonl', 'index' or "
            "'jspsych', got 'xlsx'; correct the card",
        ),
        (GOOD.replace("name: mine", "name: other"), None),
        (
            GOOD + "name: mine\n",
            ", row 6: the card is not YAML: key 'name' appears twice; mend the line",
        ),
        (
            GOOD.replace("j.csv}", "j.csv, where: {task: x}}"),
            ": key 'judgments': `where` and `columns.clips` are for format jspsych; correct the card",
        ),
        (
            GOOD.replace("j.csv}", "j.jsonl, format: jsonl, separator: ';'}"),
            ": key 'judgments': `separator` is for formats csv and tsv; correct the card",
        ),
        (
            GOOD.replace("j.csv}", "j.txt, format: index, odd_is: position}"),
            ": key 'judgments': an index file has neither named columns nor positions; correct the card",
        ),
        ("- a\n- b\n", ": the card is not a mapping; start with `name:`"),
        ("name: [\n", ", row 2: the card is not YAML: "),
        (
            GOOD.encode() + b"notes: [\xe9]\n",
            ", row 6: byte 0xe9 is not UTF-8; save the file as UTF-8",
        ),
        (
            GOOD + "exclusions: {min_catch_accuracy: 2}\n",
            ": key 'exclusions.min_catch_accuracy': input should be less than or equal to 1, got 2; correct the card",
        ),
        (
            GOOD + "id_map: {path: m.csv, from: x}\n",
            ": key 'id_map': `from` needs `to`; correct the card",
        ),
        (
            GOOD + "files: [{path: mine/j.csv, sha256: abc}]\n",
            ": key 'files.0.sha256': string should match pattern '^[0-9a-fA-F]{64}$', got 'abc'; correct the card",
        ),
    ],
)
def test_a_broken_card_is_refused_in_one_line(
    text: str | bytes, message: str | None, tmp_path: Path
) -> None:
    file = put(tmp_path, text)
    message = message or (
        ": the card calls itself 'other' in a file called 'mine'; give the file and its `name` the same name"
    )
    with pytest.raises(DataError) as caught:
        load_triplets_card("mine", triplets_dir=tmp_path)
    assert str(caught.value).startswith(f"{file}{message}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{clip}.mp4", "clip.mp4", "clip_path holds {clip} once and no other braces"),
        ("{clip}.mp4", "{clip}/{take}.mp4", "clip_path holds {clip} once and no other braces"),
        ("mine/{clip}", "../{clip}", OUTSIDE),
        (
            "{path: mine/clips.csv}",
            "{path: mine/clips.csv, split: part}\nsplit: {train: {path: a}, test: {path: b}}",
            "the split is a column of the table or files, not both",
        ),
        (
            "{path: mine/clips.csv}",
            "{path: mine/clips.csv, captions: [c]}\ncaptions: {path: a}",
            "captions are columns of the table or a file, not both",
        ),
    ],
)
def test_a_videos_card_must_make_sense(old: str, new: str, message: str, tmp_path: Path) -> None:
    put(tmp_path, VIDEOS.replace(old, new))
    with pytest.raises(DataError) as caught:
        load_videos_card("mine", videos_dir=tmp_path)
    assert message in str(caught.value)


def test_ratings_are_a_list_or_a_mapping(tmp_path: Path) -> None:
    for ratings, expected in [
        ("[valence]", {"valence": "valence"}),
        ("{valence: rating-valence}", {"valence": "rating-valence"}),
    ]:
        put(tmp_path, VIDEOS.replace("clips.csv}", f"clips.csv, ratings: {ratings}}}"))
        assert load_videos_card("mine", videos_dir=tmp_path).table.ratings == expected


def test_a_clip_id_cannot_leave_the_home(tmp_path: Path) -> None:
    put(tmp_path, VIDEOS)
    card = load_videos_card("mine", videos_dir=tmp_path)
    assert card.clip_file("a", videos_dir=tmp_path) == tmp_path / "mine/a.mp4"
    with pytest.raises(
        DataError, match=r"clip id '\.\./\.\./a' leads to 'mine/\.\./\.\./a.mp4', outside"
    ):
        card.clip_file("../../a", videos_dir=tmp_path)


def test_an_unknown_card_names_those_there_are(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    with pytest.raises(DataError) as caught:
        load_triplets_card("social25", triplets_dir=tmp_path)
    assert str(caught.value) == (
        "no triplets card is called 'social25' (known: demo, demo-phase, mine, phase, social250); "
        f"write {tmp_path / 'social25.yaml'}, or name one that exists"
    )


def test_the_home_comes_before_the_package(tmp_path: Path) -> None:
    shipped = load_triplets_card("demo", triplets_dir=tmp_path)
    assert shipped.simulated
    text = GOOD.replace("mine", "demo")
    (tmp_path / "demo.yaml").write_text(text)
    assert load_triplets_card("demo", triplets_dir=tmp_path).title == "A study"


def test_a_missing_payload_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_triplets("demo", triplets_dir=tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'demo/judgments.csv'}: the file of 'demo' is missing; "
        "run `bgs data fetch demo`, which simulates it (a demo run has its own, in RUN/data)"
    )


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, GOOD + f"files: [{{path: mine/j.csv, sha256: {'e' * 64}}}]\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/j.csv").write_text("clip_1,clip_2,clip_3,odd\na,b,c,c\n")
    card = load_triplets_card("mine", triplets_dir=tmp_path)
    with pytest.raises(DataError) as caught:
        payload_file(card, "mine/j.csv", home=tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'mine/j.csv'}: sha256 is 19488ae09694..., the card says eeeeeeeeeeee...; "
        "get the file again, or correct the card if the data changed on purpose"
    )


def test_listing_says_what_is_there(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/j.csv").write_text("")
    rows = {
        (row["kind"], row["name"]): row
        for row in list_cards(triplets_dir=tmp_path, videos_dir=tmp_path / "v")
    }
    assert set(rows) == {
        ("triplets", "demo"),
        ("triplets", "demo-phase"),
        ("triplets", "mine"),
        ("triplets", "phase"),
        ("triplets", "social250"),
        ("videos", "demo"),
        ("videos", "demo-phase"),
        ("videos", "phase"),
        ("videos", "social250"),
        *(("task", name) for name in ("affectnet", "gazefollow", "hagrid", "lam", "pisc")),
    }
    assert rows["task", "pisc"]["present"] is False
    assert rows["triplets", "mine"]["present"] is True
    assert rows["triplets", "demo"] == {
        "name": "demo",
        "kind": "triplets",
        "title": "Odd-one-out judgments of simulated participants on animated social scenes",
        "simulated": True,
        "present": False,
        "licence": "MIT",
        "obtain": "run `bgs data fetch demo`, which simulates it (a demo run has its own, in RUN/data)",
    }


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            "index,name\n0,a\n0,b\n1,c\n",
            "map.csv, row 3: id '0' is listed twice; map each id to its own clip",
        ),
        (
            "index,name\n0,a\n1,b\n2,a\n",
            "map.csv, row 4: clip 'a' is listed twice; map each id to its own clip",
        ),
        (
            "index,clip\n0,a\n",
            "map.csv: no column 'name'; the columns are 'index', 'clip'; rename the column",
        ),
        (
            "index,name\n0,a\n1,b\n",
            "j.csv, row 2: clip_3 is '2', which the id map of 2 clips does not have",
        ),
    ],
)
def test_a_broken_id_map(mapping: str, message: str, tmp_path: Path) -> None:
    put(tmp_path, GOOD + "id_map: {path: mine/map.csv, from: index, to: name}\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/j.csv").write_text("clip_1,clip_2,clip_3,odd\n0,1,2,2\n")
    (tmp_path / "mine/map.csv").write_text(mapping)
    with pytest.raises(DataError, match=message):
        load_triplets("mine", triplets_dir=tmp_path)


def test_clips_are_checked_against_their_table(tmp_path: Path) -> None:
    triplets_dir, videos_dir = tmp_path / "t", tmp_path / "v"
    for home, text in ((triplets_dir, GOOD + "clips: mine\n"), (videos_dir, VIDEOS)):
        (home / "mine").mkdir(parents=True)
        put(home, text)
    (triplets_dir / "mine/j.csv").write_text("clip_1,clip_2,clip_3,odd\na,b,c,c\na,b,x,x\n")
    (videos_dir / "mine/clips.csv").write_text("clip\nc\nb\na\nx\n")
    homes = {"triplets_dir": triplets_dir, "videos_dir": videos_dir}
    assert load_triplets("mine", **homes).ids == ("c", "b", "a", "x")
    (videos_dir / "mine/clips.csv").write_text("clip\nc\nb\na\n")
    with pytest.raises(DataError) as caught:
        load_triplets("mine", **homes)
    assert str(caught.value) == (
        f"{triplets_dir / 'mine/j.csv'}, row 3: clip_3 is 'x', which is not one of the 3 clips; "
        "correct the id or the list of clips"
    )
    (videos_dir / "mine/clips.csv").write_text("clip\nc\nb\nb\n")
    with pytest.raises(
        DataError, match=r"clips\.csv, row 4: clip 'b' is listed twice; name each clip once"
    ):
        load_triplets("mine", **homes)


def test_a_card_may_hold_a_geometry_alone_but_not_nothing(tmp_path: Path) -> None:
    lone = GOOD.replace("judgments: {path: mine/j.csv}\n", "")
    put(tmp_path, lone)
    with pytest.raises(
        DataError, match="a card of triplets has `judgments`, a `geometry`, or both"
    ):
        load_triplets_card("mine", triplets_dir=tmp_path)
    put(tmp_path, lone + "geometry: {said: {path: mine/m.csv, direction: dissimilarity}}\n")
    card = load_triplets_card("mine", triplets_dir=tmp_path)
    assert card.main_file == "mine/m.csv"
    with pytest.raises(
        DataError, match=r"'mine' has no odd-one-out judgments, only a geometry \(said\); name"
    ):
        load_triplets("mine", triplets_dir=tmp_path)
