"""What a set of judgments holds, what goes and why, and what looks wrong: `bgs data check NAME`.

One report serves the table and the JSON. Nothing here changes the data: a flag is a sentence to read,
an exclusion is declared in the card.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chisquare

from bgs.data.agreement import repeated_triads, triad_codes
from bgs.data.card_files import card_names, load_triplets_card, load_videos_card
from bgs.data.cards import TripletsCard
from bgs.data.check_flags import find_flags
from bgs.data.check_participants import describe_participants, summarise_participants
from bgs.data.exclusions import find_duplicate_trials
from bgs.data.geometry import load_geometry
from bgs.data.judgment_files import is_judgment_file, read_judgments
from bgs.data.raw_judgments import RawJudgments
from bgs.data.splits import PARTS, Split, load_split
from bgs.data.triplets import Triplets, clean
from bgs.errors import DataError
from bgs.rdm import RDM

MOST_COUNTED = 10  # pairs seen this often or more share the last bar of the histogram
QUANTILES = {"min": 0.0, "p01": 0.01, "median": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True)
class CheckReport:
    """Sections of plain values, the participants one by one, and the flags."""

    name: str
    simulated: bool
    sections: dict[str, dict[str, Any]]
    participants: list[dict[str, Any]]
    flags: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "name": self.name,
            "simulated": self.simulated,
            **self.sections,
            "participant_table": self.participants,
            "flags": list(self.flags),
            "notes": list(self.notes),
        }

    def table_rows(self) -> list[tuple[str, str, str]]:
        """(section, what, value) as text, for the printed table."""
        rows: list[tuple[str, str, str]] = []
        for section, values in self.sections.items():
            for what, value in _flatten(values):
                rows.append((section.replace("_", " "), what.replace("_", " "), _say(value)))
        return rows


def check_triplets(
    name_or_path: str | Path,
    *,
    triplets_dir: Path | str = "triplets",
    videos_dir: Path | str = "videos",
) -> CheckReport:
    """Read judgments as `load_triplets` does, and report on every row of the file."""
    absent = _explain_absent_clips(name_or_path, triplets_dir=triplets_dir, videos_dir=videos_dir)
    source = read_judgments(
        name_or_path,
        triplets_dir=Path(triplets_dir),
        videos_dir=None if absent else videos_dir,
    )
    raw = source.raw
    triplets = clean(raw, rules=source.rules, name=source.name, simulated=source.simulated)
    split = _find_split(source.card, absent, triplets_dir=triplets_dir, videos_dir=videos_dir)
    sections = _describe_all(raw, triplets)
    if triplets.response_time_seconds is not None:
        sections["response_time_seconds"] = _summarise_times(triplets)
    if split is not None:
        sections["split"] = _count_split(triplets, split)
    if source.card is not None and source.card.geometry:
        sections["geometry"] = _compare_geometry(triplets, source.card, triplets_dir=triplets_dir)
    people = describe_participants(raw, triplets)
    if people:
        sections["participants"] = summarise_participants(people)
    return CheckReport(
        name=triplets.name,
        simulated=triplets.simulated,
        sections=sections,
        participants=people,
        flags=(*find_flags(sections, people), *filter(None, [absent])),
        notes=() if source.card is None else source.card.notes,
    )


def _describe_all(raw: RawJudgments, triplets: Triplets) -> dict[str, dict[str, Any]]:
    """What any set of judgments has, whatever columns it comes with."""
    return {
        "rows": _count_rows(triplets),
        "attention_checks": _count_checks(raw),
        "trials": {"recorded_twice": int(find_duplicate_trials(raw, among=~raw.repeats).sum())},
        "clips": _count_clips(triplets),
        "triads_all_rows": _count_triads(raw),
        "triads": dict(repeated_triads(triplets)),
        "pairs": _count_coverage(triplets.rdm()),
        "position_of_odd": _count_positions(triplets),
    }


def _explain_absent_clips(
    name_or_path: str | Path, *, triplets_dir: Path | str, videos_dir: Path | str
) -> str | None:
    """Why the clips that a card names cannot be compared with; judgments can be checked without them.

    A file that is there and wrong is an error all the same.
    """
    if is_judgment_file(name_or_path):
        return None
    card = load_triplets_card(str(name_or_path), triplets_dir=triplets_dir)
    if card.clips is None:
        return None
    if card.clips not in card_names("videos", home=Path(videos_dir)):
        return f"there is no card of the clips {card.clips!r}, so clips and split are not checked"
    clips = load_videos_card(card.clips, videos_dir=videos_dir)
    lists = clips.split
    parts = () if lists is None else (lists.train, lists.validation, lists.test)
    needed = [clips.table.path, *(part.path for part in parts if part is not None)]
    missing = next((path for path in needed if not os.path.lexists(Path(videos_dir, path))), None)
    if missing is None:
        return None
    return f"{Path(videos_dir, missing)} is not here, so clips and split are not checked"


def _find_split(
    card: TripletsCard | None,
    absent: str | None,
    *,
    triplets_dir: Path | str,
    videos_dir: Path | str,
) -> Split | None:
    """The split of the judgments or of their clips, where one is stated and its files are here."""
    if card is None:
        return None
    split = load_split(card, home=triplets_dir)
    if split is not None or absent or card.clips is None:
        return split
    return load_split(load_videos_card(card.clips, videos_dir=videos_dir), home=videos_dir)


def _count_rows(triplets: Triplets) -> dict[str, Any]:
    if triplets.exclusions is None:
        raise DataError("judgments without an exclusion report", remedy="use load_triplets")
    return triplets.exclusions.to_dict()


def _count_checks(raw: RawJudgments) -> dict[str, Any]:
    first, second, third = raw.clips.T
    single = np.where(first == second, third, np.where(first == third, second, first))
    triple = (first == second) & (first == third)
    checks = raw.repeats & ~triple
    return {
        "rows_that_repeat_a_clip": int(raw.repeats.sum()),
        "one_clip_three_times": int(triple.sum()),
        "passed": int((checks & (raw.odd_clip == single)).sum()),
        "failed": int((checks & (raw.odd_clip != single)).sum()),
        "flagged_in_file": None if raw.catch is None else int(raw.catch.sum()),
        "flag_disagrees": None if raw.catch is None else int((raw.catch != raw.repeats).sum()),
    }


def _count_clips(triplets: Triplets) -> dict[str, Any]:
    shown = np.bincount(triplets.clips.ravel(), minlength=len(triplets.ids))
    return {
        "in_catalogue": len(triplets.ids),
        "judged": int((shown > 0).sum()),
        "times_shown_min": int(shown.min()),
        "times_shown_median": float(np.median(shown)),
        "times_shown_max": int(shown.max()),
    }


def _count_triads(raw: RawJudgments) -> dict[str, Any]:
    sizes = np.unique(triad_codes(raw.clips), return_counts=True)[1]
    return {"unique": len(sizes), "judged_at_least_twice": int((sizes >= 2).sum())}


def _count_coverage(rdm: RDM) -> dict[str, Any]:
    """How many pairs were observed how often."""
    counts = rdm.counts.astype(np.int64)
    bars = np.bincount(np.minimum(counts, MOST_COUNTED), minlength=MOST_COUNTED + 1)
    labels = [*map(str, range(MOST_COUNTED)), f"{MOST_COUNTED}+"]
    return {
        "all": len(counts),
        "observed": rdm.num_pairs,
        "mean_observations": float(counts.mean()),
        "histogram": dict(zip(labels, bars.tolist(), strict=True)),
    }


def _count_positions(triplets: Triplets) -> dict[str, Any]:
    counts = np.bincount(triplets.odd, minlength=3)
    recorded = bool((counts > 0).sum() > 1)  # index files put the odd one last
    return {
        "first": int(counts[0]),
        "second": int(counts[1]),
        "third": int(counts[2]),
        "order_recorded": recorded,
        "p_value": float(chisquare(counts).pvalue) if recorded else None,
    }


def _summarise_times(triplets: Triplets) -> dict[str, Any]:
    times = triplets.response_time_seconds
    known = np.array([]) if times is None else times[~np.isnan(times)]
    summary: dict[str, Any] = {"recorded": len(known), "missing": len(triplets) - len(known)}
    if len(known):
        summary |= {name: float(np.quantile(known, q)) for name, q in QUANTILES.items()}
        summary["over_60"] = int((known > 60).sum())
    return summary


def _count_split(triplets: Triplets, split: Split) -> dict[str, Any]:
    training = triplets.restrict(split.train)
    counts: dict[str, Any] = {}
    for part in PARTS:
        clips = getattr(split, part)
        if len(clips) < 2:
            continue
        outside = None if part == "train" else training
        within = triplets.rdm(clips, third="within", training=outside)
        anything = triplets.rdm(clips, third="any", training=outside)
        counts[part] = {
            "clips": len(clips),
            "judgments": len(triplets.restrict(clips)),
            "pairs": len(within.counts),
            "pairs_within": within.num_pairs,
            "pairs_any_third": anything.num_pairs,
            "mean_observations_any_third": float(anything.counts.mean()),
        }
    return counts


def _compare_geometry(
    triplets: Triplets, card: TripletsCard, *, triplets_dir: Path | str
) -> dict[str, Any]:
    """Whether the published matrices are what the judgments give."""
    result: dict[str, Any] = {}
    for name, source in card.geometry.items():
        if not (Path(triplets_dir) / source.path).is_file():
            continue
        published = load_geometry(card.name, name, triplets_dir=triplets_dir)
        try:
            ours = triplets.rdm(published.ids)
        except DataError as error:
            file = Path(triplets_dir, source.path)
            raise DataError(error.what, remedy=error.remedy, file=file) from error
        both = ours.observed & published.observed
        same = np.isclose(published.dissimilarities[both], ours.dissimilarities[both])
        result[name] = {
            "direction": source.direction,
            "pairs_published": published.num_pairs,
            "pairs_from_judgments": ours.num_pairs,
            "pairs_that_differ": int((~same).sum()),
        }
    return result


def _flatten(values: dict[str, Any], *, prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key == "histogram":  # one line: how many pairs were seen 0, 1, 2, ... times
            bars = ", ".join(f"{times}: {count:,}" for times, count in value.items() if count)
            flat.append(("pairs by times observed", bars))
        elif isinstance(value, dict):
            flat += _flatten(value, prefix=f"{prefix}{key}: ")
        else:
            flat.append((f"{prefix}{key}", value))
    return flat


def _say(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1e6 else f"{value:.4g}"
    return str(value)
