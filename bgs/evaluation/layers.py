"""Layer sweep: which layer is most like people? Chosen on validation clips, reported on test clips.

The best of many layers on the very clips that are reported looks better than it is; so test scores
of all layers are shown for the curve, and only the layer that validation clips chose may be quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bgs.errors import DataError
from bgs.evaluation.rsa import RsaScore, correlate, rsa
from bgs.rdm import RDM


@dataclass(frozen=True)
class LayerSweep:
    """Spearman of every layer on validation clips, and the chosen layer's score on test clips."""

    validation: dict[str, float]
    test: dict[str, float]
    chosen: str
    score: RsaScore  # of the chosen layer, on test clips


def sweep_layers(
    layers: Mapping[str, RDM],
    *,
    validation: RDM,
    test: RDM,
    num_bootstrap: int = 1000,
    seed: int = 0,
) -> LayerSweep:
    """`layers` are RDMs that cover both sets of clips, in order of depth; the first of equals is chosen."""
    if not layers:
        raise DataError("no layer to sweep", remedy="pass one RDM a layer")
    both = sorted(set(validation.ids) & set(test.ids))
    if both:
        raise DataError(
            f"clip {both[0]!r} is both a validation and a test clip",
            remedy="choose the layer on clips that are not reported",
        )
    chosen_by = {name: correlate(rdm, validation) for name, rdm in layers.items()}
    chosen = max(chosen_by, key=lambda name: chosen_by[name])
    return LayerSweep(
        validation=chosen_by,
        test={name: correlate(rdm, test) for name, rdm in layers.items()},
        chosen=chosen,
        score=rsa(layers[chosen], test, num_bootstrap=num_bootstrap, seed=seed),
    )
