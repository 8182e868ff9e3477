"""Numbers to words: the rows of the table, the sentence on top, and what it may claim.

A sentence says "improved" only where the interval of the difference lies above 0, and gives the
adapters the credit only where the tuned model is shown to beat the head alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]
Interval = tuple[float, float]

DASH = "–"
MINUS = "−"

HEAD_ONLY = "head only"  # the control that tells what a head gains on features left as they were

CONTENDERS = ("model", "before", "after", "baseline")

# A model may pass the first, which is about two halves of the judgments; none is expected to pass the second.
CEILINGS = {"paper": "split-half ceiling", "max_model": "bound for a perfect model"}


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One line of the table."""

    label: str
    role: str
    note: str
    r2: float | None
    r2_ci: Interval | None
    spearman: float | None
    two_way: float | None
    three_way: float | None
    three_way_ci: Interval | None

    @property
    def is_reference(self) -> bool:
        """Whether it stands in the table to be compared with, and is set in grey."""
        return self.role not in CONTENDERS


@dataclass(frozen=True)
class CeilingLine:
    """An R² that noise in the judgments keeps models from passing."""

    name: str
    r2: float
    ci: Interval | None
    key: str = ""  # what results.json and `bgs ceiling` call it


def score_rows(results: Results) -> list[ScoreRow]:
    """Every model of a run, controls included, in the order they were scored."""
    blocks: Sequence[Results] = results.get("models") or [
        results[name] for name in ("before", "after") if name in results
    ]
    if not blocks and "rsa" in results:
        blocks = [results]
    return [_row(block) for block in blocks]


def _row(block: Results) -> ScoreRow:
    rsa, odd = block.get("rsa") or {}, block.get("odd_one_out") or {}
    return ScoreRow(
        label=str(block.get("label") or block.get("model", "")),
        role=str(block.get("role", "model")),
        note=polish_note(str(block.get("note") or "")),
        r2=rsa.get("r2"),
        r2_ci=as_interval(rsa.get("ci95")),
        spearman=rsa.get("spearman"),
        two_way=odd.get("two_way"),
        three_way=odd.get("three_way"),
        three_way_ci=as_interval(odd.get("ci95")),
    )


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
    return DASH if value is None else f"{100 * value:.1f}"


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


def people(results: Results) -> str:
    """Who judged: never "people" where nobody did."""
    return "simulated participants" if is_simulated(results) else "people"


def whose(results: Results) -> str:
    """The same, for what is theirs."""
    return "simulated participants'" if is_simulated(results) else "people's"


def ceilings(results: Results) -> list[CeilingLine]:
    """The published split-half ceiling, and the bound that holds for any model."""
    found = find_ceiling(results)
    lines = []
    for key, name in CEILINGS.items():
        line = found.get(key) or {}
        if line.get("r2") is not None:
            lines.append(CeilingLine(name, float(line["r2"]), as_interval(line.get("ci95")), key))
    return lines


def find_ceiling(results: Results) -> Results:
    """The noise ceiling of the judgments, the same in every block."""
    return _find(results, "ceiling")


def find_protocol(results: Results) -> Results:
    """How the numbers were made."""
    return _find(results, "protocol")


def is_simulated(results: Results) -> bool:
    """Whether simulated participants judged; either place that can say so is enough."""
    return (
        bool(results.get("simulated")) or find_protocol(results).get("participants") == "simulated"
    )


def _find(results: Results, key: str) -> Results:
    """What the results, or else the first of their blocks that has it, hold under this key."""
    blocks = [results, results.get("after") or {}, *(results.get("models") or ())]
    return next((block[key] for block in blocks if block.get(key)), {})


def summarise(results: Results) -> str:
    """The run in one or two sentences, claiming what its interval allows and no more."""
    before, after = results.get("before"), results.get("after")
    if not before or not after or not results.get("difference"):
        return _summarise_scores(results)
    first, second = _row(before), _row(after)
    difference = results["difference"]
    gain, interval = difference.get("r2"), as_interval(difference.get("ci95"))
    clips = after.get("n_clips")
    moved = (
        f"On {clips} held-out clips, agreement with {people(results)} went from R² {format_share(first.r2)} "
        f"to {format_share(second.r2)} with tuning"
    )
    if interval is None:
        return f"{moved}, a difference of {format_share(gain)} without an interval. {_say_ceiling(results)}".strip()
    change = (
        f"a difference of {format_share(gain)} with a 95 % interval of {format_interval(interval)}"
    )
    rivals = _rivals(results)
    head = next((rival for rival in rivals if rival.name == HEAD_ONLY), None)
    if interval[0] > 0 and head is not None:
        rivals = [rival for rival in rivals if rival is not head]  # the verdict speaks of it
    sentences = (
        f"{moved}, {change}: {_verdict(interval, head)}",
        _say_better(rivals),
        _say_undecided(rivals),
        _say_ceiling(results),
    )
    return " ".join(filter(None, sentences))


