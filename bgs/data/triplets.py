"""Odd-one-out judgments: three clips were shown, one was picked as the odd one.

Conventions
-----------
- A judgment is one row of `clips`, in the order presented, and the position (0, 1 or 2) of the odd one.
- The two that are left form the pair people put together. A pair's dissimilarity is
  1 - (times left together / times shown together); a pair never shown is missing, not similar.
- Clips are known by id. `ids` is the catalogue the positions in `clips` point into.
- `third="within"` estimates a pair from judgments whose three clips are all among the clips asked for;
  `third="any"` from every judgment that shows the pair, whatever the third clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.data.cards import ExclusionRules, JudgmentColumns
from bgs.data.exclusions import ExclusionReport, exclude
from bgs.data.judgment_files import read_judgments
from bgs.data.raw_judgments import RawJudgments, parse_judgments
from bgs.data.tables import table_of_frame
from bgs.errors import DataError
from bgs.rdm import RDM, condensed_index

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Third = Literal["within", "any"]

# Positions of the two clips that are left, in the order presented, by the position of the odd one.
LEFT = np.array([[1, 2], [0, 2], [0, 1]])
PER_JUDGMENT = ("clips", "odd", "participants", "response_time_seconds", "trial", "session")


@dataclass(frozen=True, repr=False, eq=False)
class Triplets:
    """Clean judgments: three different clips each, one of them the odd one."""

    ids: tuple[str, ...]
    clips: IntArray  # (judgments, 3) positions in ids, in the order presented
    odd: IntArray  # (judgments,) 0, 1 or 2
    participants: IntArray | None = None  # (judgments,) positions in participant_ids
    participant_ids: tuple[str, ...] = ()
    response_time_seconds: FloatArray | None = None  # NaN where not recorded
    trial: IntArray | None = None
    session: IntArray | None = None  # (judgments,) positions in session_ids
    session_ids: tuple[str, ...] = ()
    name: str = "judgments"
    simulated: bool = False
    exclusions: ExclusionReport | None = None

    def __post_init__(self) -> None:
        for name in PER_JUDGMENT:
            values = getattr(self, name)
            if values is None:
                continue
            kind = np.float64 if name == "response_time_seconds" else np.int64
            array = np.array(values, dtype=kind)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        _validate(self)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        columns: JudgmentColumns | None = None,
        ids: Sequence[str] | None = None,
        exclusions: ExclusionRules | None = None,
        name: str = "judgments",
        simulated: bool = False,
    ) -> Triplets:
        """Judgments from a data frame in the documented schema, or with `columns` naming its own."""
        raw = parse_judgments(table_of_frame(frame), columns=columns, ids=ids)
        return clean(raw, rules=exclusions or ExclusionRules(), name=name, simulated=simulated)

    @property
    def pair(self) -> IntArray:
        """The two clips left together, in the order presented. (judgments, 2)"""
        return np.take_along_axis(self.clips, LEFT[self.odd], axis=1)

    @property
    def odd_clip(self) -> IntArray:
        """The clip picked as the odd one. (judgments,)"""
        return np.asarray(self.clips[np.arange(len(self)), self.odd])

    def select(self, mask: NDArray[np.bool_] | IntArray) -> Triplets:
        """These judgments, by mask or by position; the catalogue of clips stays."""
        chosen = {
            name: values[mask]
            for name in PER_JUDGMENT
            if (values := getattr(self, name)) is not None
        }
        return replace(self, **chosen)

    def restrict(self, ids: Sequence[str]) -> Triplets:
        """Judgments whose three clips are all in `ids`, with `ids` as the catalogue, in that order."""
        translate = self._positions_in(ids)
        moved = translate[self.clips]  # (judgments, 3), -1 for clips outside
        kept = self.select(np.all(moved >= 0, axis=1))
        return replace(kept, ids=tuple(ids), clips=translate[kept.clips])

    def without(self, ids: Sequence[str]) -> Triplets:
        """Judgments that show none of `ids`; the catalogue stays."""
        shown = self._positions_in(ids)[self.clips] >= 0
        return self.select(~np.any(shown, axis=1))

    def rdm(
        self,
        ids: Sequence[str] | None = None,
        *,
        third: Third = "within",
        training: Triplets | None = None,
    ) -> RDM:
        """Human dissimilarities between `ids` (default: all clips), with counts.

        `training` are the judgments a model may see. Given them, an RDM is refused when one of them
        shows a clip of `ids`: such a geometry is no longer held out.
        """
        if third not in ("within", "any"):
            raise DataError(f"third is {third!r}", remedy="choose 'within' or 'any'")
        ids = self.ids if ids is None else tuple(ids)
        if training is not None:
            training.refuse_clips(ids)
        together, shown = self.count_pairs(ids, third=third)
        with np.errstate(invalid="ignore"):
            dissimilarities = 1.0 - together / shown  # 0 / 0 is NaN: unobserved
        return RDM(tuple(ids), dissimilarities, shown)

    def count_pairs(
        self, ids: Sequence[str], *, third: Third = "within"
    ) -> tuple[FloatArray, FloatArray]:
        """How often each pair of `ids` was left together, and shown together. (pairs,) condensed, both"""
        moved = self._positions_in(ids)[np.ascontiguousarray(self.clips.T)]  # (3, judgments)
        outside = moved < 0
        num_pairs = len(ids) * (len(ids) - 1) // 2
        together = np.zeros(num_pairs)
        shown = np.zeros(num_pairs)
        for odd, (first, second) in enumerate(LEFT):
            left = self.odd == odd
            rows, columns = moved[first], moved[second]
            unusable = (
                outside.any(axis=0) if third == "within" else outside[first] | outside[second]
            )
            if unusable.any():
                left, rows, columns = left[~unusable], rows[~unusable], columns[~unusable]
            pairs = condensed_index(rows, columns, num_clips=len(ids))
            shown += np.bincount(pairs, minlength=num_pairs)
            together += np.bincount(pairs[left], minlength=num_pairs)
        return together, shown

    def refuse_clips(self, ids: Sequence[str]) -> None:
        """Raise if a judgment shows one of `ids`: held-out clips must not appear in training."""
        leaked = (self._positions_in(ids, strict=False)[self.clips] >= 0).any(axis=1)
        if leaked.any():
            shown = set(ids)
            judgment = int(np.argmax(leaked))
            clip = next(self.ids[i] for i in self.clips[judgment] if self.ids[i] in shown)
            raise DataError(
                f"{int(leaked.sum())} training judgments of {self.name!r} show a held-out clip (such as {clip!r})",
                remedy="train on `restrict(split.train)`",
            )

    def to_frame(self) -> pd.DataFrame:
        """The documented schema, one row a judgment, clips by id."""
        names = np.array(self.ids, dtype=object)
        columns: dict[str, object] = {f"clip_{i + 1}": names[self.clips[:, i]] for i in range(3)}
        columns["odd"] = names[self.odd_clip]
        if self.participants is not None:
            columns["participant"] = np.array(self.participant_ids, dtype=object)[self.participants]
        if self.trial is not None:
            columns["trial"] = self.trial
        if self.response_time_seconds is not None:
            columns["response_time"] = self.response_time_seconds
        if self.session is not None:
            columns["session"] = np.array(self.session_ids, dtype=object)[self.session]
        return pd.DataFrame(columns)

    def _positions_in(self, ids: Sequence[str], *, strict: bool = True) -> IntArray:
        """For every clip of the catalogue its position in `ids`, -1 if it is not there."""
        positions = {clip: index for index, clip in enumerate(ids)}
        if len(positions) != len(ids):
            twice = next(clip for index, clip in enumerate(ids) if positions[clip] != index)
            raise DataError(f"clip {twice!r} is listed twice", remedy="name each clip once")
        unknown = [clip for clip in ids if clip not in self._catalogue] if strict else []
        if unknown:
            raise DataError(
                f"clip {unknown[0]!r} is not among the {len(self.ids)} clips of {self.name!r}"
                + (f" (nor are {len(unknown) - 1} others)" if len(unknown) > 1 else ""),
                remedy="use ids of this data set",
            )
        return np.array([positions.get(clip, -1) for clip in self.ids], dtype=np.int64)

    @cached_property
    def _catalogue(self) -> frozenset[str]:
        return frozenset(self.ids)

    def __len__(self) -> int:
        return len(self.clips)

    def __eq__(self, other: object) -> bool:
        """The same judgments about the same catalogue, whatever the order of labels behind the codes."""
        if not isinstance(other, Triplets):
            return NotImplemented
        same = (self.name, self.simulated, self.ids) == (other.name, other.simulated, other.ids)
        return same and self.to_frame().equals(other.to_frame())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        people = (
            ""
            if self.participants is None
            else f", {len(np.unique(self.participants))} participants"
        )
        made = ", simulated participants" if self.simulated else ""
        return f"Triplets({self.name!r}, {len(self):,} judgments, {len(self.ids):,} clips{people}{made})"


def clean(
    raw: RawJudgments, *, rules: ExclusionRules, name: str = "judgments", simulated: bool = False
) -> Triplets:
    """Judgments after the exclusions, carrying the count of what went."""
    keep, report = exclude(raw, rules=rules)
    clips = raw.clips[keep]  # (judgments, 3)
    return Triplets(
        ids=raw.ids,
        clips=clips,
        odd=np.argmax(clips == raw.odd_clip[keep, None], axis=1),
        participants=None if raw.participants is None else raw.participants[keep],
        participant_ids=raw.participant_ids,
        response_time_seconds=(
            None if raw.response_time_seconds is None else raw.response_time_seconds[keep]
        ),
        trial=None if raw.trial is None else raw.trial[keep],
        session=None if raw.session is None else raw.session[keep],
        session_ids=raw.session_ids,
        name=name,
        simulated=simulated,
        exclusions=report,
    )


def load_triplets(
    name_or_path: str | Path,
    *,
    triplets_dir: Path | str = "triplets",
    videos_dir: Path | str | None = None,
) -> Triplets:
    """Clean judgments of a card (by name), or of a file in the documented schema (by path).

    With `videos_dir` the clips must be those of the card's videos card, and the catalogue is theirs.
    """
    source = read_judgments(name_or_path, triplets_dir=Path(triplets_dir), videos_dir=videos_dir)
    return clean(source.raw, rules=source.rules, name=source.name, simulated=source.simulated)


def _validate(triplets: Triplets) -> None:
    clips, odd = triplets.clips, triplets.odd
    if clips.ndim != 2 or clips.shape[1] != 3:
        raise DataError(f"clips have shape {clips.shape}", remedy="pass three positions a judgment")
    if len(set(triplets.ids)) != len(triplets.ids):
        raise DataError("an id of the catalogue is listed twice", remedy="name each clip once")
    for name in PER_JUDGMENT[1:]:
        values = getattr(triplets, name)
        if values is not None and values.shape != (len(clips),):
            raise DataError(
                f"{name} has shape {values.shape} for {len(clips)} judgments",
                remedy="pass one value a judgment",
            )
    _refuse_outside(clips, len(triplets.ids), "clips")
    _refuse_outside(odd, 3, "odd")
    for name, labels in (("participants", "participant_ids"), ("session", "session_ids")):
        if getattr(triplets, name) is not None:
            _refuse_outside(getattr(triplets, name), len(getattr(triplets, labels)), name)
    first, second, third = clips.T
    repeats = (first == second) | (first == third) | (second == third)
    if repeats.any():
        raise DataError(
            f"judgment {int(np.argmax(repeats))} shows a clip twice",
            remedy="exclude attention checks first",
        )


def _refuse_outside(codes: IntArray, size: int, name: str) -> None:
    if codes.size and (codes.min() < 0 or codes.max() >= size):
        bad = codes.max() if codes.max() >= size else codes.min()
        raise DataError(f"{name} holds {bad}, outside 0 to {size - 1}", remedy="pass positions")
