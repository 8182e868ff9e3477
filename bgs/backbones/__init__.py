"""Video encoders behind one contract: frames in, one embedding a clip out.

    contract.py       what every backbone is and does
    catalogue.py      published backbones and their short names
    registry.py       load_backbone, list_backbones: names, ids and files -> a backbone
    videomae.py ...   one file a family
    lora.py           low-rank adapters on the bare encoder
    heads.py          the projection onto the unit sphere
    model.py          backbone + head = EmbeddingModel; embed a bank of clips
    saving.py         a folder that gives the same embeddings back, bit for bit
    export.py         weights merged, for use without this package
    hub.py            a saved model and its card on the Hugging Face hub
    captions.py       the language baseline
    reach.py          a name that cannot be had is refused at once

Importing this package is light: torch and transformers come in when a backbone is opened.
"""

from bgs.backbones.registry import list_backbones, load_backbone

__all__ = ["list_backbones", "load_backbone"]
