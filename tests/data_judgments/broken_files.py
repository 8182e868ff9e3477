"""Broken files of judgments: what is in each, and the one line a user should read about it."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd

HEAD = "clip_1,clip_2,clip_3,odd\n"
GOOD = "a,b,c,c\n"
FULL = "clip_1,clip_2,clip_3,odd,participant,trial,response_time,session,catch\n"


def parquet(columns: dict[str, list[object]]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(columns).to_parquet(stream)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def line(**values: object) -> str:
    return json.dumps(values) + "\n"


THREE = {"clip_1": "a", "clip_2": "b", "clip_3": "c", "odd": "c"}

# Name of the file and what is in it.
BROKEN: dict[str, tuple[str, str | bytes]] = {
    "no bytes": ("x.csv", ""),
    "a header and nothing else": ("x.csv", HEAD),
    "blank lines only": ("x.csv", "\n\n\n"),
    "a byte order mark only": ("x.csv", "\ufeff"),
    "semicolons": ("x.csv", HEAD.replace(",", ";") + GOOD.replace(",", ";")),
    "tabs in a csv": ("x.csv", HEAD.replace(",", "\t") + GOOD.replace(",", "\t")),
    "commas in a tsv": ("x.tsv", HEAD + GOOD),
    "a missing column": ("x.csv", "clip_1,clip_2,odd\na,b,b\n"),
    "a renamed column": ("x.csv", "clip_1,clip_2,clip3,odd\na,b,c,c\n"),
    "a column in capitals": ("x.csv", "clip_1,clip_2,clip_3,Odd\na,b,c,c\n"),
    "a header with spaces": ("x.csv", "clip_1, clip_2, clip_3, odd\na,b,c,c\n"),
    "an extra column": ("x.csv", "clip_1,clip_2,clip_3,odd,age\na,b,c,c,31\n"),
    "a misspelt optional column": ("x.csv", "clip_1,clip_2,clip_3,odd,responce_time\na,b,c,c,1\n"),
    "a column twice": ("x.csv", "clip_1,clip_2,clip_3,odd,odd\na,b,c,c,c\n"),
    "no header": ("x.csv", GOOD + GOOD),
    "a row too short": ("x.csv", HEAD + GOOD + "a,b,c\n" + GOOD),
    "a row too long": ("x.csv", HEAD + GOOD + GOOD + "a,b,c,c,d\n"),
    "a shifted row in CRLF": ("x.csv", (HEAD + GOOD + "a,b,c\n").replace("\n", "\r\n")),
    "a quote never closed": ("x.csv", HEAD + GOOD + '"a,b,c,c\n' + GOOD),
    "text after a quote": ("x.csv", HEAD + '"a"b,b,c,c\n'),
    "the odd one not among the three": ("x.csv", HEAD + GOOD + "a,b,c,d\n"),
    "the odd one not among the three, below a quoted line break": (
        "x.csv",
        HEAD + '"two\r\nlines",b,c,c\n' + "a,b,c,d\n",
    ),
    "the odd one not among the three, below blank lines and a mark": (
        "x.csv",
        "\ufeff" + HEAD + "\n\n" + GOOD + "a,b,c,d\n",
    ),
    "the odd one by position": ("x.csv", HEAD + "a,b,c,3\n"),
    "an empty clip": ("x.csv", HEAD + GOOD + "a,,c,c\n"),
    "an empty odd one": ("x.csv", HEAD + GOOD + "a,b,c,\n"),
    "NaN for a clip": ("x.csv", HEAD + "a,b,NaN,a\n"),
    "a clip with a space": ("x.csv", HEAD + GOOD + "a,b , c,a\n"),
    "a clip with a NUL": ("x.csv", HEAD + "a\0,b,c,b\n"),
    "Latin-1": ("x.csv", (HEAD + GOOD + "caf\u00e9,b,c,c\n").encode("latin-1")),
    "UTF-16": ("x.csv", (HEAD + GOOD).encode("utf-16")),
    "a line of ten million characters": ("x.csv", HEAD + "a" * 10_000_000 + ",b,c,c\n"),
    "ten million separators": ("x.csv", HEAD + GOOD + "," * 10_000_000 + "\n"),
    "an empty participant": ("x.csv", FULL + "a,b,c,c,,1,1,s,0\n"),
    "a trial of one and a half": ("x.csv", FULL + "a,b,c,c,p,1.5,1,s,0\n"),
    "a trial without a number": ("x.csv", FULL + "a,b,c,c,p,,1,s,0\n"),
    "a negative response time": ("x.csv", FULL + "a,b,c,c,p,1,2,s,0\na,b,c,c,p,2,-1,s,0\n"),
    "a response time in words": ("x.csv", FULL + "a,b,c,c,p,1,fast,s,0\n"),
    "an endless response time": ("x.csv", FULL + "a,b,c,c,p,1,inf,s,0\n"),
    "a decimal comma": ("x.csv", FULL + 'a,b,c,c,p,1,"1,5",s,0\n'),
    "a flag of maybe": ("x.csv", FULL + "a,b,c,c,p,1,1,s,maybe\n"),
    "an empty session": ("x.csv", FULL + "a,b,c,c,p,1,1,,0\n"),
    "attention checks only": ("x.csv", HEAD + "a,a,c,c\nb,c,c,b\n"),
    "JSON cut short": ("x.jsonl", line(**THREE) + '{"clip_1": "a", \n'),
    "JSON that is a list": ("x.jsonl", line(**THREE) + "[1, 2, 3]\n"),
    "JSON with a clip left out": ("x.jsonl", line(**THREE) + line(clip_1="a", clip_2="b", odd="b")),
    "JSON with null": ("x.jsonl", line(**{**THREE, "clip_2": None})),
    "JSON with a number with a fraction": (
        "x.jsonl",
        line(**THREE) + line(**{**THREE, "clip_2": 2.5}),
    ),
    "JSON with a list for a clip": ("x.jsonl", line(**{**THREE, "odd": ["c"]})),
    "not Parquet": ("x.parquet", HEAD + GOOD),
    "Parquet with true for a clip": (
        "x.parquet",
        parquet({"clip_1": ["a"], "clip_2": ["b"], "clip_3": ["c"], "odd": [True]}),
    ),
    "Parquet with floats for clips": (
        "x.parquet",
        parquet({"clip_1": [1.0, 1.0], "clip_2": [2, 2], "clip_3": [3, 3], "odd": [3, 3]}),
    ),
    "Parquet with NaN": (
        "x.parquet",
        parquet(
            {"clip_1": ["a", "a"], "clip_2": ["b", None], "clip_3": ["c", "c"], "odd": ["c", "c"]}
        ),
    ),
    "an index file with words": ("x.txt", "0 1 2\n0 one 2\n"),
    "an index file with four numbers": ("x.txt", "0 1 2\n0 1 2 3\n"),
    "an index file with a negative number": ("x.txt", "0 1 2\n\n0 -1 2\n"),
    "an index array with two columns": ("x.npy", npy(np.zeros((3, 2), dtype=int))),
    "an index array with fractions": ("x.npy", npy(np.array([[0, 1, 2.5]]))),
    "an index array of objects": ("x.npy", npy(np.array([[0, 1, None]], dtype=object))),
    "not an array": ("x.npy", "0 1 2\n"),
    "another format": ("x.xlsx", HEAD + GOOD),
}

# What a user reads, with the folder left out.
EXPECTED: dict[str, str] = {
    "no bytes": ("x.csv: the file is empty; export it again"),
    "a header and nothing else": ("x.csv: the file has a header and no rows; export it again"),
    "blank lines only": ("x.csv: the file holds blank lines only; export it again"),
    "a byte order mark only": ("x.csv: the file holds blank lines only; export it again"),
    "semicolons": (
        "x.csv, row 1: the header is one column, 'clip_1;clip_2;clip_3;odd'; "
        "columns seem to be separated by ';'; "
        "save the file with ',' between columns, or set `separator` in its card"
    ),
    "tabs in a csv": (
        "x.csv, row 1: the header is one column, 'clip_1\\tclip_2\\tclip_3\\todd'; "
        "columns seem to be separated by '\\t'; "
        "save the file with ',' between columns, or set `separator` in its card"
    ),
    "commas in a tsv": (
        "x.tsv, row 1: the header is one column, 'clip_1,clip_2,clip_3,odd'; "
        "columns seem to be separated by ','; "
        "save the file with '\\t' between columns, or set `separator` in its card"
    ),
    "a missing column": (
        "x.csv: no column 'clip_3'; the columns are 'clip_1', 'clip_2', 'odd'; "
        "rename the column, or name it in a card"
    ),
    "a renamed column": (
        "x.csv: no column 'clip_3'; the columns are 'clip_1', 'clip_2', 'clip3', 'odd'; "
        "rename the column, or name it in a card"
    ),
    "a column in capitals": (
        "x.csv: no column 'odd'; the columns are 'clip_1', 'clip_2', 'clip_3', 'Odd'; "
        "rename the column, or name it in a card"
    ),
    "a header with spaces": (
        "x.csv: no column 'clip_2'; the columns are 'clip_1', ' clip_2', ' clip_3', ' odd'; "
        "rename the column, or name it in a card"
    ),
    "an extra column": (
        "x.csv: column 'age' is not in the schema; remove it, or name the columns to read in a card"
    ),
    "a misspelt optional column": (
        "x.csv: column 'responce_time' is not in the schema; "
        "remove it, or name the columns to read in a card"
    ),
    "a column twice": (
        "x.csv, row 1: column 'odd' appears twice; name each column once in the first line"
    ),
    "no header": (
        "x.csv, row 1: column 'c' appears twice; name each column once in the first line"
    ),
    "a row too short": (
        "x.csv, row 3: 3 fields where the header has 4; mend the line; "
        "quote a field that holds the separator"
    ),
    "a row too long": (
        "x.csv, row 4: 5 fields where the header has 4; mend the line; "
        "quote a field that holds the separator"
    ),
    "a shifted row in CRLF": (
        "x.csv, row 3: 3 fields where the header has 4; mend the line; "
        "quote a field that holds the separator"
    ),
    "a quote never closed": ("x.csv, row 3: not a table: unexpected end of data; mend the line"),
    "text after a quote": ("x.csv, row 2: not a table: ',' expected after '\"'; mend the line"),
    "the odd one not among the three": (
        "x.csv, row 3: the odd clip 'd' is not among the three shown ('a', 'b', 'c'); "
        "correct the row"
    ),
    "the odd one not among the three, below a quoted line break": (
        "x.csv, row 2: clip_1 is 'two\\r\\nlines', with a character that cannot be printed (2 bad rows in all); "
        "remove the character"
    ),
    "the odd one not among the three, below blank lines and a mark": (
        "x.csv, row 5: the odd clip 'd' is not among the three shown ('a', 'b', 'c'); "
        "correct the row"
    ),
    "the odd one by position": (
        "x.csv, row 2: the odd clip '3' is not among the three shown ('a', 'b', 'c'); "
        "correct the row"
    ),
    "an empty clip": ("x.csv, row 3: clip_2 is ''; fill the cell"),
    "an empty odd one": ("x.csv, row 3: odd is ''; fill the cell"),
    "NaN for a clip": ("x.csv, row 2: clip_3 is 'NaN'; fill the cell"),
    "a clip with a space": ("x.csv, row 3: clip_2 is 'b ', with space around it; remove the space"),
    "a clip with a NUL": (
        "x.csv, row 2: clip_1 is 'a\\x00', with a character that cannot be printed; "
        "remove the character"
    ),
    "Latin-1": ("x.csv, row 3: byte 0xe9 is not UTF-8; save the file as UTF-8"),
    "UTF-16": ("x.csv, row 1: byte 0xff is not UTF-8; save the file as UTF-8"),
    "a line of ten million characters": (
        "x.csv, row 2: not a table: field larger than field limit (131072); mend the line"
    ),
    "ten million separators": (
        "x.csv, row 3: 10000001 fields where the header has 4; mend the line; "
        "quote a field that holds the separator"
    ),
    "an empty participant": ("x.csv, row 2: participant is ''; fill the cell"),
    "a trial of one and a half": (
        "x.csv, row 2: trial is '1.5', which is not a whole number; correct the cell"
    ),
    "a trial without a number": (
        "x.csv, row 2: trial is '', which is not a whole number; correct the cell"
    ),
    "a negative response time": (
        "x.csv, row 3: response_time is '-1', a response time is a number of 0 or more, or "
        "empty; "
        "correct the cell"
    ),
    "a response time in words": (
        "x.csv, row 2: response_time is 'fast', a response time is a number of 0 or more, or "
        "empty; "
        "correct the cell"
    ),
    "an endless response time": (
        "x.csv, row 2: response_time is 'inf', a response time is a number of 0 or more, or "
        "empty; "
        "correct the cell"
    ),
    "a decimal comma": (
        "x.csv, row 2: response_time is '1,5', a response time is a number of 0 or more, or "
        "empty; "
        "correct the cell"
    ),
    "a flag of maybe": (
        "x.csv, row 2: catch is 'maybe', a flag is true, false, 1 or 0; correct the cell"
    ),
    "an empty session": ("x.csv, row 2: session is ''; fill the cell"),
    "attention checks only": (
        "x.csv: no judgment is left of 2 rows (2 repeats a clip); "
        "loosen the exclusions, or check the file"
    ),
    "JSON cut short": (
        "x.jsonl, row 2: not JSON: Expecting property name enclosed in double quotes; mend the line"
    ),
    "JSON that is a list": (
        "x.jsonl, row 2: a list where a judgment is an object; "
        'write {"clip_1": ..., ...}, one a line'
    ),
    "JSON with a clip left out": ("x.jsonl, row 2: clip_3 is missing; fill the cell"),
    "JSON with null": ("x.jsonl, row 1: clip_2 is missing; fill the cell"),
    "JSON with a number with a fraction": (
        "x.jsonl, row 2: clip_2 is 2.5, of type float; ids are text or whole numbers"
    ),
    "JSON with a list for a clip": (
        "x.jsonl, row 1: odd holds several values; write one id in a cell"
    ),
    "not Parquet": ("x.parquet: not a Parquet file; export it again"),
    "Parquet with true for a clip": (
        "x.parquet, row 1: odd is True, of type bool; ids are text or whole numbers"
    ),
    "Parquet with floats for clips": (
        "x.parquet, row 1: clip_1 is 1.0, of type float (2 bad rows in all); ids are text or whole numbers"
    ),
    "Parquet with NaN": ("x.parquet, row 2: clip_2 is missing; fill the cell"),
    "an index file with words": (
        "x.txt, row 2: '0 one 2' is not three whole numbers; write two clips and then the odd one"
    ),
    "an index file with four numbers": (
        "x.txt, row 2: '0 1 2 3' is not three whole numbers; write two clips and then the odd one"
    ),
    "an index file with a negative number": (
        "x.txt, row 3: '0 -1 2' is not three whole numbers; write two clips and then the odd one"
    ),
    "an index array with two columns": (
        "x.npy: an array of shape (3, 2); give three whole numbers a row"
    ),
    "an index array with fractions": ("x.npy: an array of float64; give whole numbers"),
    "an index array of objects": ("x.npy: not a .npy file of numbers; save it with np.save"),
    "not an array": ("x.npy: not a .npy file of numbers; save it with np.save"),
    "another format": (
        "'x.xlsx' ends in '.xlsx', not in .csv, .tsv, .parquet, .jsonl, .ndjson, .txt, .npy; "
        "give a file of judgments, or the name of a card"
    ),
}
