"""The bridge: what is marked, what is scored, what may be trained, and that a question can be learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bgs.backbones import load_backbone
from bgs.errors import BackboneError
from bgs.fusion.connector import (
    Connector,
    HeatmapDecoder,
    box_coverage,
    look_into,
    spell_cells,
)
from bgs.fusion.example import Box, Example
from bgs.fusion.language import make_tiny, open_language
from bgs.fusion.model import BLUR, SocialModel, _blurred
from bgs.fusion.questions import (
    CELLS,
    GRID,
    OUTSIDE,
    Question,
    ask,
    expected_place,
    words_of,
)
from bgs.fusion.seeing import patch_tokens, see
from bgs.fusion.settings import ConnectorSettings, LanguageSettings
from bgs.fusion.tasks import TASKS, load_task

WIDTH, ROWS, COLUMNS = 16, 4, 4


def small_model(*, kind: str = "mlp", heatmap: bool = False, seed: int = 0) -> SocialModel:
    torch.manual_seed(seed)
    language = open_language(LanguageSettings(), seed=seed)
    connector = Connector(
        ConnectorSettings(kind=kind, hidden=32), width=WIDTH, language_width=language.width, num_tokens=ROWS * COLUMNS
    )  # fmt: skip
    decoder = (
        HeatmapDecoder(width=WIDTH, rows=ROWS, columns=COLUMNS, grid=GRID) if heatmap else None
    )
    return SocialModel(connector, language, decoder).eval()


def question(
    text: str, *, prompt: str = "person at 1 2 30 40. Which gesture does this hand make? Answer:"
) -> Question:
    choices = ("three", "three2", "thumb_index", "palm", "two_up")
    return Question("x", "label", prompt, choices, choices.index(text), (Box(0.1, 0.1, 0.5, 0.6),))


def inputs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    tokens = torch.randn(count, ROWS * COLUMNS, WIDTH, generator=rng)
    return tokens, box_coverage([[Box(0.1, 0.1, 0.5, 0.6)]] * count, rows=ROWS, columns=COLUMNS)


def test_coverage_by_hand():
    """A box over the left half and the top quarter and a half of the second row."""
    found = box_coverage([[Box(0.0, 0.0, 0.5, 0.375)]], rows=4, columns=4)[0, 0].reshape(4, 4)
    expected = [[1, 1, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


def test_the_coverage_of_a_box_adds_up_to_its_area():
    rng = np.random.default_rng(0)
    for _ in range(50):
        (x0, x1), (y0, y1) = np.sort(rng.uniform(0, 1, (2, 2)), axis=1).tolist()
        found = box_coverage([[Box(x0, y0, x1, y1)]], rows=5, columns=7)[0, 0]
        assert float(found.sum()) / 35 == pytest.approx((x1 - x0) * (y1 - y0), abs=1e-5)


def test_two_people_are_marked_apart():
    model = small_model()
    tokens, _ = inputs(1)
    left, right = Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1)
    one = model.connector.mark(tokens, box_coverage([[left, right]], rows=ROWS, columns=COLUMNS))
    two = model.connector.mark(tokens, box_coverage([[right, left]], rows=ROWS, columns=COLUMNS))
    assert not torch.allclose(one, two)


@pytest.mark.parametrize("kind", ["mlp", "queries"])
def test_beliefs_are_the_likelihoods_of_the_whole_answers(kind):
    """Reading the prompt once for all choices gives what reading every sentence from its beginning gives."""
    model = small_model(kind=kind)
    prompts = ["person at 1 2 30 40. Which gesture does this hand make? Answer:", "palm. Answer:"]
    asked = [question("palm", prompt=prompt) for prompt in prompts]
    tokens, coverage = inputs(2)
    found = model.believe(tokens, coverage, asked, max_rows=3)
    for row, about in enumerate(asked):
        lengths, losses = [], []
        for text in about.choices:
            spoken = question(text, prompt=about.prompt)
            with torch.inference_mode():
                losses.append(
                    float(model(tokens[row : row + 1], coverage[row : row + 1], [spoken]))
                )
            lengths.append(
                int((model.spell([spoken], device=torch.device("cpu")).answers >= 0).sum())
            )
        likelihood = -torch.tensor(losses) * torch.tensor(lengths)
        torch.testing.assert_close(found[row], likelihood.softmax(dim=0), atol=1e-4, rtol=1e-3)


def test_an_answer_that_begins_another_is_told_from_it():
    """`three` is a word of its own, and an answer ends where it ends: beliefs sum to one over choices."""
    model = small_model()
    tokens, coverage = inputs(1)
    (belief,) = model.believe(tokens, coverage, [question("three")])
    assert float(belief.sum()) == pytest.approx(1.0, abs=1e-5)
    assert len(set(belief.tolist())) == 5


def test_every_word_of_every_task_is_known_to_the_tiny_model():
    language = make_tiny(words_of(TASKS.values()))
    unknown = language.tokenizer.unk_token_id
    for task in TASKS.values():
        points = () if task.kind == "label" else ((0.5, 0.5),)
        example = Example(
            "x", (Path("x"),), (Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1)), group="x", points=points,
            label=task.labels[0] if task.labels else None, values=dict.fromkeys(task.values, 0.3),
        )  # fmt: skip
        for asked in ask(example, task):
            ids = language.tokenizer([asked.prompt, *asked.choices])["input_ids"]
            assert unknown not in [token for row in ids for token in row]


def test_a_question_about_the_picture_can_be_learnt():
    """What is asked for stands in one channel of the tokens: after a few steps the answers are right."""
    model = small_model().train()
    asked = [question(("palm", "three")[k % 2]) for k in range(48)]
    tokens = torch.zeros(48, ROWS * COLUMNS, WIDTH)
    tokens[:, :, 0] = 2.0 * (torch.arange(48)[:, None] % 2) - 1
    coverage = torch.zeros(48, 2, ROWS * COLUMNS)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        model(tokens, coverage, asked).mean().backward()
        optimizer.step()
    beliefs = model.eval().believe(tokens, coverage, asked)
    right = np.mean([int(b.argmax()) == q.answer for b, q in zip(beliefs, asked, strict=True)])
    assert right > 0.9


def gaze_scene(rng: np.random.Generator, count: int) -> tuple[torch.Tensor, list[Box], list[int]]:
    """Heads anywhere, whose tokens say which way; the target is a third of the picture away, that way."""
    heads, cells = [], []
    tokens = torch.randn(count, ROWS * COLUMNS, WIDTH) * 0.3
    while len(heads) < count:
        x, y = rng.uniform(0.15, 0.85, 2)
        angle = rng.uniform(0, 2 * np.pi)
        across, down = x + 0.35 * np.cos(angle), y + 0.35 * np.sin(angle)
        if not (0 < across < 1 and 0 < down < 1):
            continue
        box = Box(x - 0.12, y - 0.12, x + 0.12, y + 0.12)
        covered = box_coverage([[box]], rows=ROWS, columns=COLUMNS)[0, 0] > 0
        tokens[len(heads), covered, :2] = torch.tensor([np.cos(angle), np.sin(angle)]).float() * 2
        heads.append(box)
        cells.append(int(down * GRID) * GRID + int(across * GRID))
    return tokens, heads, cells


def test_gaze_that_is_learnt_holds_for_heads_elsewhere():
    """On scenes that were not trained on it is far closer than the middle of the picture."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = small_model(heatmap=True).train()
    tokens, heads, cells = gaze_scene(rng, 512)
    optimizer = torch.optim.Adam(model.heatmap.parameters(), 3e-3)
    for step in range(250):
        part = [k % 512 for k in range(32 * step, 32 * step + 32)]
        asked = [place_question(heads[k], cells[k]) for k in part]
        optimizer.zero_grad()
        model._gaze_losses(tokens[part], asked).mean().backward()
        optimizer.step()
    model.eval()
    tokens, heads, cells = gaze_scene(rng, 100)
    asked = [place_question(box, cell) for box, cell in zip(heads, cells, strict=True)]
    with torch.inference_mode():
        found = model._decode(model.heatmap, tokens, asked).softmax(dim=1).double().numpy()
    said = np.array([expected_place(np.append(belief, 0.0)) for belief in found])
    true = (np.array([divmod(cell, GRID)[::-1] for cell in cells]) + 0.5) / GRID
    assert np.hypot(*(said - true).T).mean() < 0.13
    assert np.hypot(*(0.5 - true).T).mean() > 0.3


