"""Scores as files for other tools: long tables (Parquet and CSV) and an `rsatoolbox` file.

scores.csv, .parquet       a row a model and number, with protocol, n, seed and versions
comparisons.csv, .parquet  a row a pair of models, where there are several
pairs.csv, .parquet        a row a model and judged pair of clips: people's dissimilarity and the model's
rdms.hdf5                  people's RDM and every model's; rsatoolbox.rdm.load_rdm("rdms.hdf5") reads it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bgs.evaluation.interop import to_long_frame, to_rsatoolbox, write_records
from bgs.run.results import Candidate
from bgs.run.study import Study
from bgs.whole_files import written_together


def export_scores(
    folder: Path, results: Mapping[str, Any], study: Study, candidates: Sequence[Candidate]
) -> list[Path]:
    """Write every table and the RDMs, all of them or none; returns the files."""
    rdms = {candidate.name: candidate.rdm for candidate in candidates}
    tables: dict[str, Sequence[Mapping[Any, Any]]] = {
        "scores": [row for block in results["models"] for row in long_rows(block)],
        "pairs": to_long_frame(rdms, study.test_geometry).to_dict("records"),
    }
    if results.get("comparisons"):
        tables["comparisons"] = [_flat(pair) for pair in results["comparisons"]]
    with written_together(folder) as aside:
        written = [
            write_records(rows, aside / f"{name}.{kind}")
            for name, rows in tables.items()
            for kind in ("csv", "parquet")
        ]
        written.append(_write_rdms(aside / "rdms.hdf5", {"human": study.test_geometry, **rdms}))
    return [folder / file.name for file in written]


def long_rows(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a number of a model: its name, its value, its interval, and what it takes to read it."""
    rsa, odd = block["rsa"], block["odd_one_out"]
    common = {
        "model": block["model"],
        "role": block["role"],
        "data": block["data"],
        "split": block["split"],
        "third": block["protocol"]["third"],
        "participants": block["protocol"]["participants"],
        "interval": block["protocol"]["interval"],
        "seed": block["seed"],
        "versions": " ".join(f"{name}={text}" for name, text in block["versions"].items()),
        "source": " ".join(f"{name}={key}" for name, key in block["source"].items()),
    }
    values: dict[str, tuple[float, Any, int]] = {
        "r2": (rsa["r2"], rsa["ci95"], block["n_pairs"]),
        "spearman": (rsa["spearman"], rsa.get("spearman_ci95"), block["n_pairs"]),
        "odd_one_out_three_way": (odd["three_way"], odd["ci95"], block["n_triplets"]),
        "odd_one_out_two_way": (odd["two_way"], None, block["n_triplets"]),
        "odd_one_out_two_way_paper": (
            block["protocol"]["two_way_paper"],
            None,
            block["n_triplets"],
        ),
    }
    for name, value in (rsa.get("also") or {}).items():
        values[name] = (value, rsa["also_ci95"][name], block["n_pairs"])
    for name, value in block["protocol"]["share_of_ceiling"].items():
        values[f"share_of_ceiling_{name}"] = (value, None, block["n_pairs"])
    if rsa.get("p") is not None:
        values["p_chance"] = (rsa["p"], None, block["n_pairs"])
    if odd.get("log_likelihood"):
        found = odd["log_likelihood"]
        values["log_likelihood"] = (found["mean"], found["ci95"], block["n_triplets"])
    for name, (value, interval, count) in values.items():
        low, high = (None, None) if interval is None else interval
        yield {"quantity": name, "value": value, "low": low, "high": high, "n": count, **common}


def _flat(pair: Mapping[str, Any]) -> dict[str, Any]:
    low, high = pair["ci95"]
    rest = {key: value for key, value in pair.items() if key != "ci95"}
    return {**rest, "low": low, "high": high}


def _write_rdms(path: Path, rdms: Mapping[str, Any]) -> Path:
    to_rsatoolbox(rdms).save(str(path), file_type="hdf5", overwrite=True)
    return path
