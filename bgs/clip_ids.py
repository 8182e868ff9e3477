"""What may be the id of a clip, and what of that may also be the name of its file."""

from __future__ import annotations

import unicodedata

MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "<na>"})
LONGEST_ID = 200  # characters; file systems stop at 255 bytes


def find_id_problem(text: str) -> tuple[str, str] | None:
    """What keeps a text from being an id, with the remedy; None if it may be one."""
    if text.strip().lower() in MISSING:
        return f"is {text!r}", "fill the cell"
    if text != text.strip():
        return f"is {text!r}, with space around it", "remove the space"
    if not text.isprintable():
        return f"is {text[:60]!r}, with a character that cannot be printed", "remove the character"
    if len(text) > LONGEST_ID:
        return f"is {text[:60]!r}... of {len(text):,} characters", f"an id has {LONGEST_ID} at most"
    if not unicodedata.is_normalized("NFC", text):
        return (
            f"is {spell(text)}, which is not in Unicode normal form NFC",
            "normalise it (`unicodedata.normalize`), so that what looks the same is the same",
        )
    return None


def spell(text: str) -> str:
    """An id as an error shows it: letters of other alphabets also by number, since some look alike."""
    return repr(text) if text.isascii() else f"{text!r} ({text!a})"


def find_file_problem(text: str) -> tuple[str, str] | None:
    """What keeps an id from naming a file CLIP.mp4 in a folder, with the remedy; None if it may.

    A path would lead out of the folder, a dot would hide the file, and a dash would be an option to other programs.
    """
    problem = find_id_problem(text)
    if problem is not None:
        return problem
    if "/" in text or "\\" in text or ":" in text:
        return f"is {text!r}, which is a path", "give a name without / \\ and :"
    if text[0] in ".-":
        return f"is {text!r}, which begins with {text[0]!r}", "begin it with a letter or a digit"
    size = len(text.encode(errors="replace"))
    if size > LONGEST_ID:
        return f"is {text[:60]!r}... of {size} bytes", f"an id has {LONGEST_ID} at most"
    return None
