"""To and from the tools others use: rsatoolbox objects and long tables.

Clips travel by id (pattern descriptor `clip`), so what comes back is aligned by id and not by
position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgs.errors import DataError
from bgs.evaluation.correlation import observed_pairs
from bgs.rdm import RDM

if TYPE_CHECKING:
    import pandas as pd


def to_rsatoolbox(rdms: Mapping[str, RDM]) -> Any:
    """One `rsatoolbox.rdm.RDMs` of several RDMs over the same clips, in the order of the first."""
    from rsatoolbox.rdm.rdms import RDMs

    if not rdms:
        raise DataError("no RDM to export", remedy="pass one RDM or more")
    ids = next(iter(rdms.values())).ids
    aligned = [rdm.restrict(ids) for rdm in rdms.values()]
    return RDMs(
        np.stack([rdm.dissimilarities for rdm in aligned]),
        rdm_descriptors={"name": list(rdms)},
        pattern_descriptors={"clip": list(ids)},
    )


def from_rsatoolbox(rdms: Any, *, descriptor: str = "clip") -> dict[str, RDM]:
    """RDMs by name (their number where they have none), with clips named by a pattern descriptor."""
    if descriptor not in rdms.pattern_descriptors:
        known = ", ".join(sorted(rdms.pattern_descriptors))
        raise DataError(
            f"these RDMs have no pattern descriptor {descriptor!r}",
            remedy=f"name the clips by one of: {known}",
        )
    ids = [str(clip) for clip in rdms.pattern_descriptors[descriptor]]
    names = rdms.rdm_descriptors.get("name", [str(place) for place in range(rdms.n_rdm)])
    return {
        str(name): RDM.from_condensed(ids, values)
        for name, values in zip(names, rdms.dissimilarities, strict=True)
    }


def to_long_frame(models: Mapping[str, RDM], human: RDM) -> pd.DataFrame:
    """One row a judged pair and model: clips, judgments, people's dissimilarity and the model's."""
    import pandas as pd

    parts = []
    for name, model in models.items():
        pairs = observed_pairs(model, human)
        clips = np.array(pairs.ids, dtype=object)[pairs.members]  # (pairs, 2)
        parts.append(
            pd.DataFrame(
                {
                    "model": name,
                    "clip_1": clips[:, 0],
                    "clip_2": clips[:, 1],
                    "judgments": pairs.counts,
                    "human": pairs.human,
                    "distance": pairs.model,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def write_records(records: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """A table of records (such as `Leaderboard.to_records`) as .csv or .parquet."""
    import pandas as pd

    frame = pd.DataFrame(list(records))
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        raise DataError(
            f"cannot write a table as {path.name!r}", remedy="end the name in .csv or .parquet"
        )
    return path
