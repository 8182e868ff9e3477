"""A tuned model for somebody else: its adapter alone, or plain weights that need no adapter."""

from __future__ import annotations

from pathlib import Path

from bgs.backbones.export import export_merged
from bgs.backbones.saving import load_model, save_model
from bgs.errors import BackboneError
from bgs.whole_files import written_together


def export(run: Path, out: Path, *, merge: bool = False) -> Path:
    """Write the run's model into `out`, which must be new or empty."""
    if out.is_dir() and any(out.iterdir()):
        raise BackboneError(
            f"folder {str(out)!r} is not empty",
            remedy="name a new folder, so that nothing is mixed",
        )
    model = load_model(run)
    with written_together(out) as aside:
        if merge:
            export_merged(model, aside)
        else:
            save_model(model, aside)
    return out
