"""The drawings of a diagnosis: scores along the layers, cosines as dots in a matrix, and both over training."""

from __future__ import annotations

from collections.abc import Sequence

from bgs.reports.canvas import Canvas
from bgs.reports.curves import Course, draw_curves
from bgs.reports.document import Document
from bgs.reports.lettering import cut_text
from bgs.reports.marks import Dot, Label, Line, polyline
from bgs.reports.numbers import format_interval, format_share
from bgs.reports.panels import Panel
from bgs.reports.scales import Scale, format_tick, nice_ticks, spread_apart

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420.0, 214.0, 46.0, 110.0, 14.0, 34.0
ROLES = ("ink", "accent", "second", "muted")  # legible as text: names stand beside their lines
MATRIX, STEP, EDGE, HEAD, LARGEST = 420.0, 58.0, 92.0, 20.0, 15.0  # cells, names and dots
OVERALL = "overall"


def draw_layers(task: str, probes: Sequence[Document], kind: str) -> Panel:
    """A line an encoder along the share of its depth; the chosen layer has a whisker."""
    values = [row.number("test") for probe in probes for row in probe.rows("layers")]
    ends = [end for probe in probes for end in probe.part("chosen").interval() or ()]
    chance = probes[0].part("chosen").number("chance")
    levels = nice_ticks(min(*values, *ends, chance), max(*values, *ends, chance), count=4)
    deepest = max(len(probe.rows("layers")) for probe in probes)
    # Encoders differ in depth, and are compared by how far up a layer is.
    across = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT)
    up = Scale(levels[0], levels[-1], HEIGHT - BOTTOM, TOP)
    canvas = Canvas(WIDTH, HEIGHT)
    for level in levels:
        canvas.add(Line(((LEFT, up(level)), (WIDTH - RIGHT, up(level))), "rule", 0.5))
        canvas.add(Label(LEFT - 6, up(level) + 4, format_tick(level, levels), "muted", "end"))
    canvas.add(Line(((LEFT, up(chance)), (WIDTH - RIGHT, up(chance))), "muted", 1.0, (4.0, 3.0)))
    names, wanted, told = [], [], []
    for place, probe in enumerate(probes):
        role = ROLES[place % len(ROLES)]
        rows = probe.rows("layers")
        xs = [across(_depth(row.count("layer"), len(rows))) for row in rows]
        canvas.add(polyline(xs, [up(row.number("test")) for row in rows], role=role, width=1.4))
        best = probe.part("chosen")
        x = across(_depth(best.count("layer"), len(rows))) + 3.0 * (place - (len(probes) - 1) / 2)
        interval = best.interval()
        if interval is not None:
            canvas.add(polyline((x, x), map(up, interval), role=role, width=2.0))
        canvas.add(Dot(x, up(best.number("score")), 4.0, role))
        names.append((probe.text("encoder"), role))
        wanted.append(up(rows[-1].number("test")))
        told.append(
            f"{probe.text('encoder')} layer {best.count('layer')} of {len(rows)}: "
            f"{format_share(best.number('score'))} {format_interval(interval)}"
        )
    for (name, role), y in zip(names, spread_apart(wanted, gap=13), strict=True):
        canvas.add(Label(WIDTH - RIGHT + 8, y + 4, cut_text(name, RIGHT - 10), role))
    _label_depth(canvas, across, deepest)
    title = f"{task}, {'minus distance' if kind == 'point' else 'balanced accuracy'}"
    words = f"{title}, by layer; chosen on validation examples: {'; '.join(told)}; not looking {format_share(chance)}."
    return Panel(title, canvas, words)


def draw_matrices(last: Sequence[tuple[str, Document]]) -> tuple[Panel, ...]:
    """A matrix an encoder."""
    return tuple(
        Panel(
            cut_text(encoder, MATRIX - 12, bold=True),
            _draw_matrix(moment),
            _tell_matrix(encoder, moment),
        )
        for encoder, moment in last
    )


