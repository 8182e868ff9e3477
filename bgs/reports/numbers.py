"""Numbers as they are printed: shares without a leading zero, true minus signs, intervals in brackets."""

from __future__ import annotations

import re
from typing import Any

Interval = tuple[float, float]

DASH = "–"
MINUS = "−"


def as_interval(value: Any) -> Interval | None:
    """The two ends, or None where an interval is absent or has no value at one end."""
    if value is None or len(value) != 2 or None in value:
        return None
    return float(value[0]), float(value[1])


def format_share(value: float | None, *, digits: int = 3) -> str:
    """A number that cannot pass 1, as such numbers are printed: .247, and a true minus sign."""
    if value is None:
        return DASH
    text = f"{abs(value):.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    is_zero = not text.strip(".0")
    return (MINUS if value < 0 and not is_zero else "") + text


def polish_note(text: str) -> str:
    """R2 and its value as they stand everywhere else: R² .155."""
    text = re.sub(
        r"\bR2\b([^\d;.]*?) (-?\d*\.\d+)",
        lambda found: f"R²{found[1]} {format_share(float(found[2]))}",
        text,
    )
    return re.sub(r"\bR2\b", "R²", text)


def format_percent(value: float | None) -> str:
    """A share as a percentage with one digit."""
    return DASH if value is None else f"{100 * value:.1f}".replace("-", MINUS)


def format_count(value: int) -> str:
    """A whole number with a narrow space between thousands."""
    return f"{value:,}".replace(",", "\u202f").replace("-", MINUS)


def format_interval(interval: Interval | None, *, digits: int = 3) -> str:
    """Both ends in brackets."""
    if interval is None:
        return DASH
    return (
        f"[{format_share(interval[0], digits=digits)}, {format_share(interval[1], digits=digits)}]"
    )


def format_percents(interval: Interval | None) -> str:
    """Both ends as percentages, in brackets."""
    return DASH if interval is None else f"[{', '.join(map(format_percent, interval))}]"


def format_p(
    value: float | None,
    *,
    permutations: float | None = None,
    uncorrected: float | None = None,
    brief: bool = False,
) -> str:
    """A p value with three digits; a smaller one as less than the smallest that has three.

    `permutations` says of how many it is counted: as small a p as their number allows is no measurement but a bound.
    `uncorrected` is the p that was counted, where `value` is corrected for the number of tests. A `brief` bound does
    not repeat of how many.
    """
    if value is None:
        return DASH
    counted = value if uncorrected is None else uncorrected
    if permutations and value < 1 and counted * (permutations + 1) < 1 + 1e-6:
        bound = f"≤ {format_share(max(value, 0.001))}"
        return bound if brief else f"{bound} (of {format_count(int(permutations))})"
    return "< .001" if value < 0.0005 else format_share(value)


def format_points(value: float | None) -> str:
    """A difference between shares in percentage points, with its sign."""
    if value is None:
        return DASH
    return f"{MINUS if value < 0 else '+'}{100 * abs(value):.1f}"
