"""The five questions about people, and where each finds its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bgs.errors import DataError
from bgs.fusion.example import Task, TaskData

EXPRESSIONS = (
    "neutral",
    "happy",
    "sad",
    "surprised",
    "afraid",
    "disgusted",
    "angry",
    "contemptuous",
)
GESTURES = (
    "call",
    "dislike",
    "fist",
    "four",
    "grabbing",
    "grip",
    "hand_heart",
    "hand_heart2",
    "holy",
    "like",
    "little_finger",
    "middle_finger",
    "mute",
    "no_gesture",
    "ok",
    "one",
    "palm",
    "peace",
    "peace_inverted",
    "point",
    "rock",
    "stop",
    "stop_inverted",
    "take_picture",
    "three",
    "three2",
    "three3",
    "three_gun",
    "thumb_index",
    "thumb_index2",
    "timeout",
    "two_up",
    "two_up_inverted",
    "xsign",
)
COARSE = ("intimate", "not intimate", "no relation")
FINE = ("friends", "family", "couple", "professional", "commercial", "no relation")
LOOKING = ("yes", "no")

_FACE = "What does the face of this person express?"
_RELATION = "How are these two people related?"
TASKS = {
    task.name: task
    for task in (
        Task(
            "affectnet",
            "Facial expression, 8 classes",
            "label",
            _FACE,
            EXPRESSIONS,
            ("valence", "arousal"),
            ("accuracy", "macro_f1", "ccc_valence", "ccc_arousal"),
        ),
        Task(
            "affectnet-7",
            "Facial expression, 7 classes",
            "label",
            _FACE,
            EXPRESSIONS[:7],
            ("valence", "arousal"),
            ("accuracy", "macro_f1", "ccc_valence", "ccc_arousal"),
        ),
        Task(
            "gazefollow",
            "Where a person looks",
            "point",
            "Where in the picture does this person look?",
            (),
            (),
            ("auc", "mean_distance", "min_distance", "angular_error"),
        ),
        Task(
            "hagrid",
            "Hand gesture",
            "label",
            "Which gesture does this hand make?",
            GESTURES,
            (),
            ("accuracy", "macro_f1"),
        ),
        Task(
            "lam",
            "Looking at me",
            "label",
            "Does this person look at the camera?",
            LOOKING,
            (),
            ("map", "accuracy"),
        ),
        Task("pisc", "Social relation, 6 classes", "label", _RELATION, FINE, (), ("map", "recall")),
        Task(
            "pisc-coarse",
            "Social relation, 3 classes",
            "label",
            _RELATION,
            COARSE,
            (),
            ("map", "recall"),
        ),
    )
}


@dataclass(frozen=True)
class Source:
    """Which function reads the data set of a task, and the folder that it is expected in."""

    module: str
    function: str
    folder: str

    def open(self) -> Callable[..., TaskData]:
        """The reader itself, imported when it is used."""
        reader: Callable[..., TaskData] = getattr(import_module(self.module), self.function)
        return reader


SOURCES = {
    name: Source(
        f"bgs.fusion.{name.split('-')[0]}", f"read_{name.split('-')[0]}", name.split("-")[0]
    )
    for name in TASKS
}


def find_task(name: str) -> Task:
    """The task of that name."""
    if name not in TASKS:
        raise DataError(f"unknown task {name!r}", remedy=f"the tasks are {', '.join(TASKS)}")
    return TASKS[name]


def load_task(name: str, *, home: Path = Path("videos")) -> TaskData:
    """The examples of a task from its data set in `home`, checked as they are read."""
    task, source = find_task(name), SOURCES[name]
    folder = home / source.folder
    if not folder.is_dir():
        raise DataError(
            f"the data of task {name!r} are not here: {str(folder)!r} is not a folder",
            remedy=f"put the data set there as downloaded (see `bgs data check {source.folder}`)",
        )
    return source.open()(folder, task=task)
