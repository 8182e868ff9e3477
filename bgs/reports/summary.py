"""A run in words: the sentence on top, and what it may claim.

A sentence says "improved" only where the interval of the difference lies above 0, and gives the
adapters the credit only where the tuned model is shown to beat the head alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bgs.reports.numbers import Interval, as_interval, format_interval, format_share
from bgs.reports.rows import Results, ceilings, people, score_rows, view_row

HEAD_ONLY = "head only"  # the control that tells what a head gains on features left as they were


def summarise(results: Results) -> str:
    """The run in one or two sentences, claiming what its interval allows and no more."""
    before, after = results.get("before"), results.get("after")
    if not before or not after or not results.get("difference"):
        return _summarise_scores(results)
    first, second = view_row(before), view_row(after)
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
    if min(second.spearman or 0.0, first.spearman or 0.0) < 0:
        # R² has no sign: what grows may be how far the model disagrees.
        signed = f"Spearman {format_share(first.spearman)} before and {format_share(second.spearman)} after"
        return (
            f"{moved}, but a correlation is negative ({signed}): R² is its square, so this is no agreement. "
            f"{_say_ceiling(results)}"
        ).strip()
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
