"""Hostile and clumsy input: what is put into the homes, and the one line a user should read about it."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

HEAD = "clip_1,clip_2,clip_3,odd\n"
CLIPS = "clip,caption,valence,split\n" + "".join(
    f"c{i},words {i},{i},{'train' if i < 4 else 'test'}\n" for i in range(8)
)
JUDGMENTS = HEAD + "c0,c1,c2,c2\nc4,c5,c6,c4\nc5,c6,c7,c7\n"
COMMON = "name: mine\ntitle: t\nlicence: none\nobtain: ask\n"
TRIPLETS = COMMON + "clips: mine\njudgments: {path: mine/j.csv}\n"
VIDEOS = (
    COMMON + "clip_path: 'mine/{clip}.mp4'\n"
    "table: {path: mine/clips.csv, captions: [caption], ratings: [valence], split: split}\n"
)
HOME = {
    "triplets/mine.yaml": TRIPLETS,
    "triplets/mine/j.csv": JUDGMENTS,
    "videos/mine.yaml": VIDEOS,
    "videos/mine/clips.csv": CLIPS,
}
LAUGHS = "a: &a [x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def lying_npy(shape: str) -> bytes:
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def parquet(**columns: object) -> bytes:
    stream = io.BytesIO()
    pa.parquet.write_table(
        pa.table({"clip_2": ["b"], "clip_3": ["c"], "odd": ["c"], **columns}), stream
    )
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(3))
    return stream.getvalue()


def card(text: str) -> dict[str, str | bytes]:
    return {"triplets/mine.yaml": TRIPLETS + text}


def path(value: str) -> dict[str, str | bytes]:
    return {"triplets/mine.yaml": TRIPLETS.replace("mine/j.csv", value)}


def clip(name: str) -> dict[str, str | bytes]:
    return {"videos/mine/clips.csv": CLIPS + f"{name},w,1,test\n"}


def row(line: str, head: str = HEAD) -> dict[str, str | bytes]:
    return {"x.csv": head + line}


def person(trial: str, seconds: str) -> dict[str, str | bytes]:
    return row(
        f"a,b,c,c,p,{trial},{seconds}\n", HEAD.strip() + ",participant,trial,response_time\n"
    )


def matrix(text: str) -> dict[str, str | bytes]:
    stated = "geometry: {g: {path: mine/g.csv, direction: similarity}}\n"
    return {**card(stated), "triplets/mine/g.csv": text}


# Files that are put into the homes; a file outside them is what `bgs data check` is asked about.
HOSTILE: dict[str, dict[str, str | bytes]] = {
    # cards
    "aliases that stand for billions": {
        "triplets/mine.yaml": LAUGHS + TRIPLETS.replace("title: t", "title: *m")
    },
    "an alias of itself": card("notes: &n [*n]\n"),
    "a tag that would run a command": card("notes: !!python/object/apply:os.system [ls]\n"),
    "brackets without end": card("notes: " + "[" * 5000 + "\n"),
    "a list for a key": card("? [1, 2]\n: x\n"),
    "a mapping for a key": card("? {a: 1}\n: x\n"),
    "a number for a key": card("1: x\n"),
    "a key twice": card("name: mine\n"),
    "two documents": card("---\nname: b\n"),
    "a NUL in a card": card('notes: ["\0"]\n'),
    "a colour in a key": card('"\\e[31mx": 1\n'),
    "reversed writing in a key": card('"\u202ex": 1\n'),
    "a colour in a note": card('notes: ["\\e[31mred"]\n'),
    "6,000 digits": card(f"exclusions: {{min_judgments: {'9' * 6000}}}\n"),
    "a hexadecimal without end": card(f"exclusions: {{min_response_time: 0x{'f' * 600}}}\n"),
    "a thirteenth month": card("citation: 2026-13-45\n"),
    "a card in UTF-16": {"triplets/mine.yaml": TRIPLETS.encode("utf-16")},
    "a tab for space": card("split:\n\ttrain: x\n"),
    "an absolute path": path("/etc/passwd"),
    "a path upwards": path("../../etc/passwd"),
    "a drive": path("'C:/x.csv'"),
    "backslashes": path("'\\\\server\\x'"),
    "an empty path": path("''"),
    "a NUL in a path": path('"a\\0b"'),
    "a colour in a path": path('"\\e[31mx"'),
    "a path of 5,000 characters": path("a" * 5000),
    "a checksum under another spelling": card(
        f"files: [{{path: ./mine/j.csv, sha256: '{'0' * 64}'}}]\n"
    ),
    "a file listed twice": card("files: [{path: mine/j.csv}, {path: mine//j.csv}]\n"),
    "a quote for a separator": path("mine/j.csv, separator: '\"'"),
    "a NUL for a separator": path('mine/j.csv, separator: "\\0"'),
    "one column for two clips": path("mine/j.csv, columns: {clip_1: clip_2}"),
    "bounds the wrong way round": card(
        "exclusions: {min_response_time: 5, max_response_time: 1}\n"
    ),
    "an address that is a file": card("base_url: file:///etc/\n"),
    "an address without end": card("base_url: 'http://[::1'\n"),
    "clips upwards": {"triplets/mine.yaml": TRIPLETS.replace("clips: mine", "clips: ../mine")},
    "a clip path upwards": {"videos/mine.yaml": VIDEOS.replace("mine/{clip}", "../{clip}")},
    "an attribute in a clip path": {"videos/mine.yaml": VIDEOS.replace("{clip}", "{clip.name}")},
    # the table of clips
    "a clip upwards": clip("../../x"),
    "a clip with a backslash": clip("a\\b"),
    "a clip with a NUL": clip("a\0"),
    "a clip in colour": clip("\x1b[31mred"),
    "a clip that rings": clip("a\x07"),
    "a clip in reversed writing": clip("\u202eabc"),
    "a clip with a space of no width": clip("a\u200bb"),
    "a clip of two lines": clip('"a\nb"'),
    "a clip without a name": clip(""),
    "a clip of 400 characters": clip("a" * 400),
    "a clip with its accent apart": clip("cafe\u0301"),
    "a clip twice": clip("c1"),
    "a table without rows": {"videos/mine/clips.csv": CLIPS.split("\n")[0] + "\n"},
    "a rating that is a formula": {"videos/mine/clips.csv": CLIPS.replace("words 0,0", "w,=1+1")},
    "a part in capitals": {"videos/mine/clips.csv": CLIPS.replace("train", "Train")},
    "no clip to train on": {"videos/mine/clips.csv": CLIPS.replace("train", "test")},
    # judgments of a card
    "a letter that looks like another": {"triplets/mine/j.csv": JUDGMENTS.replace("c0", "\u04410")},
    "a clip nobody knows": {"triplets/mine/j.csv": JUDGMENTS.replace("c0", "c9")},
    # bare files
    "gzip called csv": {"x.csv": gzip.compress(JUDGMENTS.encode(), mtime=0)},
    "an id in colour": row("\x1b[31mred,b,c,c\n"),
    "an id in reversed writing": row("\u202eabc,b,c,c\n"),
    "an id with a tag": row("a\U000e0041,b,c,c\n"),
    "an id of 5,000 digits": row("9" * 5000 + ",1,2,2\n"),
    "two spellings of a word": row("caf\u00e9,cafe\u0301,c,c\n"),
    "an odd one with its accent apart": row("a,b,c,cafe\u0301\n"),
    "NULs for a row": row("\0\0\0\n"),
    "a column in colour": row("a,b,c,c\n", "clip_1,clip_2,clip_3,\x1b[31modd\n"),
    "a column of 50,000 letters": row("a,b,c,c\n", f"clip_1,clip_2,clip_3,{'o' * 50_000}\n"),
    "a participant who is NaN": row("a,b,c,c,NaN\n", HEAD.strip() + ",participant\n"),
    "a trial that is no exact number": person("9007199254740993", "1"),
    "a trial of 1e300": person("1e300", "1"),
    "a response of 1e308 seconds": person("1", "1e308"),
    "a response in hexadecimal": person("1", "0x10"),
    "an index of 23 digits": {"x.txt": "9" * 23 + " 1 2\n"},
    "an index of 5,000 digits": {"x.txt": "9" * 5000 + " 1 2\n"},
    "an array that promises 2 TB": {"x.npy": lying_npy("(100000000000, 3)")},
    "an array whose header never ends": {"x.npy": lying_npy("(" * 5000)},
    "an archive called an array": {"x.npy": npz()},
    "an index below 0": {"x.npy": npy(np.array([[-1, 0, 1]]))},
    "an index of 1e300": {"x.npy": npy(np.array([[1e300, 0, 1]]))},
    "an index that would wrap": {"x.npy": npy(np.array([[2**64 - 1, 0, 1]], dtype=np.uint64))},
    "JSON without end": {"x.jsonl": '{"clip_1": ' + "[" * 100_000 + "\n"},
    "JSON of 5,000 digits": {"x.jsonl": f'{{"clip_1": {"9" * 5000}}}\n'},
    "JSON with a name twice": {"x.jsonl": '{"odd": "a", "odd": "b"}\n'},
    "JSON with half a character": {
        "x.jsonl": '{"clip_1": "\\ud800", "clip_2": "x", "clip_3": "y", "odd": "y"}\n'
    },
    "JSON with true for a trial": {
        "x.jsonl": '{"clip_1": "a", "clip_2": "x", "clip_3": "y", "odd": "y", "trial": true}\n'
    },
    "Parquet with lists": {"x.parquet": parquet(clip_1=[["a"]])},
    "Parquet with records": {"x.parquet": parquet(clip_1=[{"a": 1}])},
    "Parquet with bytes": {"x.parquet": parquet(clip_1=[b"a"])},
    "Parquet with durations": {
        "x.parquet": parquet(clip_1=["a"], response_time=pa.array([1], pa.duration("ms")))
    },
    "Parquet cut short": {"x.parquet": parquet(clip_1=["a"])[:-20]},
    # published matrices
    "a similarity beyond 1": matrix("c0,c1\n1,7\n7,1\n"),
    "a matrix of other clips": matrix("a,b\n1,0\n0,1\n"),
    "a matrix that is not symmetric": matrix("c0,c1\n1,0\n.5,1\n"),
}

# What a user reads.
EXPECTED: dict[str, str] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)
