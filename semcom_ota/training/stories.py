"""The recipe of a large model (LAM) that answers from a memory: `semcom train stories --data DIR --out DIR`.

An ALBERT (one layer, used again and again) of a million parameters, trained from nothing on stories that the generator
makes, in the words of bAbI and in many others (`story_kinds.py`): sentences as a receiver came to know them
(`story_reception.py`) go into a memory, and questions are answered from it. Beside the answers it learns which entries
an answer needed, and which of them later answers will need, by which the memory's rule `value` goes; and what a
sentence wants (`intents.py`). None of the stories that it is tested on is seen.
"""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from transformers import AlbertConfig, AlbertModel, PreTrainedTokenizerFast

from semcom_ota.codecs.lam_backbone import EncoderLam
from semcom_ota.memory.reader_model import ReaderModel
from semcom_ota.memory_config import Aspect
from semcom_ota.tasks.generator import TASKS, generate
from semcom_ota.tasks.stories import Story, load_stories
from semcom_ota.training import processes
from semcom_ota.training.checkpoint import load_weights, read_settings
from semcom_ota.training.corpus import load_corpus, load_intents
from semcom_ota.training.intents import IntentExamples
from semcom_ota.training.language_tokenizer import train_lower_case_tokenizer
from semcom_ota.training.loop import TrainingSettings, begin, run
from semcom_ota.training.story_batches import Asked, StoryReader, batches, pool, tensors
from semcom_ota.training.story_kinds import KINDS, PLAIN_KIND, stories_of

SHARES = {1: 1.0, 2: 2.0, 5: 1.5, 6: 2.0, 7: 1.5, 8: 1.2, 11: 0.5, 12: 1.0, 13: 0.5, 15: 1.0, 16: 2.0, 20: 0.5}
SUPPORT_WEIGHT = 0.5
INTENT_WEIGHT = 0.2
NEEDED_EVERY = 4
"""Of the batches, one in so many also says what later answers need."""
PLACES = 24
"""Tokens of a sentence that count in its meaning."""
LEFT_OUT_SHARE: dict[Aspect, float] = {"time": 0.05, "csi": 0.1}
"""Of the batches, so many are told nothing of it."""
STORIES_FOR_TOKENS = 300
STORIES_FOR_INTENTS = 60
MOST_OF_AN_INTENT = 4000
VALIDATION_QUESTIONS, GENERATED_QUESTIONS = 300, 100
"""Of each task: of files, and of stories of each other kind (`story_kinds.KINDS`)."""
VALIDATION_SEED = 10_000


class StoryTraining(TrainingSettings):
    """Everything that decides what is learned."""

    steps: int = Field(12_000, ge=1)
    batch_tokens: int = Field(
        4096, ge=256, description="vectors in a batch: entries, question and answer, with padding"
    )
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(300, ge=1)
    decay_share: float = Field(0.5, gt=0, le=1)
    vocabulary: int = Field(4096, ge=300)
    width: int = Field(128, ge=8)
    depth: int = Field(6, ge=1, description="times that the one layer is applied")
    heads: int = Field(4, ge=1)
    max_tokens: int = Field(64, ge=8, description="of a text")
    shares: dict[int, float] = Field(SHARES, description="of the questions of each task of bAbI")