@dataclass(frozen=True)
class Rival:
    """What the tuned model was compared with: the tuned R² minus its own, with the interval."""

    name: str
    r2: float | None
    ci: Interval

    @property
    def ahead(self) -> str:
        """By how much it is ahead of the tuned model."""
        return _say_gain(None if self.r2 is None else -self.r2, (-self.ci[1], -self.ci[0]))


def _rivals(results: Results) -> list[Rival]:
    """All that the tuned model was compared with, besides its own start."""
    return [
        Rival(str(item.get("from")), item.get("r2"), interval)
        for item in (results.get("comparisons") or ())[1:]
        if (interval := as_interval(item.get("ci95"))) is not None
    ]


def _say_gain(gain: float | None, interval: Interval) -> str:
    return " ".join([*([] if gain is None else [format_share(gain)]), format_interval(interval)])


def read_interval(interval: Interval | None) -> str:
    """What the interval of 'tuned minus another' says, for a table."""
    if interval is None:
        return "no interval"
    low, high = interval
    if low > 0:
        return "above 0: tuned does better"
    if high < 0:
        return "below 0: tuned does worse"
    return "includes 0: not shown to differ"


def _verdict(interval: Interval, head: Rival | None) -> str:
    low, high = interval
    if high < 0:
        return "tuning moved the features away from the judgments."
    if low <= 0:
        return (
            "the interval includes 0, so these clips do not show that tuning changed the agreement."
        )
    if head is None:  # not asked for, or a run without adapters, where it would be the model itself
        return (
            f"tuning raised the agreement. Without the control '{HEAD_ONLY}' beside it, none of the gain "
            "can be credited to adapters."
        )
    if head.ci[0] > 0:
        gain = _say_gain(head.r2, head.ci)
        return (
            "supervision re-organised the features towards the judgments, "
            f"beyond what {HEAD_ONLY} gains, by {gain}."
        )
    if head.ci[1] < 0:
        return (
            f"tuning raised the agreement. But {HEAD_ONLY} does better, by {head.ahead}: what tuning "
            "gained here is not the adapters'; as far as these clips show, the gain is the head's."
        )
    return (
        f"tuning raised the agreement. But it is not shown to differ from {HEAD_ONLY}, difference "
        f"{_say_gain(head.r2, head.ci)}: as far as these clips show, the gain is the head's."
    )


def _say_better(rivals: Sequence[Rival]) -> str:
    """What is shown to agree better than the tuned model."""
    better = [f"{rival.name}, by {rival.ahead}" for rival in rivals if rival.ci[1] < 0]
    return f"The tuned model does worse than {_join(better, '; and than ')}." if better else ""


def _say_undecided(rivals: Sequence[Rival]) -> str:
    """What the tuned model is shown neither to beat nor to fall behind."""
    level = [rival.name for rival in rivals if rival.ci[0] <= 0 <= rival.ci[1]]
    return f"The tuned model is not shown to differ from {_join(level, ' or ')}." if level else ""


def _join(names: Sequence[str], last: str) -> str:
    between = "; than " if last.startswith(";") else ", "
    return last.join(filter(None, (between.join(names[:-1]), names[-1])))


def _say_ceiling(results: Results) -> str:
    lines = ceilings(results)
    if not lines:
        return ""
    stated = ", ".join(f"{line.name} {format_share(line.r2)}" for line in lines)
    return f"For scale: {stated}."


def _summarise_scores(results: Results) -> str:
    rows = [row for row in score_rows(results) if row.r2 is not None]
    if not rows:
        return "No model was scored in this run."
    best = max(rows, key=lambda row: row.r2 or 0.0)
    only = len(rows) == 1
    subject = (
        best.label
        if only
        else f"Of {len(rows)} models, {best.label} agrees best with {people(results)}"
    )
    verb = f" agrees with {people(results)} at" if only else ":"
    interval = "" if best.r2_ci is None else f", 95 % interval {format_interval(best.r2_ci)}"
    return f"{subject}{verb} R² {format_share(best.r2)}{interval}. {_say_ceiling(results)}".strip()
