"""Clips: which there are, where their files stand, and what is known about each."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from bgs.clip_ids import find_id_problem
from bgs.data.card_files import load_videos_card, payload_file
from bgs.data.cards import VideosCard
from bgs.data.clip_tables import read_captions, read_ids, read_ratings
from bgs.data.splits import Split, load_split
from bgs.data.tables import read_table
from bgs.errors import DataError

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".ogv", ".gif"}
)


@dataclass(frozen=True, repr=False, eq=False)
class Clips:
    """A set of clips by id. Captions, ratings and split are there where the card names them."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    captions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ratings: pd.DataFrame | None = None  # one row a clip, indexed by id
    split: Split | None = None
    name: str = "clips"
    simulated: bool = False
    duration_seconds: float | None = None  # what every clip must last at least
    obtain: str = "check the path"  # how to get clips that are missing
    checksums: Mapping[str, str] = field(
        default_factory=dict
    )  # sha256 by id, where the card states it

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.paths):
            raise DataError(
                f"{len(self.ids)} ids for {len(self.paths)} files", remedy="give one file a clip"
            )
        if len(set(self.ids)) < len(self.ids):
            twice = next(clip for i, clip in enumerate(self.ids) if clip in self.ids[:i])
            raise DataError(
                f"clip {twice!r} appears twice", remedy="give every clip an id of its own"
            )
        known = set(self.ids)
        strange = [clip for clip in self.captions if clip not in known]
        if strange:
            raise DataError(
                f"a caption is about {strange[0]!r}, which is no clip", remedy="correct the id"
            )
        if self.ratings is not None and tuple(self.ratings.index) != self.ids:
            raise DataError(
                "ratings are not indexed by the clip ids", remedy="give one row a clip, in order"
            )
        object.__setattr__(self, "captions", MappingProxyType(dict(self.captions)))
        object.__setattr__(self, "checksums", MappingProxyType(dict(self.checksums)))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        parts = [f"{len(self)} clips"]
        if self.captions:
            parts.append(f"{sum(map(len, self.captions.values()))} captions")
        if self.ratings is not None:
            parts.append(f"{self.ratings.shape[1]} ratings")
        if self.split is not None:
            parts.append(repr(self.split))
        if self.simulated:
            parts.append("simulated")
        return f"Clips({self.name!r}, {', '.join(parts)})"

    def restrict(self, ids: Iterable[str]) -> Clips:
        """Exactly these clips, in this order. The split stays that of the whole set."""
        wanted = tuple(ids)
        place = {clip: i for i, clip in enumerate(self.ids)}
        unknown = [clip for clip in wanted if clip not in place]
        if unknown:
            raise DataError(
                f"clip {unknown[0]!r} is not among the {len(self)} clips of {self.name!r}",
                remedy="check the id",
            )
        return Clips(
            ids=wanted,
            paths=tuple(self.paths[place[clip]] for clip in wanted),
            captions={clip: self.captions[clip] for clip in wanted if clip in self.captions},
            ratings=None if self.ratings is None else self.ratings.loc[list(wanted)],
            split=self.split,
            name=self.name,
            simulated=self.simulated,
            duration_seconds=self.duration_seconds,
            obtain=self.obtain,
            checksums={clip: self.checksums[clip] for clip in wanted if clip in self.checksums},
        )

    def check_files(self) -> None:
        """Raise unless every clip is there."""
        missing = [path for path in self.paths if not path.exists()]
        if missing:
            raise DataError(
                f"{len(missing)} of {len(self)} clips of {self.name!r} are missing, this one first",
                remedy=self.obtain,
                file=missing[0],
            )

    def check_duration(self, path: Path, seconds: float) -> None:
        """Raise if a clip is shorter than promised, give or take a frame at 25 a second."""
        if self.duration_seconds is not None and seconds < self.duration_seconds - 0.04:
            raise DataError(
                f"lasts {seconds:.2f} s where the card of {self.name!r} says {self.duration_seconds:.2f} s",
                remedy="replace the clip, or correct duration_seconds in the card",
                file=path,
            )

    def check_sha256(self, clip: str, path: Path, digest: str) -> None:
        """Raise if a clip is not the file whose checksum the card states."""
        stated = self.checksums.get(clip, digest)
        if stated != digest:
            raise DataError(
                f"sha256 is {digest[:12]}..., the card says {stated[:12]}...",
                remedy="get the clip again, or correct the card",
                file=path,
            )


