"""The check says what is there, agrees with a loop, and finds participants who do not look."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bgs.data.agreement import agree_with_rest, repeated_triads
from bgs.data.check import check_triplets
from bgs.data.triplets import LEFT, Triplets
from bgs.errors import DataError

IDS = tuple(f"clip{i}" for i in range(12))


def simulate(*, guessers: int = 1, stuck: int = 1, people: int = 14, each: int = 150) -> Triplets:
    """People who mostly follow one geometry, some who guess, and some who always pick the first."""
    rng = np.random.default_rng(0)
    place = rng.normal(size=(len(IDS), 2))
    clips, odd, who = [], [], []
    for person in range(people):
        for _ in range(each):
            three = rng.choice(len(IDS), size=3, replace=False)
            apart = [np.linalg.norm(place[three[a]] - place[three[b]]) for a, b in LEFT]
            choice = int(np.argmin(np.array(apart) + rng.gumbel(scale=0.2, size=3)))
            choice = int(rng.integers(3)) if person < guessers else choice
            choice = 0 if guessers <= person < guessers + stuck else choice
            clips.append(three)
            odd.append(choice)
            who.append(person)
    return Triplets(
        ids=IDS,
        clips=np.array(clips),
        odd=np.array(odd),
        participants=np.array(who),
        participant_ids=tuple(f"p{i}" for i in range(people)),
        response_time_seconds=rng.uniform(1, 5, size=len(odd)),
    )


def test_agreement_equals_a_loop() -> None:
    triplets = simulate(people=4, each=40)
    agreement, counted = agree_with_rest(triplets)
    assert triplets.participants is not None
    for person in range(4):
        mine, others = triplets.participants == person, triplets.participants != person
        square = triplets.select(others).rdm().square()
        credits = []
        for clips, odd in zip(triplets.clips[mine], triplets.odd[mine], strict=True):
            apart = np.array([square[clips[a], clips[b]] for a, b in LEFT])
            if not np.isnan(apart).any():
                best = np.isclose(apart, apart.min())
                credits.append(best[odd] / best.sum())
        assert counted[person] == len(credits)
        assert agreement[person] == pytest.approx(np.mean(credits))


def test_participants_who_do_not_look_are_flagged(tmp_path: Path) -> None:
    simulate().to_frame().to_csv(tmp_path / "j.csv", index=False)
    report = check_triplets(tmp_path / "j.csv", triplets_dir=tmp_path, videos_dir=tmp_path)
    agreement = {row["participant"]: row["agreement"] for row in report.participants}
    assert max(agreement["p0"], agreement["p1"]) < min(
        value for name, value in agreement.items() if name not in ("p0", "p1")
    )
    assert any(
        flag.startswith(
            "no more agreement with the rest than chance allows: 2 participants (least: "
        )
        for flag in report.flags
    )
    assert (
        "one position picked in over 80% of judgments: 1 participant (such as 'p1')" in report.flags
    )
    json.dumps(report.to_dict(), allow_nan=False)


def test_good_data_raise_no_flag(tmp_path: Path) -> None:
    simulate(guessers=0, stuck=0).to_frame().to_csv(tmp_path / "j.csv", index=False)
    report = check_triplets(tmp_path / "j.csv")
    assert report.flags == ()
    assert report.sections["position_of_odd"]["p_value"] > 0.001


def test_the_table_says_what_the_json_says(tmp_path: Path) -> None:
    simulate().to_frame().to_csv(tmp_path / "j.csv", index=False)
    report = check_triplets(tmp_path / "j.csv")
    rows = {(section, what): value for section, what, value in report.table_rows()}
    assert rows["rows", "rows in"] == "2,100"
    assert rows["position of odd", "order recorded"] == "yes"
    assert rows["attention checks", "flagged in file"] == "-"
    often = report.to_dict()["pairs"]["histogram"]["10+"]
    assert rows["pairs", "pairs by times observed"].endswith(f"10+: {often:,}")
    assert rows["response time seconds", "median"].count(".") == 1


def test_what_looks_wrong_is_said(tmp_path: Path) -> None:
    frame = simulate(guessers=0, stuck=0).to_frame()
    frame.loc[0, "response_time"] = 700.0
    frame.loc[1, "response_time"] = np.nan
    doubled = pd.concat([frame.iloc[:1], frame], ignore_index=True)
    doubled.to_csv(tmp_path / "j.csv", index=False)
    assert check_triplets(tmp_path / "j.csv").flags == (
        "1 judgment recorded twice; set `duplicate_trials: true` to keep the first",
        "the longest response took 700.00 seconds (2 over a minute); set `max_response_time` if that matters",
        "1 judgment without a response time",
    )


def test_a_place_that_is_picked_too_often(tmp_path: Path) -> None:
    simulate(guessers=0, stuck=4).to_frame().to_csv(tmp_path / "j.csv", index=False)
    flags = check_triplets(tmp_path / "j.csv").flags
    assert flags[0].startswith("the first position is odd in 5")
    assert flags[0].endswith("% of judgments, a third was expected")


def test_index_files_have_no_order_and_no_participants(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "j.txt", np.array([[0, 1, 2], [0, 2, 3], [0, 1, 2]]), fmt="%d")
    report = check_triplets(tmp_path / "j.txt")
    assert report.participants == []
    assert "participants" not in report.sections
    assert report.flags == (
        "the odd one always stands in the same place: the order presented is not recorded",
    )
    assert report.sections["triads"] == {
        "unique": 2,
        "judged_at_least_twice": 1,
        "pairs_of_judgments": 1,
        "agreement": 1.0,
    }


def test_clips_never_judged_and_sparse_parts_are_said(tmp_path: Path) -> None:
    common = "name: mine\ntitle: t\nlicence: none\nobtain: ask\n"
    homes = {"triplets_dir": tmp_path / "t", "videos_dir": tmp_path / "v"}
    for home in homes.values():
        home.mkdir()
    (homes["triplets_dir"] / "mine.yaml").write_text(
        common
        + "clips: mine\njudgments: {path: j.csv}\nid_map: {path: ids.txt}\n"
        + "geometry: {gone: {path: gone.csv, direction: similarity}}\n"
    )
    (homes["videos_dir"] / "mine.yaml").write_text(
        common + "clip_path: '{clip}.mp4'\ntable: {path: clips.csv, split: part}\n"
    )
    (homes["triplets_dir"] / "ids.txt").write_text("\n".join("abcdefgh"))
    (homes["triplets_dir"] / "j.csv").write_text(
        "clip_1,clip_2,clip_3,odd\n0,1,2,2\n3,4,5,5\n3,4,0,0\n"
    )
    clips = "".join(f"{clip},{'train' if clip < 'd' else 'test'}\n" for clip in "abcdefgh")
    (homes["videos_dir"] / "clips.csv").write_text("clip,part\n" + clips)
    report = check_triplets("mine", **homes)
    assert report.sections["split"]["train"]["pairs_within"] == 3
    assert report.sections["geometry"] == {}
    assert report.flags[-2:] == (
        "2 clips of the catalogue never judged",
        "only 3 of 10 test pairs are seen with a third test clip; 3 with any third",
    )
    # Judgments can be checked where the clips are not, but a broken split is not passed over.
    (homes["videos_dir"] / "clips.csv").write_text(
        "clip,part\n" + clips.replace("a,train", "a,somewhere")
    )
    with pytest.raises(DataError, match="part is 'somewhere'"):
        check_triplets("mine", **homes)
    (homes["videos_dir"] / "clips.csv").unlink()
    alone = check_triplets("mine", **homes)
    assert "split" not in alone.sections
    gone = homes["videos_dir"] / "clips.csv"
    assert alone.flags[-1] == f"{gone} is not here, so clips and split are not checked"
    (homes["videos_dir"] / "mine.yaml").unlink()
    assert check_triplets("mine", **homes).flags[-1] == (
        "there is no card of the clips 'mine', so clips and split are not checked"
    )


def test_repeats_of_one_participant_are_told_apart() -> None:
    triplets = Triplets(
        ids=IDS,
        clips=np.array([[0, 1, 2], [2, 1, 0], [0, 1, 2], [3, 4, 5]]),
        odd=np.array([0, 2, 1, 0]),
        participants=np.array([0, 0, 1, 1]),
        participant_ids=("p", "q"),
    )
    assert repeated_triads(triplets) == {
        "unique": 2,
        "judged_at_least_twice": 1,
        "pairs_of_judgments": 3,
        "agreement": pytest.approx(1 / 3),
        "by_same_participant": 1,
        "agreement_of_participant_with_self": 1.0,
    }
