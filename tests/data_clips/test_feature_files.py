"""Features from outside are believed only as far as they can be checked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from bgs.data.features import FeatureBank, load_features
from bgs.errors import DataError

EXAMPLE = "save it with `numpy.savez(FILE, ids=..., embeddings=...)`"
IDS = np.array(["a", "b", "c"])
MATRIX = np.arange(12, dtype=np.float64).reshape(3, 4)


def error_of(path) -> str:
    with pytest.raises(DataError) as caught:
        load_features(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_bank_of_features(tmp_path):
    np.savez(tmp_path / "f.npz", ids=IDS, embeddings=MATRIX)
    bank = load_features(tmp_path / "f.npz")
    assert bank.ids == ("a", "b", "c")
    assert repr(bank) == "FeatureBank(3 clips, width 4)"
    assert len(bank) == 3
    assert bank.matrix.dtype == np.float32
    batch = bank.batch([2, 0])
    assert batch.dtype == torch.float32
    assert batch.tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    part = bank.select(["c", "a"])
    assert part.ids == ("c", "a")
    assert torch.equal(part.batch([0, 1]), batch)
    with pytest.raises(ValueError, match="read-only"):
        bank.matrix[0] = 0
    with pytest.raises(DataError) as caught:
        bank.select(["a", "x", "y"])
    assert str(caught.value) == (
        "features of 2 of 3 clips are missing, the first is 'x';"
        " compute features for every clip, with the ids of the clip set"
    )


def test_numeric_ids_are_names(tmp_path):
    np.savez(tmp_path / "f.npz", ids=np.array([3, 1, 2]), embeddings=MATRIX)
    assert load_features(tmp_path / "f.npz").ids == ("3", "1", "2")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"embeddings": MATRIX}, f"has no array 'ids' (it holds embeddings); {EXAMPLE}"),
        ({"ids": IDS, "x": MATRIX}, f"has no array 'embeddings' (it holds ids, x); {EXAMPLE}"),
        (
            {"ids": IDS[:2], "embeddings": MATRIX},
            "embeddings of shape (3, 4) do not fit 2 ids; give one row a clip: (clips, width)",
        ),
        (
            {"ids": IDS, "embeddings": MATRIX[0]},
            "embeddings of shape (4,) do not fit 3 ids; give one row a clip: (clips, width)",
        ),
        (
            {"ids": np.array(["a", "b", "a"]), "embeddings": MATRIX},
            "clip 'a' appears twice; give one row a clip",
        ),
        (
            {"ids": IDS, "embeddings": np.where(MATRIX == 5, np.nan, MATRIX)},
            "the embedding of clip 'b' holds NaN or infinity (1 of 3 clips do);"
            " compute the features of these clips again",
        ),
        (
            {"ids": IDS, "embeddings": MATRIX * 1e300},
            "the embedding of clip 'a' holds NaN or infinity (3 of 3 clips do);"
            " compute the features of these clips again",
        ),
        (
            {"ids": IDS, "embeddings": np.where(MATRIX > 7, 1.0, MATRIX)},
            "the embedding of clip 'c' is the same number throughout (1 of 3 clips);"
            " compute the features of these clips again; a constant row has no direction",
        ),
        (
            {"ids": IDS, "embeddings": MATRIX.astype(str)},
            "embeddings are <U32, not numbers; save them as floats",
        ),
        (
            {"ids": np.array(["a", 1, None], dtype=object), "embeddings": MATRIX},
            "holds Python objects or damaged arrays; save ids as strings and features as floats",
        ),
    ],
)
def test_wrong_arrays(tmp_path, arrays, message):
    np.savez(tmp_path / "f.npz", **arrays)
    assert error_of(tmp_path / "f.npz") == message


def test_wrong_files(tmp_path):
    assert error_of(tmp_path / "no.npz") == "does not exist; check the path"
    (tmp_path / "text.npz").write_text("no archive")
    assert error_of(tmp_path / "text.npz") == (
        "holds Python objects or damaged arrays; save ids as strings and features as floats"
    )
    (tmp_path / "empty.npz").touch()
    assert error_of(tmp_path / "empty.npz") == f"is not an NPZ file; {EXAMPLE}"
    np.save(tmp_path / "one.npy", MATRIX)
    assert error_of(tmp_path / "one.npy") == f"is a single array, not ids and embeddings; {EXAMPLE}"
    np.savez(tmp_path / "cut.npz", ids=IDS, embeddings=MATRIX)
    content = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    assert error_of(tmp_path / "cut.npz") == f"is not an NPZ file; {EXAMPLE}"


def test_a_bank_is_checked_at_birth():
    with pytest.raises(DataError, match=r"embeddings of shape \(3, 4\) do not fit 1 ids"):
        FeatureBank(("a",), MATRIX)


def lying_npz(path: Path, shape: str, *, megabytes: int = 0) -> None:
    """An archive whose embeddings promise a shape, and hold zeros that compress to nothing."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open("ids.npy", "w") as member:
            np.save(member, np.array(["a", "b"]))
        with packed.open("embeddings.npy", "w") as member:
            member.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little"))
            member.write(header.encode())
            for _ in range(megabytes):
                member.write(bytes(1_000_000))


@pytest.mark.parametrize("shape", ["(2, 600000000000)", "(" * 5000])
def test_an_array_that_lies_about_itself(shape: str, tmp_path: Path) -> None:
    lying_npz(tmp_path / "f.npz", shape)
    assert error_of(tmp_path / "f.npz") == (
        "holds Python objects or damaged arrays; save ids as strings and features as floats"
    )


def test_an_archive_that_unpacks_without_end(tmp_path: Path) -> None:
    lying_npz(tmp_path / "f.npz", "(2, 10000000)", megabytes=80)
    said = error_of(tmp_path / "f.npz")
    assert said.startswith("embeddings.npy unpacks from ")
    assert said.endswith(
        " to 80,000,128 bytes; save features that were measured; those compress little"
    )


@pytest.mark.parametrize(
    ("offsets", "value"), [((8, 6), 1), ((10, 8), 99)], ids=["password", "compression 99"]
)
def test_an_archive_nobody_can_open(offsets: tuple[int, int], value: int, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", ids=np.array(["a", "b"]), embeddings=np.eye(2))
    data = bytearray((tmp_path / "f.npz").read_bytes())
    for signature, offset in zip((b"PK\x01\x02", b"PK\x03\x04"), offsets, strict=True):
        place = data.find(signature)
        while place >= 0:
            data[place + offset] = value
            place = data.find(signature, place + 4)
    (tmp_path / "f.npz").write_bytes(data)
    assert error_of(tmp_path / "f.npz") == (
        "holds Python objects or damaged arrays; save ids as strings and features as floats"
    )


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array(["\x1b[31mx", "b"]), "an id is '\\x1b[31mx', with a character that cannot be "),
        (np.array(["", "b"]), "an id is ''; fill the cell"),
        (np.array([0.0, 1.0]), "ids are float64 of shape (2,); save one text a clip as its id"),
        (np.array([["a", "b"]]), "ids are <U1 of shape (1, 2); save one text a clip as its id"),
        (np.array([b"\xff", b"b"]), "ids are bytes, not text; save ids as strings"),
    ],
)
def test_ids_that_are_none(ids: np.ndarray, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", ids=ids, embeddings=np.eye(2))
    assert error_of(tmp_path / "f.npz").startswith(message)