class StoryTask:
    """Answers from a memory."""

    def __init__(self, data: Path, out: Path, settings: StoryTraining, device: torch.device):
        """Learn the tokenizer unless `out` has one, make the model."""
        self.settings, self.device = settings, device
        with processes.main_first():
            if not (out / "tokenizer.json").exists():
                train_lower_case_tokenizer(_texts(data), settings.vocabulary, settings.max_tokens).save_pretrained(out)
        model, self.tokenizer = untrained(out, settings)
        self.model = model.to(device)
        blank = int(self.tokenizer.pad_token_id)
        words = {token for task in settings.shares for token in self._words(task)}
        self.reader = StoryReader(self._tokens, blank, np.array(sorted(words)))
        self.held_out = self._validation(data)
        self.intents = IntentExamples(intent_examples(data, self.tokenizer), settings.seed)

    def batches(self, first_step: int) -> Iterator[tuple[Tensor, ...]]:
        """See `story_batches.tensors`."""
        step = number = 0
        while True:
            rng = np.random.default_rng([self.settings.seed, number, 1])
            asked = pool(self.reader, self.settings.shares, self.settings.seed, number)
            for one in batches(asked, self.settings.batch_tokens, rng):
                if step >= first_step:
                    yield tensors(one)
                step += 1
            number += 1

    def loss(self, batch: tuple[Tensor, ...], generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of an answer's word in nats, and of what was needed for it."""
        parts = [part.to(self.device) for part in batch]
        question, trusted, entries, trust, ages, csi, mask, answers, support, needed = parts
        left_out = _left_out(generator, self.device)
        context = self.model.remembered(entries, trust, ages, csi, mask, left_out)
        made = self.model.answering(question, trusted, context)
        words = functional.cross_entropy(made.words.float().flatten(0, 1), answers.flatten())
        known = context.mask
        loss = words + SUPPORT_WEIGHT * _of_entries(made.support, support, known)
        if float(torch.rand((), generator=generator, device=self.device)) < 1 / NEEDED_EVERY:
            later = self.model.answering.later(context, self.model.to_needed)
            loss = loss + NEEDED_EVERY * SUPPORT_WEIGHT * _of_entries(later, needed, known)
        intent = self.intents.loss(self.model, generator, self.device)
        return loss + INTENT_WEIGHT * intent, {"words": words.detach(), "intent": intent.detach()}

    def validate(self) -> dict[str, float]:
        """Share of right answers to each task: see `count_right`."""
        return {name: round(right / asked, 4) for name, (right, asked) in self.count_right().items()}

    def count_right(self) -> dict[str, tuple[int, int]]:
        """Right answers and questions, by task and kind of story: received without an error."""
        figures = {}
        for name, asked in self.held_out.items():
            right = 0
            for first in range(0, len(asked), 64):
                batch = tensors(asked[first : first + 64])
                question, trusted, *memory, answers, _, _ = (part.to(self.device) for part in batch)
                made = self.model.answering(question, trusted, self.model.remembered(*memory))
                right += int((made.words.argmax(-1) == answers).all(1).sum())
            figures[name] = right, len(asked)
        return figures

    def _tokens(self, text: str) -> list[int]:
        return _tokens(self.tokenizer, text)

    def _words(self, task: int) -> set[int]:
        return {token for story in _some(task, 60, 0) for line in story.lines for token in self._tokens(line)}

    def _validation(self, data: Path) -> dict[str, list[Asked]]:
        """Questions of files, and of stories in other words."""
        held_out = {}
        for task in self.settings.shares:
            asked = {"": (load_stories(data / "babi", task, "valid"), VALIDATION_QUESTIONS)}
            for kind, (_, like) in KINDS.items():
                if kind != PLAIN_KIND:
                    asked[f"_{kind}"] = generate(task, GENERATED_QUESTIONS, VALIDATION_SEED, like), GENERATED_QUESTIONS
            for kind, (stories, most) in asked.items():
                questions = chain.from_iterable(map(self.reader.whole, stories))
                held_out[f"task_{task}{kind}"] = list(islice(questions, most))
        return {name: questions for name, questions in held_out.items() if questions}


def _of_entries(logits: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """Mean binary cross-entropy of the entries that are there; 0 if there are none."""
    each = functional.binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def _left_out(generator: torch.Generator, device: torch.device) -> tuple[Aspect, ...]:
    """Now and then a batch is told less, so that the reader can do with less."""
    drawn = torch.rand(len(LEFT_OUT_SHARE), generator=generator, device=device).tolist()
    return tuple(aspect for (aspect, share), draw in zip(LEFT_OUT_SHARE.items(), drawn, strict=True) if draw < share)


def intent_examples(data: Path, tokenizer: PreTrainedTokenizerFast) -> list[tuple[str, list[int]]]:
    """(intent, tokens) of requests, of captions and sentences of stories (to be told), of questions (to be asked)."""
    captions = load_corpus(data)["captions"]
    texts = [*load_intents(data), *(("tell", text) for text in captions[:: max(1, len(captions) // MOST_OF_AN_INTENT)])]
    for task in TASKS:
        for story in _some(task, STORIES_FOR_INTENTS, 1):
            texts += [("tell", line) for line in story.lines]
            texts += [("ask", question.text) for question in story.questions]
    return [(intent, _tokens(tokenizer, text)) for intent, text in texts]


def _tokens(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return list(tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)[:PLACES]


def _texts(data: Path) -> list[str]:
    """What the tokenizer is learned from: stories, requests and captions."""
    corpus = load_corpus(data)
    texts = corpus["requests"] + corpus["captions"][::10]
    for task in TASKS:
        for story in _some(task, STORIES_FOR_TOKENS, 0):
            texts += [
                *story.lines,
                *(part for question in story.questions for part in (question.text, question.answer)),
            ]
    return texts


def _some(task: int, count: int, seed: int) -> Iterator[Story]:
    """Stories as those that are learned from, but for what happens to them."""
    return islice(stories_of(task, seed, np.random.default_rng([seed, task])), count)


def untrained(out: Path, settings: StoryTraining) -> tuple[ReaderModel, PreTrainedTokenizerFast]:
    """Model and tokenizer before the first step; a function of the settings and of the tokenizer in `out`."""
    torch.manual_seed(settings.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    lam = AlbertModel(
        AlbertConfig(
            vocab_size=len(tokenizer),
            embedding_size=settings.width,
            hidden_size=settings.width,
            num_hidden_layers=settings.depth,
            num_attention_heads=settings.heads,
            intermediate_size=4 * settings.width,
            max_position_embeddings=settings.max_tokens + 2,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=None,
        ),
        add_pooling_layer=False,
    )
    nn.init.normal_(lam.get_input_embeddings().weight, std=settings.width**-0.5)
    backbone = EncoderLam(lam, int(tokenizer.cls_token_id), int(tokenizer.mask_token_id))
    return ReaderModel(backbone, PLACES, int(tokenizer.pad_token_id)), tokenizer


def trained(folder: Path) -> tuple[ReaderModel, PreTrainedTokenizerFast, StoryTraining, int]:
    """What a training folder has learned: model, tokenizer, settings, steps; raises ConfigError if it is no run."""
    settings = read_settings(folder, StoryTraining)
    model, tokenizer = untrained(folder, settings)
    return model.eval(), tokenizer, settings, load_weights(folder, model)


def train(data: Path, out: Path, settings: StoryTraining) -> None:
    """Train, or go on training, into the folder `out`; raises ConfigError if that or the data cannot be used."""
    device = begin(out, settings)
    run(StoryTask(data, out, settings, device), out, settings, device)
