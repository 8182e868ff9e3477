"""Language models of published shape, in folders as transformers saves them: adapted, saved, opened again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from bgs.errors import BackboneError
from bgs.fusion.language import open_language
from bgs.fusion.learn import answer, learn
from bgs.fusion.questions import words_of
from bgs.fusion.record import Shape
from bgs.fusion.saving import build_model, load_social, save_social
from bgs.fusion.settings import LanguageSettings
from bgs.fusion.tasks import TASKS
from tests.fusion.planted import COLUMNS, ROWS, WIDTH, config, planted

SHAPE = Shape(ROWS, COLUMNS, WIDTH)
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


def write_qwen(folder: Path) -> None:
    """Bytes joined to words that carry the blank before them; tied embeddings; nothing to pad with."""
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(words_of(TASKS.values()), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|end|>")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = Qwen2Config(
        vocab_size=len(tokenizer), tie_word_embeddings=True, eos_token_id=0, bos_token_id=None, **SIZES
    )  # fmt: skip
    Qwen2ForCausalLM(shape).save_pretrained(folder)


def write_llama(folder: Path) -> None:
    """Pieces as of SentencePiece, a blank before every text, a token that begins it; an output layer of its own."""
    bare = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=False))
    bare.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    bare.train_from_iterator(
        (w for text in words_of(TASKS.values()) for w in text.split()), trainer
    )
    bare.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer), tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, **SIZES
    )  # fmt: skip
    LlamaForCausalLM(shape).save_pretrained(folder)


WRITERS = {"qwen": write_qwen, "llama": write_llama}


@pytest.fixture(params=WRITERS, scope="module")
def folder(request, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp(request.param)
    WRITERS[request.param](place)
    return place


def test_a_tokenizer_without_padding_pads_with_its_end(folder):
    """Qwen's is given a token to pad with when it is opened, one beyond the words of the model."""
    language = open_language(LanguageSettings(name_or_path=str(folder), r=2))
    assert language.tokenizer.pad_token_id == language.end
    assert language.end < language.model.get_input_embeddings().num_embeddings


def test_an_answer_is_spelt_as_it_is_within_its_sentence(folder):
    """No blank is doubled and no token of a beginning comes in between."""
    settings = config(folder, language={"name_or_path": str(folder), "r": 2})
    model = build_model(settings, SHAPE)
    for text in ("yes", "no relation", "3 4", "-7"):
        (spelt,) = model._answer_ids([text])
        prompt = model._ids(["What? Answer:"])[0]
        assert [*prompt, *spelt] == model._ids([f"What? Answer: {text}"])[0]


def test_it_is_trained_by_lora_saved_and_opened_again(folder, backbone, tmp_path):
    material = planted()
    settings = config(
        tmp_path / "run",
        language={"name_or_path": str(folder), "r": 4, "lora_dropout": 0.0},
        training={"num_train_epochs": 4, "learning_rate": 1e-2},
    )
    model = build_model(settings, SHAPE)
    frozen = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen
    result = learn(model, material, settings, output_dir=settings.output_dir, progress=False)
    assert result.best_score > result.history[0]["validation_score"] + 0.3
    parts = dict(model.named_parameters())
    assert all(torch.equal(parts[name], value) for name, value in frozen.items())

    save_social(model, tmp_path / "run", config=settings, shape=SHAPE, backbone=backbone)
    assert not list((tmp_path / "run" / "language").glob("model*"))  # the adapter alone
    opened = load_social(tmp_path / "run", config=settings, backbone=backbone)
    for task in settings.train_on:
        before, after = (answer(m, material, task, split="test").scores for m in (model, opened))
        assert (before == after).all()


def test_another_base_under_the_adapter_is_refused(folder, backbone, tmp_path):
    settings = config(tmp_path / "run", language={"name_or_path": str(folder), "r": 2})
    model = build_model(settings, SHAPE)
    save_social(model, tmp_path / "run", config=settings, shape=SHAPE, backbone=backbone)
    base = model.language.get_base_model()
    with torch.no_grad():
        base.get_input_embeddings().weight[0, 0] += 1
    base.save_pretrained(tmp_path / "other")
    model.tokenizer.save_pretrained(tmp_path / "other")
    other = settings.model_copy(
        update={"language": LanguageSettings(name_or_path=str(tmp_path / "other"), r=2)}
    )
    with pytest.raises(BackboneError, match="the language model is not the one this adapter"):
        load_social(tmp_path / "run", config=other, backbone=backbone)
