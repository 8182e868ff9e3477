"""Does tuning on one kind of clips carry over to abstract animations that other people labelled?

Nothing is fitted to the new clips but a linear probe, and that one on clips it is not asked about. Beside every model
stand the weights it started from, the same architecture with random weights, motion energy and, where scenes are
known as trajectories, features that never see a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bgs.errors import DataError
from bgs.evaluation.transfer import (
    MainSet,
    Protocol,
    TransferScore,
    TransferTask,
    compare_transfer,
    score_transfer,
)
from bgs.evaluation.transfer_ceiling import rater_ceiling
from bgs.evaluation.transfer_ratings import NO_MAJORITY
from bgs.rdm import RDM
from bgs.run.folder import CONFIG, RESULTS, prepare_folder, write_results
from bgs.run.results import used_versions
from bgs.run.sources import Source, check_names
from bgs.run.transfer_facts import describe_protocol, describe_task
from bgs.run.transfer_models import TRUTH, Entry, check_models, open_entries
from bgs.run.transfer_sets import PHASE, RatedSet, read_rated, render_rated

FEWEST_SAMPLES = 100  # that a bootstrap may have
COMPARED = ("after", "model")  # what differences lead to


def transfer(
    models: Sequence[str],
    *,
    data: str = PHASE,
    phase_dir: Path | None = None,
    look: str | None = None,
    main: str | None = None,
    train: Sequence[str] = (),
    size: int = 224,
    protocol: Protocol | None = None,
    decoder: str = "auto",
    videos_dir: Path = Path("videos"),
    out: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Every model on the rated clips of `data`: geometry, odd-one-out, neighbours, probe; ceiling and differences.

    The probe is fitted on `main` where that is named, else on the set's own main part where it states one, else it is
    cross-validated. Each set in `train` adds a probe fitted there. Scenes are rendered in `look` (None: PHASE's own),
    `size` pixels a side.
    """
    protocol = protocol or Protocol()
    if out is not None:
        _refuse_run(out)
        prepare_folder(out)
    check_names(models)
    names = list(dict.fromkeys([data, *([main] if main else []), *train]))
    sets = {
        name: read_rated(name, phase_dir=phase_dir, videos_dir=videos_dir, look=look)
        for name in names
    }
    check_questions(sets, data=data, main=main, train=train, size=size, protocol=protocol)
    check_models(models, sets, videos_dir=videos_dir)
    with TemporaryDirectory(prefix="bgs-transfer-") as scratch:
        sets = {
            name: render_rated(
                found, Path(scratch) / str(place), size=size, seed=protocol.seed, progress=progress
            )
            for place, (name, found) in enumerate(sets.items())
        }
        entries = open_entries(
            models, sets, decoder=decoder, videos_dir=videos_dir, progress=progress
        )
    results = score_entries(entries, sets, data=data, protocol=protocol, main=main).to_dict()
    if out is not None:
        write_results(out, results)
    return results


@dataclass(frozen=True, repr=False, eq=False)
class Scored:
    """Every model's answers, and what it takes to write them down."""

    tested: RatedSet
    task: TransferTask
    entries: tuple[Entry, ...]
    scores: Mapping[str, TransferScore]  # by the model's name in the table
    fitted_on: str | None  # the set of the protocol's probe; None: cross-validated
    set_sizes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """What results.json holds."""
        protocol = self.task.protocol
        ceiling = rater_ceiling(self.task.rated, min_lead=protocol.min_lead, seed=protocol.seed)
        return {
            "data": self.tested.clips.name,
            "look": self.tested.look,
            "simulated": self.tested.clips.simulated,
            **describe_task(self.task),
            "models": [self._row(entry) for entry in self.entries],
            "differences": _differences(self),
            "ceiling": ceiling.to_dict(),
            "chance": self.task.chance,
            "protocol": describe_protocol(protocol, fitted_on=self.fitted_on),
            "sets": dict(self.set_sizes),
            "versions": used_versions(),
            "seed": protocol.seed,
        }

    def _row(self, entry: Entry) -> dict[str, Any]:
        block = _main_first(self.scores[entry.model].to_dict(), self.fitted_on)
        keys = {name: dict(source.keys) for name, source in entry.sources.items()}
        return {"model": entry.model, "role": entry.role, "source": keys, **block}

    def __repr__(self) -> str:
        return f"Scored({len(self.entries)} models, {self.task!r})"


def score_entries(
    entries: Sequence[Entry],
    sets: Mapping[str, RatedSet],
    *,
    data: str,
    protocol: Protocol,
    main: str | None = None,
) -> Scored:
    """Ask models that are embedded already."""
    tested = sets[data]
    task = TransferTask.of(tested.rated.restrict(tested.tested), protocol)
    fitted_on = _own_main(tested, main) or main
    scores = {
        entry.model: _score(task, entry, sets, data=data, fitted_on=fitted_on) for entry in entries
    }
    sizes = {name: len(found.clips.ids) for name, found in sets.items()}
    return Scored(tested, task, tuple(entries), scores, fitted_on, sizes)