def draw_moments(watched: Sequence[Document]) -> tuple[Panel, ...]:
    """Means over pairs of tasks, step by step."""
    steps = [moment.count("step") for moment in watched[0].rows("moments")]
    ticks = [(float(step), str(step)) for step in steps]
    panels = []
    for key, title in (("cosine", "Mean cosine"), ("conflict", "Share of batches in conflict")):
        courses = [
            Course.of(
                row.text("encoder"),
                [m.part("parts").part(OVERALL).number(key) for m in row.rows("moments")],
            )
            for row in watched
        ]
        told = "; ".join(
            f"behind {course.name} {', '.join(format_share(float(v)) for v in course.values)}"
            for course in courses
        )
        words = f"{title} after {', '.join(map(str, steps))} steps, over pairs of tasks: {told}."
        curves = draw_curves(courses, steps, ticks=ticks, axis="step", dots=True)
        panels.append(Panel(f"{title}, step by step", curves, words))
    return tuple(panels)


def _draw_matrix(moment: Document) -> Canvas:
    """Tasks against tasks: a dot's area is the size of the cosine, its fill the sign."""
    pairs = moment.rows("pairs")
    tasks = _tasks_of(pairs)
    trust = _trust_of(pairs)
    canvas = Canvas(max(MATRIX, EDGE + STEP * len(tasks)), HEAD + STEP * len(tasks))
    for place, task in enumerate(tasks):
        middle = STEP * (place + 0.5)
        canvas.add(Label(EDGE - 8, HEAD + middle, cut_text(task, EDGE - 10, size=11), "ink", "end"))
        short = cut_text(task, STEP - 2, size=9)
        canvas.add(Label(EDGE + middle, HEAD - 6, short, "muted", "middle", size=9))
        _add_cell(canvas, place, place, trust[task], role="muted")
    for pair in pairs:
        row, column = tasks.index(pair.text("second")), tasks.index(pair.text("first"))
        cosine = pair.number("cosine")
        _add_cell(canvas, row, column, cosine, role="second" if cosine >= 0 else "accent")
    return canvas


def _tell_matrix(encoder: str, moment: Document) -> str:
    pairs = moment.rows("pairs")
    told = "; ".join(
        f"{pair.text('first')} and {pair.text('second')} {format_share(pair.number('cosine'))}"
        for pair in pairs
    )
    own = ", ".join(f"{task} {format_share(value)}" for task, value in _trust_of(pairs).items())
    return f"{encoder}: cosines {told}. Agreement with themselves: {own}."


def _tasks_of(pairs: Sequence[Document]) -> list[str]:
    return list(dict.fromkeys(name for p in pairs for name in (p.text("first"), p.text("second"))))


def _trust_of(pairs: Sequence[Document]) -> dict[str, float]:
    """How far each task agrees with itself."""
    found: dict[str, float] = {}
    for pair in pairs:
        ends = pair.interval("reliability") or (0.0, 0.0)
        found |= dict(zip((pair.text("first"), pair.text("second")), ends, strict=True))
    return {task: found[task] for task in _tasks_of(pairs)}


def _add_cell(canvas: Canvas, row: int, column: int, value: float, *, role: str) -> None:
    x, y = EDGE + STEP * (column + 0.5), HEAD + STEP * (row + 0.5)
    radius = max(LARGEST * min(abs(value), 1.0) ** 0.5, 1.0)
    canvas.add(Dot(x, y - 8, radius, role, filled=value >= 0))
    canvas.add(Label(x, y + 19, format_share(value, digits=2), "ink", "middle", size=9))


def _depth(layer: int, count: int) -> float:
    return (layer - 1) / (count - 1) if count > 1 else 1.0


def _label_depth(canvas: Canvas, across: Scale, deepest: int) -> None:
    canvas.add(Label(across(0.0), HEIGHT - BOTTOM + 16, "first", "muted", "middle"))
    last = "last" if deepest > 1 else ""
    canvas.add(Label(across(1.0), HEIGHT - BOTTOM + 16, last, "muted", "middle"))
    canvas.add(Label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 16, "layer", "muted", "middle"))
