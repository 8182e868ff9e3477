"""A frozen encoder's tokens, a connector and a language model: one answer to every question about a picture.

picture --encoder (frozen)--> tokens --connector--> words' places |
                               person at 12 30 45 80. What ...? ->| language model -> answer
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bgs.fusion.connector import Connector, HeatmapDecoder
from bgs.fusion.language import Language
from bgs.fusion.questions import GRID, Question

BLUR = 0.7  # cells; the width of the Gaussian that a decoder of gaze learns
IGNORED = -100  # a position that no answer is expected at


@dataclass(frozen=True)
class Sentences:
    """Questions with their answers as token ids, padded on the right."""

    ids: Tensor  # (questions, length)
    mask: Tensor  # (questions, length), 0 where padded
    answers: Tensor  # (questions, length), IGNORED outside the answer


class SocialModel(nn.Module):
    """What is trained: connector, language model and, where asked for, a decoder of gaze."""

    def __init__(
        self, connector: Connector, language: Language, heatmap: HeatmapDecoder | None = None
    ) -> None:
        super().__init__()
        self.connector = connector
        self.language = language.model
        self.heatmap = heatmap
        self.tokenizer = language.tokenizer
        self.end = language.end

    @property
    def head(self) -> nn.ModuleList:
        """The parts that are new, to which `training.head_learning_rate` applies."""
        return nn.ModuleList([part for part in (self.connector, self.heatmap) if part is not None])

    def forward(self, tokens: Tensor, coverage: Tensor, questions: Sequence[Question]) -> Tensor:
        """The loss of each question, (questions,): cross-entropy of its answer's words, and of its cell."""
        sentences = self.spell(questions, device=tokens.device)
        seen = self.connector(tokens, coverage)
        logits = self._read(seen, sentences.ids, sentences.mask)
        losses = _answer_losses(logits, sentences.answers)
        if self.heatmap is None:
            return losses
        return losses + self._gaze_losses(tokens, questions)

    @torch.inference_mode()
    def believe(
        self,
        tokens: Tensor,
        coverage: Tensor,
        questions: Sequence[Question],
        *,
        max_rows: int = 512,
    ) -> list[Tensor]:
        """How likely each of its choices is for each question, (choices,), summing to one."""
        found: list[Tensor | None] = [None] * len(questions)
        by_choices: dict[tuple[str, ...], list[int]] = {}
        for place, question in enumerate(questions):
            by_choices.setdefault(question.choices, []).append(place)
        for choices, places in by_choices.items():
            scores = self._score(
                tokens[places], coverage[places], [questions[p] for p in places], choices, max_rows
            )
            for place, row in zip(places, scores.softmax(dim=1), strict=True):
                found[place] = row.cpu()
        if self.heatmap is not None:
            self._see_gaze(tokens, questions, found)
        return [belief for belief in found if belief is not None]

    def spell(self, questions: Sequence[Question], *, device: torch.device) -> Sentences:
        """Prompts and answers as ids; only the answer and its end are to be predicted."""
        prompts = self._ids([question.prompt for question in questions])
        texts = self._answer_ids([question.text for question in questions])
        rows = [[*p, *t, self.end] for p, t in zip(prompts, texts, strict=True)]
        length = max(map(len, rows))
        ids = torch.full((len(rows), length), int(self.tokenizer.pad_token_id))
        answers = torch.full((len(rows), length), IGNORED)
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for place, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
            answers[place, len(prompt) : len(row)] = torch.tensor(row[len(prompt) :])
        return Sentences(ids.to(device), mask.to(device), answers.to(device))

    def _score(
        self,
        tokens: Tensor,
        coverage: Tensor,
        questions: Sequence[Question],
        choices: tuple[str, ...],
        max_rows: int,
    ) -> Tensor:
        """Log-likelihood of every choice with its end, (questions, choices); the prompt is read once."""
        device = tokens.device
        prompts = self._ids([question.prompt for question in questions])
        ids, mask = self._pad_left(prompts, device)
        seen = self.connector(tokens, coverage)
        attended = torch.cat([mask.new_ones(len(ids), seen.shape[1]), mask], dim=1)
        # Padding stands between picture and prompt, so positions count what is attended to.
        whole = torch.cat([seen.to(self._embed(ids).dtype), self._embed(ids)], dim=1)
        positions = (attended.cumsum(dim=1) - 1).clamp(min=0)
        read = self.language(
            inputs_embeds=whole, attention_mask=attended, position_ids=positions, use_cache=True
        )
        words = [[*row, self.end] for row in self._answer_ids(choices)]
        first = read.logits[:, -1].float().log_softmax(dim=-1)  # (questions, vocabulary)
        starts = torch.tensor([row[0] for row in words], device=device)
        scores = first[:, starts]  # (questions, choices)
        step = max(max_rows // len(words), 1)
        for begin in range(0, len(questions), step):
            part = slice(begin, min(begin + step, len(questions)))
            scores[part] += self._continue(read.past_key_values, part, attended, positions, words)
        return scores

    def _continue(
        self, memory: Any, part: slice, attended: Tensor, positions: Tensor, words: list[list[int]]
    ) -> Tensor:
        """Log-likelihood of what follows each choice's first word, for some questions."""
        device, count = attended.device, len(words)
        length = max(map(len, words)) - 1  # the last word predicts nothing
        given = torch.full((count, length), self.end, device=device)
        wanted = torch.full((count, length), IGNORED, device=device)
        for row, ids in enumerate(words):
            given[row, : len(ids) - 1] = torch.tensor(ids[:-1], device=device)
            wanted[row, : len(ids) - 1] = torch.tensor(ids[1:], device=device)
        rows = torch.arange(part.start, part.stop, device=device)
        recalled = copy.deepcopy(memory)
        recalled.batch_select_indices(rows.repeat_interleave(count))
        before = attended[part].repeat_interleave(count, dim=0)
        start = positions[part, -1:].repeat_interleave(count, dim=0) + 1
        read = self.language(
            input_ids=given.repeat(len(rows), 1),
            attention_mask=torch.cat([before, before.new_ones(len(before), length)], dim=1),
            position_ids=start + torch.arange(length, device=device),
            past_key_values=recalled,
            use_cache=True,
        )
        spoken = read.logits.float().log_softmax(dim=-1)
        targets = wanted.repeat(len(rows), 1)
        picked = spoken.gather(2, targets.clamp(min=0)[..., None])[..., 0]
        return (picked * (targets != IGNORED)).sum(dim=1).unflatten(0, (len(rows), count))

    def _read(self, seen: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        words = self._embed(ids)
        whole = torch.cat([seen.to(words.dtype), words], dim=1)
        attended = torch.cat([mask.new_ones(len(ids), seen.shape[1]), mask], dim=1)
        logits: Tensor = self.language(inputs_embeds=whole, attention_mask=attended).logits
        return logits[:, seen.shape[1] - 1 : -1]  # what is said at each place of the sentence

    def _gaze_losses(self, tokens: Tensor, questions: Sequence[Question]) -> Tensor:
        """Cross-entropy of the cell a person looks at, its neighbours included; 0 for every other question."""
        asked = [k for k, q in enumerate(questions) if q.about == "place" and q.answer < GRID**2]
        losses = tokens.new_zeros(len(questions))
        if asked and self.heatmap is not None:
            cells = self._decode(self.heatmap, tokens[asked], [questions[k] for k in asked])
            answers = torch.tensor([questions[k].answer for k in asked], device=tokens.device)
            wanted = _blurred(answers)
            losses[asked] = F.cross_entropy(cells.float(), wanted, reduction="none")
        return losses

    def _see_gaze(
        self, tokens: Tensor, questions: Sequence[Question], found: list[Tensor | None]
    ) -> None:
        """The decoder says where, the words whether it is in the picture at all."""
        asked = [k for k, question in enumerate(questions) if question.about == "place"]
        if not asked or self.heatmap is None:
            return
        scores = self._decode(self.heatmap, tokens[asked], [questions[k] for k in asked])
        cells = scores.float().softmax(dim=1)
        for place, belief in zip(asked, cells.cpu(), strict=True):
            said = found[place]
            outside = belief.new_zeros(1) if said is None else said[-1:]
            found[place] = torch.cat([belief * (1 - outside), outside])

    def _decode(
        self, decoder: HeatmapDecoder, tokens: Tensor, questions: Sequence[Question]
    ) -> Tensor:
        """Logits of the cells that the first person of each question may look at, (questions, cells)."""
        heads = [question.people[0] for question in questions]
        boxes = tokens.new_tensor([(box.x0, box.y0, box.x1, box.y1) for box in heads])
        cells: Tensor = decoder(self.connector.standardise(tokens), boxes)
        return cells

    def _embed(self, ids: Tensor) -> Tensor:
        words: Tensor = self.language.get_input_embeddings()(ids)
        return words

    def _ids(self, texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return found

    def _answer_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Answers as they are spelt after a colon and a blank.

        The blank belongs to the word for most tokenizers; others put one of their own before every text.
        """
        (lead,) = self._ids([":"])
        rows = self._ids([f": {text}" for text in texts])
        if all(row[: len(lead)] == lead for row in rows):
            return [row[len(lead) :] for row in rows]
        return self._ids([f" {text}" for text in texts])

    def _pad_left(self, rows: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        length = max(map(len, rows))
        ids = torch.full((len(rows), length), int(self.tokenizer.pad_token_id))
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, length - len(row) :] = torch.tensor(row)
            mask[place, length - len(row) :] = 1
        return ids.to(device), mask.to(device)


def _answer_losses(logits: Tensor, answers: Tensor) -> Tensor:
    """Mean cross-entropy over the words of each answer, (questions,)."""
    each = F.cross_entropy(
        logits.float().transpose(1, 2), answers, ignore_index=IGNORED, reduction="none"
    )
    return each.sum(dim=1) / (answers != IGNORED).sum(dim=1)


def _blurred(answers: Tensor) -> Tensor:
    """Cells as Gaussians around them, (questions, cells): a near miss is better than a far one."""
    cells = torch.arange(GRID**2, device=answers.device)
    down = cells // GRID - (answers // GRID)[:, None]
    across = cells % GRID - (answers % GRID)[:, None]
    return torch.softmax(-(down**2 + across**2) / (2 * BLUR**2), dim=1)
