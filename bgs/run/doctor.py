"""What this machine has, and what is missing for which purpose: `bgs doctor`.

Every line is one `Finding`: `ok`, `note` (something optional is absent, or worth knowing) or `broken` (bgs cannot work
without it). A package counts as working only after an import in a process of its own, since a broken one may
crash rather than raise.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bgs.errors import BgsError, show_line
from bgs.run.listing import list_data_sets
from bgs.run.machine import Finding, Status, check_caches, check_devices, check_hub

if TYPE_CHECKING:
    from packaging.requirements import Requirement

IMPORT_SECONDS = 60.0  # a first import from a network disk is slow, not broken
NAMED = ("torch", "transformers", "peft", "accelerate", "numpy")

# package, module, what it is for, how to get it
DECODERS = (
    ("av", "av", "decodes clips", "pip install --force-reinstall av"),
    (
        "decord",
        "decord",
        "a faster decoder for some clips",
        "pip install decord; PyAV does its work",
    ),
    (
        "torchcodec",
        "torchcodec",
        "a third decoder",
        'pip install "bgs[torchcodec]"; PyAV does its work',
    ),
)
OPTIONAL = (
    ("sentence-transformers", "sentence_transformers", "caption models", 'pip install "bgs[captions]"'),
    ("wandb", "wandb", "training.report_to: wandb", 'pip install "bgs[wandb]"'),
    ("tensorboard", "tensorboard", "training.report_to: tensorboard", "pip install tensorboard"),
)  # fmt: skip


def examine(*, triplets_dir: Path, videos_dir: Path) -> list[Finding]:
    """Everything, in the order it is printed; imports run side by side."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        decoders = [pool.submit(check_decoder, *row) for row in DECODERS]
        hub = pool.submit(check_hub)
        return [
            check_python(),
            *check_requirements(),
            *(decoder.result() for decoder in decoders),
            *check_devices(),
            *check_caches(),
            *check_data(triplets_dir=triplets_dir, videos_dir=videos_dir),
            hub.result(),
            *(check_optional(*row) for row in OPTIONAL),
        ]


def check_python() -> Finding:
    """The interpreter and the machine it runs on."""
    value = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    old = sys.version_info < (3, 11)
    return Finding(
        "python",
        "python",
        "broken" if old else "ok",
        value,
        "bgs needs Python 3.11 or later" if old else "",
    )


def check_requirements() -> list[Finding]:
    """Every required package is there in a version that will do; one line if all are."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("bgs") or []
    except metadata.PackageNotFoundError:
        remedy = "pip install . in a clone of the repository"
        return [Finding("python", "bgs", "broken", "not installed as a package", remedy)]
    needs = [Requirement(line) for line in lines]
    needs = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    broken = [finding for need in needs if (finding := _check_requirement(need)) is not None]
    versions = ", ".join(f"{name} {_version(name)}" for name in NAMED if _version(name))
    value = f"{len(needs) - len(broken)} of {len(needs)} required packages ({versions})"
    return [Finding("python", "packages", "broken" if broken else "ok", value), *broken]


def _check_requirement(need: Requirement) -> Finding | None:
    name, specifier = need.name, need.specifier
    found = _version(name)
    if found is not None and specifier.contains(found, prereleases=True):
        return None
    value = "not installed" if found is None else f"version {found}, bgs needs {specifier}"
    return Finding("python", name, "broken", value, f'pip install "{name}{specifier}"')


def check_decoder(package: str, module: str, purpose: str, remedy: str) -> Finding:
    """A decoder by a real import; only PyAV is necessary."""
    absent: Status = "broken" if package == "av" else "note"
    if find_spec(module) is None:
        return Finding("decoders", package, absent, f"not installed: {purpose}", remedy)
    problem = import_elsewhere(module)
    if problem is None:
        return Finding("decoders", package, "ok", f"{_version(package)}: {purpose}")
    return Finding("decoders", package, absent, f"does not import: {problem}", remedy)


def import_elsewhere(module: str) -> str | None:
    """Import a module in a child process; what went wrong in one line, or None."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the import took more than {IMPORT_SECONDS:.0f} seconds"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return show_line(lines[-1]) if lines else f"the process ended with status {done.returncode}"


def check_data(*, triplets_dir: Path, videos_dir: Path) -> list[Finding]:
    """Every card, and whether its judgments or its clips are here; data sets of `bgs fusion` in one line, the last."""
    try:
        rows = list_data_sets(triplets_dir=triplets_dir, videos_dir=videos_dir)
    except BgsError as error:
        return [Finding("data", "cards", "note", str(error), "correct the card")]
    tasks = [row for row in rows if row["kind"] == "task"]
    return [
        *(_describe_card(row) for row in rows if row not in tasks),
        *([_describe_tasks(tasks)] if tasks else []),
    ]


def _describe_card(row: Mapping[str, object]) -> Finding:
    name = f"{row['name']} {'judgments' if row['kind'] == 'triplets' else 'clips'}"
    said = " (simulated)" if row["simulated"] else ""
    counted, here = row.get("clips_in_table"), row.get("clips_here")
    if not row["present"]:
        return Finding("data", name, "note", f"not here{said}", str(row["obtain"]))
    if counted is None:
        return Finding("data", name, "ok", f"here{said}")
    if here == counted:
        return Finding("data", name, "ok", f"here{said}: {counted} clips")
    value = f"{here} of {counted} clips are here{said}"
    return Finding("data", name, "note", value, str(row["obtain"]))


def _describe_tasks(rows: Sequence[Mapping[str, object]]) -> Finding:
    """Nobody who wants odd-one-outs has to read where five sets of pictures come from."""
    here = [
        f"{row['name']}{' (simulated)' if row['simulated'] else ''}"
        for row in rows
        if row["present"]
    ]
    absent = [str(row["name"]) for row in rows if not row["present"]]
    parts = [f"here: {', '.join(here)}"] if here else []
    parts += [f"not here: {', '.join(absent)}"] if absent else []
    remedy = "`bgs fusion --help`, and docs/pages/fusion.md" if absent else ""
    return Finding(
        "data", "data sets of `bgs fusion`", "note" if absent else "ok", "; ".join(parts), remedy
    )


def check_optional(package: str, module: str, purpose: str, remedy: str) -> Finding:
    """A package that some settings ask for; not imported, since some of them take seconds."""
    if find_spec(module) is None:
        return Finding("optional", package, "note", f"not installed: for {purpose}", remedy)
    return Finding("optional", package, "ok", f"{_version(package)}: for {purpose}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