def load_clips(
    name_or_folder: str | Path, *, videos_dir: Path | str = "videos", need_files: bool = True
) -> Clips:
    """Clips by the name of a card, or all videos of a folder with their file names as ids.

    Captions and judgments can be worked with where the clips themselves are not at hand (a licence, say):
    `need_files=False` leaves their absence to whoever decodes them.

    >>> clips = load_clips("demo")  # doctest: +SKIP
    >>> clips = load_clips("~/my_study/stimuli")  # doctest: +SKIP
    """
    folder = Path(name_or_folder).expanduser()
    if isinstance(name_or_folder, Path) or "/" in name_or_folder or "\\" in name_or_folder:
        return _clips_of_folder(folder)
    home = Path(videos_dir)
    if folder.is_dir() and not _is_card(name_or_folder, home=home):
        return _clips_of_folder(folder)
    card = load_videos_card(name_or_folder, videos_dir=home)
    return _clips_of_card(card, home=home, need_files=need_files)


def _is_card(name: str, *, home: Path) -> bool:
    shipped = Path(str(files("bgs").joinpath("shipped", "videos")))
    return any((place / f"{name}.yaml").is_file() for place in (home, shipped))


def _clips_of_folder(folder: Path) -> Clips:
    if not folder.is_dir():
        raise DataError(
            f"{str(folder)!r} is not a folder", remedy="name a folder of videos or a card"
        )
    videos = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in VIDEO_SUFFIXES and file.name[0] != "."
    )
    if not videos:
        known = " ".join(sorted(VIDEO_SUFFIXES))
        raise DataError(
            "the folder holds no videos", remedy=f"videos end in one of {known}", file=folder
        )
    # Some file systems take accents off their letters; a clip is found whatever the spelling.
    ids = [unicodedata.normalize("NFC", file.stem) for file in videos]
    for (earlier, clip), (later, twin) in itertools.pairwise(zip(videos, ids, strict=True)):
        if clip == twin:
            raise DataError(
                f"{earlier.name} and {later.name} would both be clip {clip!r}",
                remedy="rename or remove one",
                file=folder,
            )
    for file, clip in zip(videos, ids, strict=True):
        problem = find_id_problem(clip)
        if problem is not None:
            raise DataError(
                f"a clip is named after its file, and the name {problem[0]}",
                remedy=f"rename the file: {problem[1]}",
                file=file,
            )
    return Clips(ids=tuple(ids), paths=tuple(videos), name=folder.name)


def _clips_of_card(card: VideosCard, *, home: Path, need_files: bool) -> Clips:
    table = read_table(payload_file(card, card.table.path, home=home), format="csv")
    ids = read_ids(card, table)
    paths = tuple(card.clip_file(clip, videos_dir=home) for clip in ids)
    checksums = (
        {clip: card.file(card.clip_path.replace("{clip}", clip)).sha256 for clip in ids}
        if card.files
        else {}
    )
    clips = Clips(
        ids=ids,
        paths=paths,
        captions=read_captions(card, table, ids=ids, home=home),
        ratings=read_ratings(card, table, ids=ids),
        split=load_split(card, home=home),
        name=card.name,
        simulated=card.simulated,
        duration_seconds=card.duration_seconds,
        obtain=card.obtain,
        checksums={clip: found for clip, found in checksums.items() if found is not None},
    )
    if need_files:
        clips.check_files()
    return clips
