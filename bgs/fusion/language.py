"""The causal language model: an id or folder of transformers, or a tiny random one that knows our words.

The tiny one is for tests and twins. It has no knowledge of language, so all of its weights are trained; a published
model keeps its weights and is adapted by LoRA.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn

from bgs.backbones.huggingface import quiet
from bgs.backbones.reach import check_reachable
from bgs.backbones.seeding import seeded
from bgs.errors import BackboneError
from bgs.fusion.questions import words_of
from bgs.fusion.settings import TINY, LanguageSettings
from bgs.fusion.tasks import TASKS

# What transformers and tokenizers raise for a folder that is not whole, or whose files say something else.
MISTAKES = (
    OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, StrictDataclassError,
)  # fmt: skip
TINY_WIDTH, TINY_LAYERS, TINY_HEADS = 128, 2, 4


@dataclass(frozen=True)
class Language:
    """A causal model with its tokenizer."""

    model: Any  # a PreTrainedModel, or peft's wrapper of one
    tokenizer: Any

    @property
    def width(self) -> int:
        """Numbers a word."""
        return int(self.model.get_input_embeddings().embedding_dim)

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return int(self.tokenizer.eos_token_id)


def open_language(settings: LanguageSettings, *, seed: int = 0) -> Language:
    """The model the settings name, ready to be trained: LoRA on a published one, everything of a tiny one."""
    if settings.name_or_path == TINY:
        return make_tiny(words_of(TASKS.values()), seed=seed)
    model, tokenizer = _load(settings.name_or_path)
    if settings.r:
        model = _add_lora(model, settings, seed=seed)
    return Language(model, tokenizer)


def open_saved(folder: Path) -> Language:
    """A model that was trained whole and saved with its tokenizer."""
    return Language(*_load(str(folder)))


def make_tiny(texts: Iterable[str], *, seed: int = 0) -> Language:
    """A random model of a million weights whose vocabulary is the words of these texts."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    texts = list(texts)
    bare = Tokenizer(models.WordLevel(unk_token="<unknown>"))
    bare.normalizer = normalizers.Lowercase()
    # Underscores and signs stay in a word: a gesture, a number.
    marks = pre_tokenizers.Split(Regex(r"[^\w\s-]"), behavior="isolated")
    bare.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marks])
    words = sorted(
        {word for text in texts for word, _ in bare.pre_tokenizer.pre_tokenize_str(text.lower())}
    )
    vocabulary = ["<unknown>", "<pad>", "<end>", *words]
    bare.model = models.WordLevel(
        {word: place for place, word in enumerate(vocabulary)}, unk_token="<unknown>"
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, unk_token="<unknown>", pad_token="<pad>", eos_token="<end>"
    )
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=TINY_WIDTH, intermediate_size=2 * TINY_WIDTH,
        num_hidden_layers=TINY_LAYERS, num_attention_heads=TINY_HEADS, max_position_embeddings=512,
        pad_token_id=1, eos_token_id=2, bos_token_id=None, tie_word_embeddings=True,
    )  # fmt: skip
    with seeded(seed):
        return Language(LlamaForCausalLM(config), tokenizer)


def _load(name: str) -> tuple[nn.Module, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    check_reachable(name)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True)
    except MISTAKES as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BackboneError(
            f"language model {name!r} cannot be opened ({reason})",
            remedy="give a folder or an id of a causal model with safetensors weights, or 'tiny'",
        ) from error
    if tokenizer.eos_token_id is None:
        raise BackboneError(
            f"the tokenizer of {name!r} has no end token", remedy="use a model that has one"
        )
    # A tokenizer may lack a token to pad with, or be given one by transformers that the model does not know.
    pad, words = tokenizer.pad_token_id, model.get_input_embeddings().num_embeddings
    if pad is None or pad >= words:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _add_lora(model: nn.Module, settings: LanguageSettings, *, seed: int) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.r, lora_alpha=settings.lora_alpha, lora_dropout=settings.lora_dropout,
        target_modules="all-linear", task_type="CAUSAL_LM",
    )  # fmt: skip
    with seeded(seed), warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 by a name that is on its way out.
        warnings.filterwarnings(
            "ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning
        )
        return get_peft_model(model, config)