def check_questions(
    sets: Mapping[str, RatedSet],
    *,
    data: str,
    main: str | None,
    train: Sequence[str],
    size: int,
    protocol: Protocol,
) -> None:
    """Refuse what cannot be asked of these ratings, before a clip is rendered.

    Every question is asked once of numbers drawn by lot in the place of a model, so no rule is written twice.
    """
    own = next((name for name in (main, *train) if name == data), None)
    if own is not None:
        raise DataError(
            f"{own!r} is the set that is tested, so no probe may be fitted on all of it",
            remedy="name another set, or leave it out: the probe is then cross-validated",
        )
    if size % 2:
        raise DataError(
            f"size is {size}, but H.264 needs even sides",
            remedy=f"render at {size - 1} or {size + 1}",
        )
    if not sets[data].tested:
        raise DataError(
            f"no clip of {data!r} is for testing", remedy="call some clips test in its column split"
        )
    check_labels_agree(sets)
    for found in sets.values():
        if found.scenes is None:
            found.clips.check_files()
    rng = np.random.default_rng(protocol.seed)
    drawn = {
        name: Source("drawn by lot", found.clips.ids, rng.standard_normal((len(found.clips), 3)))
        for name, found in sets.items()
    }
    brief = replace(
        protocol,
        num_repeats=1,
        num_permutations=0,
        num_bootstrap=min(protocol.num_bootstrap, FEWEST_SAMPLES),
    )
    entry = Entry("drawn by lot", "model", drawn)
    asked = score_entries([entry], sets, data=data, protocol=brief, main=main)
    rater_ceiling(asked.task.rated, num_splits=2, min_lead=brief.min_lead, seed=brief.seed)


def check_labels_agree(sets: Mapping[str, RatedSet]) -> None:
    """A probe fitted on one set can only be asked about another with the same labels."""
    known = {found.rated.labels for found in sets.values()}
    if len(known) > 1:
        raise DataError(
            f"the sets {', '.join(sets)} do not have the same labels",
            remedy="compare sets rated with the same words",
        )


def _refuse_run(out: Path) -> None:
    """The results.json of a run is about the run, and stays."""
    if (out / CONFIG).is_file():
        raise DataError(
            f"{str(out)!r} is a run with a {RESULTS} of its own",
            remedy="file the result there with --into, or choose another folder",
        )


def _own_main(tested: RatedSet, main: str | None) -> str | None:
    """The name of the set's own main part, where it has one and no other was asked for."""
    return f"{tested.clips.name} (main)" if main is None and tested.main else None


def _score(
    task: TransferTask,
    entry: Entry,
    sets: Mapping[str, RatedSet],
    *,
    data: str,
    fitted_on: str | None,
) -> TransferScore:
    source = entry.sources[data]
    mains = {
        name: _main_set(name, source_of, sets[name], sets[name].clips.ids)
        for name, source_of in entry.sources.items()
        if name != data
    }
    if fitted_on is not None and fitted_on not in mains:
        mains[fitted_on] = _main_set(fitted_on, source, sets[data], sets[data].main)
    ids = task.rated.ids
    return score_transfer(task, _rdm_of(source, ids), source.rows(ids), mains=mains)


def _main_set(name: str, source: Source, found: RatedSet, ids: Sequence[str]) -> MainSet:
    """The clips of a set whose ratings have a majority, as something to fit a probe on."""
    labels = found.rated.restrict(ids).majority
    kept = labels != NO_MAJORITY
    return MainSet(name, source.rows(ids)[kept], labels[kept])


def _rdm_of(source: Source, ids: Sequence[str]) -> RDM:
    """Cosine distances; features with units of their own are standardised over these clips first, the truth is not."""
    if source.metric != "euclidean" or source.kind == TRUTH:
        return source.rdm(ids)
    rows = source.rows(ids)
    spread = rows.std(axis=0)
    standard = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return Source(source.model, tuple(ids), standard, "euclidean").rdm(ids)


def _main_first(block: dict[str, Any], fitted_on: str | None) -> dict[str, Any]:
    """`probe` is the probe of the protocol; those fitted on other sets stand in `probe_on`."""
    if fitted_on is not None:
        block["probe_cross_validated"] = block.pop("probe")
        block["probe"] = block["probe_on"].pop(fitted_on)
    return block


def _differences(scored: Scored) -> list[dict[str, Any]]:
    """From what a model started from, and from every control and baseline, to each model of interest."""
    rows = []
    for entry in scored.entries:
        if entry.role not in COMPARED:
            continue
        for other in scored.entries:
            if other.role in COMPARED or other.run not in (None, entry.run):
                continue
            pair = scored.scores[other.model], scored.scores[entry.model]
            found = _main_first(compare_transfer(scored.task, *pair), scored.fitted_on)
            ends = {"from": other.model, "from_role": other.role, "to": entry.model}
            rows.append(ends | found)
    return rows
