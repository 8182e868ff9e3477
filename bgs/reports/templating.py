"""A page that needs nothing else: templates that escape, style and script inside, and a policy that runs no other.

Everything that comes from data is escaped by the template engine; the page's own script and style are named by
their hash in a content security policy, so nothing else could run.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import bgs
from bgs.errors import DataError
from bgs.reports.numbers import (
    format_count,
    format_interval,
    format_percent,
    format_percents,
    format_share,
)
from bgs.whole_files import written_whole

TEMPLATES = "templates"


def fill_page(template: str, out: Path, **content: object) -> Path:
    """Write a template filled with `content`, all of the page or none of it; returns where it is."""
    environment = _environment()
    style, script = (_asset(environment, name) for name in ("report.css", "report.js"))
    html = environment.get_template(template).render(
        **content,
        style=Markup(style),  # files of this package, nothing from data
        script=Markup(script),
        policy=_policy(style, script),
        version=bgs.__version__,
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )
    with written_whole(out) as partial:
        partial.write_text(html, encoding="utf-8")
    return out


def _environment() -> Environment:
    """The templates of pages, which escape what they are given and write numbers our way."""
    environment = Environment(
        loader=PackageLoader("bgs.reports", TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        share=format_share,
        percent=format_percent,
        interval=format_interval,
        percents=format_percents,
        count=format_count,
        base64=encode,
    )
    return environment


def _asset(environment: Environment, name: str) -> str:
    """Style or script as the template writes it: stripped, since the hash is over what stands between the tags."""
    loader = environment.loader
    if loader is None:
        raise DataError("the page has no templates", remedy="install bgs again")
    return loader.get_source(environment, name)[0].strip()


def _policy(style: str, script: str) -> str:
    """What the page may do: show its own pictures, use its own style, run its own script."""
    style_hash, script_hash = (
        b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'"
    )


def encode(picture: bytes) -> str:
    """Bytes as text that can stand in a page."""
    return b64encode(picture).decode()