def place_question(box: Box, cell: int) -> Question:
    return Question("x", "place", "Answer:", (*CELLS, OUTSIDE), cell, (box,))


def test_beliefs_about_a_place_are_the_decoders_but_for_outside():
    model = small_model(heatmap=True)
    tokens, coverage = inputs(2)
    asked = [place_question(Box(0.1, 0.1, 0.4, 0.5), cell) for cell in (3, 7)]
    beliefs = model.believe(tokens, coverage, asked)
    with torch.inference_mode():
        cells = model._decode(model.heatmap, tokens, asked).softmax(dim=1)
    for belief, row in zip(beliefs, cells, strict=True):
        assert float(belief.sum()) == pytest.approx(1.0, abs=1e-5)
        torch.testing.assert_close(belief[:-1], row * (1 - belief[-1]))


def test_what_is_looked_into_is_what_stands_there():
    """On a plane that says where it is, points of a box say where they are."""
    middles = (torch.arange(8) + 0.5) / 8
    plane = torch.stack([middles.expand(8, 8), middles[:, None].expand(8, 8)])[None]
    found = look_into(plane, torch.tensor([[0.2, 0.3, 0.8, 0.6]]), looks=3)[0]
    torch.testing.assert_close(found[0], torch.tensor([0.3, 0.5, 0.7]).expand(3, 3))
    torch.testing.assert_close(found[1, :, 0], torch.tensor([0.35, 0.45, 0.55]))


