"""The card of a tuned adapter: what it was made from, how it scores beside its controls, how to load it.

It is the README.md of the folder that peft reads, with the front matter the Hugging Face hub understands.
Whatever comes from data or settings is escaped where it is printed, so that a name cannot turn into a
heading, a link or HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bgs.config import FitConfig
from bgs.errors import show_line
from bgs.reports.document import read_document
from bgs.reports.facts import count_rows, say_facts, say_provenance
from bgs.reports.numbers import (
    as_interval,
    format_count,
    format_interval,
    format_percent,
    format_share,
)
from bgs.reports.rows import (
    REHEARSAL,
    ceilings,
    is_rehearsal,
    is_simulated,
    people,
    score_rows,
    whose,
)
from bgs.reports.summary import read_interval, summarise
from bgs.whole_files import written_whole

Record = Mapping[str, Any]

CARD = "README.md"
SHOWN_SETTINGS = (
    "seed",
    "lora",
    "head",
    "objective",
    "training",
)  # no folders: those are the owner's
# Classes of transformers whose module names are those of our encoders.
PUBLIC_CLASSES = {
    "videomae": "VideoMAEModel",
    "timesformer": "TimesformerModel",
    "clip": "CLIPVisionModel",
    "siglip": "SiglipVisionModel",
    "vjepa2": "VJEPA2Model",
}
AS_PUBLISHED = {"dtype", "pooling"}  # options that leave the weights' names and shapes alone
LINKING = re.compile(r"([\\`*_\[\]|~#])")


def write_model_card(folder: Path, results: Record, *, config: FitConfig) -> Path | None:
    """Write the card into a run's `adapter/`, in place of any other; None where no adapter was trained."""
    adapter = folder / "adapter"
    if not (adapter / "adapter_config.json").is_file():
        return None
    text = model_card(results, _read_model(folder / "model.json"), config=config)
    card = adapter / CARD
    with written_whole(card) as partial:
        partial.write_text(text, encoding="utf-8")
    return card


def _read_model(file: Path) -> Record:
    """What the card says of model.json: where the encoder came from."""
    base = read_document(file).part("backbone")
    return {
        "backbone": {
            **{key: base.text(key) for key in ("name", "family", "base_id")},
            "revision": base.text("revision") if base.has("revision") else None,
            "options": dict(base.part("options").data),
        }
    }


def model_card(results: Record, model: Record, *, config: FitConfig) -> str:
    """The card's text, from results.json, model.json and the settings of the run."""
    base = model["backbone"]
    data = str((results.get("data_counts") or {}).get("name") or results.get("data", ""))
    public = "a local file" if _is_local(base) else base["base_id"]
    settings = config.model_dump(mode="json")
    return _environment().get_template("model_card.md.j2").render(
        front=Markup(_front_matter(base, data, simulated=is_simulated(results))),
        title=f"{'local backbone' if _is_local(base) else base['name']}, tuned on {data}",
        base=Markup(_in_code(public)),
        simulated=is_simulated(results),
        rehearsal=REHEARSAL if is_rehearsal(results) else "",
        summary=Markup(_escape_words(summarise(results))),
        facts=say_facts(results),
        counts=[(name, format_count(count)) for name, count in count_rows(results)],
        rows=score_rows(results),
        ceilings=ceilings(results),
        whose=whose(results),
        judges=people(results),
        comparisons=[_comparison(item) for item in results.get("comparisons") or ()],
        settings=Markup(
            yaml.safe_dump({key: settings[key] for key in SHOWN_SETTINGS}, sort_keys=False)
        ),
        provenance=say_provenance(results),
        load_adapter=Markup(load_snippet(base)),
    )  # fmt: skip


def load_snippet(base: Record) -> str:
    """Python that puts the adapter on its encoder: without this package where the encoder is one of transformers'."""
    public = PUBLIC_CLASSES.get(base["family"])
    options = {key: value for key, value in base["options"].items() if key not in AS_PUBLISHED}
    if public is None or options or "/" not in base["base_id"] or _is_local(base):
        # shipped with the package, in Meta's format, or re-configured
        name = "BASE" if _is_local(base) else base["base_id"]
        given = "".join(f", {key}={_quote(value)}" for key, value in options.items())
        lines = [
            "from bgs import load_backbone",
            f"base = load_backbone({_quote(name)}{given}).encoder",
        ]
    else:
        revision = f", revision={_quote(base['revision'])}" if base["revision"] else ""
        opened = f"{public}.from_pretrained({_quote(base['base_id'])}{revision})"
        lines = [f"from transformers import {public}", f"base = {opened}"]
    imported, opened = lines
    sorted_imports = sorted([imported, "from peft import PeftModel"])
    return "\n".join([*sorted_imports, "", opened, 'model = PeftModel.from_pretrained(base, ".")'])


def escape_markdown(value: object) -> str:
    """Text on one line in which nothing is Markdown or HTML any more."""
    line = LINKING.sub(r"\\\1", show_line(str(value)))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape_words(text: str) -> str:
    """A text of any length; a name in it is still kept to a line's length."""
    return " ".join(map(escape_markdown, text.split()))


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else escape_markdown(value)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bgs.reports", "templates"),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(share=format_share, percent=format_percent, interval=format_interval)
    return environment


def _front_matter(base: Record, data: str, *, simulated: bool) -> str:
    """What the hub reads; a backbone that only its owner has is not named."""
    tags = ["bgs", "video", "human-similarity", "odd-one-out", "lora"]
    values: dict[str, Any] = {
        "library_name": "peft",
        **({} if _is_local(base) else {"base_model": base["base_id"], "base_model_relation": "adapter"}),
        "tags": [*tags, "simulated-data"] if simulated else tags,
        "datasets": [data],
    }  # fmt: skip
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _comparison(item: Record) -> dict[str, Any]:
    interval = as_interval(item.get("ci95"))
    return {
        "name": str(item.get("from")),
        "r2": item.get("r2"),
        "ci": interval,
        "reading": read_interval(interval),
    }


def _quote(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _in_code(text: str) -> str:
    """Text for a code span, which knows no escapes."""
    return show_line(text).replace("`", "'")


def _is_local(base: Record) -> bool:
    """Whether the base is a file or folder of this machine, whose place is nobody's business."""
    return Path(base["base_id"]).is_absolute() or Path(base["base_id"]).exists()