def test_cells_are_spelt_as_seen_from_the_head():
    """A cell to the right of one head looks like a cell to the right of another."""
    angles, bumps = spell_cells(torch.tensor([[0.3125, 0.3125], [0.5625, 0.8125]]), grid=GRID)
    first, second = 2 * GRID + 5, 6 * GRID + 7  # three cells to the right of each
    torch.testing.assert_close(angles[0, :, first], angles[1, :, second])
    torch.testing.assert_close(bumps[0, :, first], bumps[1, :, second])
    torch.testing.assert_close(angles[0, :, first], torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0]))
    assert float(bumps[0, :, 2 * GRID + 2].abs().max()) < 1e-6  # under the head itself


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (4, 4), (7, 7), (14, 14), (16, 12)])
def test_the_decoder_takes_any_grid_of_patches(rows, columns):
    decoder = HeatmapDecoder(width=8, rows=rows, columns=columns, grid=GRID)
    found = decoder(torch.randn(3, rows * columns, 8), torch.tensor([[0.1, 0.1, 0.3, 0.4]] * 3))
    assert found.shape == (3, GRID**2)
    found.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in decoder.parameters())


def test_lora_keeps_a_published_model_as_it_is(tmp_path):
    """A folder as transformers saves it: only adapters are trained, and the connector is small beside it."""
    base = make_tiny(words_of(TASKS.values()))
    base.model.save_pretrained(tmp_path)
    base.tokenizer.save_pretrained(tmp_path)
    language = open_language(LanguageSettings(name_or_path=str(tmp_path), r=4))
    trained = [name for name, p in language.model.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    whole = open_language(LanguageSettings(name_or_path=str(tmp_path), r=0))
    assert all(p.requires_grad for p in whole.model.parameters())


def test_what_is_seen_keeps_its_place(twins):
    """Tokens are on the grid of the picture: the token of a patch changes most when that patch is painted."""
    backbone = load_backbone("bgs-tiny", random_init=True)
    frames = torch.full((2, 12, 3, 64, 64), 127, dtype=torch.uint8)
    frames[1, :, :, 16:32, 32:48] = 255
    tokens = patch_tokens(backbone, frames)
    assert tokens.shape == (2, 16, 128)
    change = (tokens[1] - tokens[0]).norm(dim=1).reshape(4, 4)
    assert divmod(int(change.argmax()), 4) == (1, 2)


def test_what_was_seen_is_read_again(twins, tmp_path, monkeypatch):
    backbone = load_backbone("bgs-tiny")
    examples = load_task("lam", home=twins)["test"][:6]
    first = see(backbone, examples, cache=tmp_path, progress=False)
    monkeypatch.setattr(
        "bgs.fusion.seeing.patch_tokens", lambda *_, **__: pytest.fail("seen twice")
    )
    again = see(backbone, examples, cache=tmp_path, progress=False)
    assert repr(again) == "TokenBank(6 examples, 4 x 4 tokens of 128)"
    np.testing.assert_array_equal(first.tokens, again.tokens)
    torch.testing.assert_close(
        again.batch([4, 1]), torch.from_numpy(np.asarray(first.tokens[[4, 1]], np.float32))
    )
    assert [file.suffix for file in tmp_path.iterdir()] == [".npy"]


def test_a_decoder_of_gaze_learns_the_neighbourhood():
    wanted = _blurred(torch.tensor([GRID + 1, 0]))
    torch.testing.assert_close(wanted.sum(dim=1), torch.ones(2))
    plane = wanted[0].reshape(GRID, GRID)
    assert int(wanted[0].argmax()) == GRID + 1
    torch.testing.assert_close(plane, plane.T)
    ratio = float(plane[1, 2] / plane[1, 1])
    assert ratio == pytest.approx(np.exp(-1 / (2 * BLUR**2)), rel=1e-5)


def test_layers_are_seen_and_kept_apart(twins, tmp_path):
    backbone = load_backbone("bgs-tiny")
    examples = load_task("lam", home=twins)["test"][:2]
    last = see(backbone, examples, cache=tmp_path, progress=False)
    second = see(backbone, examples, layer=2, cache=tmp_path, progress=False)
    fifth = see(backbone, examples, layer=5, cache=tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 3
    assert not np.allclose(second.tokens, last.tokens, atol=0.05)
    np.testing.assert_allclose(fifth.tokens, last.tokens, atol=1e-2)
    with pytest.raises(BackboneError, match="layer 6 of 'bgs-tiny', which has 5"):
        see(backbone, examples, layer=6, progress=False)
