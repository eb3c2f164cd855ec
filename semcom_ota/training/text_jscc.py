"""The recipe of `text-jscc`: `semcom train text-jscc --data DIR`.

Encoder and decoder are trained together through the symbol-level channels of `symbol_channel.py` with the
cross-entropy of every token. The run is a function of its configuration alone (on one kind of machine), can be stopped
at any time and goes on from its last checkpoint.
"""

import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional

from semcom_ota.codecs.text_budget import symbol_budget
from semcom_ota.codecs.text_model import TextModel, TextModelConfig, symbol_positions
from semcom_ota.codecs.tokenizer import TextTokenizer, Tokens
from semcom_ota.config import ConfigError
from semcom_ota.training.corpus import MIXTURE, literal, load_corpus, load_validation_captions, word_salad
from semcom_ota.training.symbol_channel import draw_noise_variance, transmit

POOL = 4096
"""Texts drawn at a time; batches of similar length are cut from a pool."""


class TextTraining(BaseModel):
    """Everything that decides what is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(5_000, ge=1)
    batch_tokens: int = Field(1536, ge=64, description="tokens in a batch, padding included")
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(500, ge=1)
    decay_share: float = Field(0.3, gt=0, le=1, description="last share of the steps, in which the rate falls to zero")
    weight_decay: float = Field(0.01, ge=0)
    snr_db: tuple[float, float] = (-6.0, 18.0)
    symbols_per_word: float = 8.0
    seed: int = 0
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto takes a GPU if there is one")
    precision: str = Field("auto", pattern="^(auto|fp32|bf16)$", description="auto is bf16 unless the GPU cannot")
    threads: int = Field(0, ge=0, description="CPU threads; 0 leaves it to torch")
    checkpoint_every: int = Field(500, ge=1)


class Batches:
    """Seeded batches of mixed text: a step's batch depends on seed and step alone, also in a resumed run."""

    def __init__(
        self, corpus: dict[str, list[str]], tokenizer: TextTokenizer, training: TextTraining, model: TextModelConfig
    ):
        """Tokenise the corpus."""
        self.tokenizer, self.training, self.model = tokenizer, training, model
        self.corpus = corpus
        self.texts = {kind: [tokenizer.encode(text) for text in texts] for kind, texts in corpus.items()}
        self.words = sorted(
            {word for kind in ("requests", "encyclopaedia") for text in corpus[kind] for word in text.split()}
        )

    def __call__(self, first_step: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Yields (tokens (B, T), lengths (B,), symbols (B,)) for `first_step`, `first_step + 1`, ..."""
        step = pool = 0
        while True:
            rng = np.random.default_rng([self.training.seed, pool])
            cut = self._cut(sorted((self._draw(rng) for _ in range(POOL)), key=lambda item: len(item[0])))
            for i in rng.permutation(len(cut)):
                if step >= first_step:
                    yield self._tensors(cut[i])
                step += 1
            pool += 1

    def _draw(self, rng: np.random.Generator) -> tuple[list[int], int]:
        tokens, layers = self._draw_text(rng), self.model.layers_per_token
        if rng.random() < 0.7:
            return tokens.identities, symbol_budget(tokens, self.training.symbols_per_word, layers)
        length = len(tokens.identities)
        return tokens.identities, int(rng.integers(2 * length, layers * length + 1))  # any prefix has to make sense

    def _draw_text(self, rng: np.random.Generator) -> Tokens:
        """A text, at most one chunk long."""
        kind = str(rng.choice(list(MIXTURE), p=list(MIXTURE.values())))
        if kind == "random_tokens":
            identities = rng.integers(self.model.vocabulary, size=rng.integers(1, 33)).tolist()
            return Tokens(identities, len(identities), literal=False)
        if kind == "word_salad":
            return self._shorten(self.tokenizer.encode(word_salad(self.words, rng)), rng)
        if kind == "literals":
            source = self.corpus[str(rng.choice(list(self.corpus)))]
            text = literal(rng) if rng.random() < 0.5 else source[rng.integers(len(source))]
            return self._shorten(self.tokenizer.spell(text), rng)
        texts = self.texts[kind]
        tokens = texts[rng.integers(len(texts))]
        while not tokens.literal and rng.random() < 0.15:  # several sentences in one chunk
            more = texts[rng.integers(len(texts))]
            tokens = Tokens(tokens.identities + more.identities, tokens.words + more.words, more.literal)
        return self._shorten(tokens, rng)

    def _shorten(self, tokens: Tokens, rng: np.random.Generator) -> Tokens:
        """A chunk out of a longer text."""
        longest, length = self.model.max_tokens, len(tokens.identities)
        if length <= longest:
            return tokens
        start = int(rng.integers(length - longest + 1))
        return Tokens(tokens.identities[start : start + longest], tokens.words * longest // length, tokens.literal)

    def _cut(self, items: list[tuple[list[int], int]]) -> list[list[tuple[list[int], int]]]:
        batches: list[list[tuple[list[int], int]]] = [[]]
        for item in items:  # by rising length, so that this item is its batch's longest
            if (len(batches[-1]) + 1) * len(item[0]) > self.training.batch_tokens:
                batches.append([])
            batches[-1].append(item)
        return batches

    @staticmethod
    def _tensors(items: list[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        lengths = torch.tensor([len(tokens) for tokens, _ in items])
        padded = torch.zeros(len(items), int(lengths.max()), dtype=torch.long)
        for row, (tokens, _) in enumerate(items):
            padded[row, : len(tokens)] = torch.tensor(tokens)
        return padded, lengths, torch.tensor([symbols for _, symbols in items])


def learning_rate(step: int, training: TextTraining) -> float:
    """Linear warm-up, constant, then a linear fall to zero over the last `decay_share` of the steps."""
    left = (training.steps - step) / max(1, training.decay_share * training.steps)
    return training.learning_rate * min(1.0, (step + 1) / training.warmup_steps, left)


def loss_of(
    model: TextModel,
    batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    snr_db: tuple[float, float],
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy per token in nats, and the share of tokens decided right, of one batch through the channel."""
    tokens, lengths, symbols = (part.to(generator.device) for part in batch)
    padding = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
    _, sent = symbol_positions(lengths, symbols, model.config.layers_per_token)
    received, claimed = transmit(
        model.encode(tokens, padding, sent), draw_noise_variance(sent, snr_db, generator), generator
    )
    logits = model.decode(received, claimed, padding)[padding].float()
    return functional.cross_entropy(logits, tokens[padding]), (logits.argmax(-1) == tokens[padding]).float().mean()


@contextlib.contextmanager
def _flushed_denormals() -> Iterator[None]:
    """Numbers too small to matter slow the CPU down by a lot. A setting of the thread: others want it back."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@_flushed_denormals()
def train(data: Path, out: Path, training: TextTraining, model_config: TextModelConfig | None = None) -> None:
    """Train, or go on training, into the folder `out` (weights, optimiser state, tokenizer, log, TensorBoard events).

    Raises:
        ConfigError: the data is missing, or `out` holds something that is not such a run.
    """
    from torch.utils.tensorboard import SummaryWriter  # an extra: only training needs it

    model_config = model_config or TextModelConfig()
    device = _device(training.device)
    half = training.precision == "bf16" or (training.precision == "auto" and _has_bf16(device))
    if training.threads:
        torch.set_num_threads(training.threads)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to '{out}' ({error.strerror}): choose another --out") from error

    corpus = load_corpus(data)
    tokenizer_file = out / "tokenizer.json"
    if not tokenizer_file.exists():
        texts = (text for kind, lines in corpus.items() if kind != "stories" for text in lines)
        TextTokenizer.train(texts, model_config.vocabulary).save(tokenizer_file)
    tokenizer = TextTokenizer.load(tokenizer_file)

    torch.manual_seed(training.seed)
    model = TextModel(model_config).to(device)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, betas=(0.9, 0.98), weight_decay=training.weight_decay
    )
    first_step = _resume(out, model, optimiser)
    (out / "model.json").write_text(json.dumps(model_config.asdict(), indent=1))
    (out / "training.json").write_text(training.model_dump_json(indent=1))

    batches = Batches(corpus, tokenizer, training, model_config)(first_step)
    validation = _validation_batches(data, tokenizer, training, model_config)
    log = SummaryWriter(str(out / "tensorboard"), purge_step=first_step)
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps, {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=training.steps, completed=first_step, loss="")
        for step in range(first_step, training.steps):
            generator = torch.Generator(device).manual_seed(hash((training.seed, step)) % 2**31)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, training)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                loss, right = loss_of(model, next(batches), training.snr_db, generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if step % 20 == 0:
                log.add_scalar("train/loss", loss.item(), step)
                log.add_scalar("train/token_accuracy", right.item(), step)
                progress.update(bar, completed=step + 1, loss=f"loss {loss.item():.3f}")
            if (step + 1) % training.checkpoint_every == 0 or step + 1 == training.steps:
                _save(out, model, optimiser, step + 1)
                scores = validate(model, validation, device)
                for name, value in scores.items():
                    log.add_scalar(f"validation/{name}", value, step + 1)
                line = {"step": step + 1, "seconds": round(time.monotonic() - started), "loss": round(loss.item(), 4)}
                with (out / "log.jsonl").open("a") as stream:
                    stream.write(json.dumps(line | scores) + "\n")
    log.close()


@torch.no_grad()
def validate(model: TextModel, batches: list, device: torch.device) -> dict[str, float]:
    """Token accuracy on validation captions, by SNR in dB over the training's mix of channels."""
    model.eval()
    scores = {}
    for snr_db in (0.0, 6.0, 12.0):
        generator = torch.Generator(device).manual_seed(0)
        right = [loss_of(model, batch, (snr_db, snr_db), generator)[1].item() for batch in batches]
        scores[f"token_accuracy_{snr_db:g}dB"] = round(math.fsum(right) / len(right), 4)
    model.train()
    return scores


def _validation_batches(data: Path, tokenizer: TextTokenizer, training: TextTraining, model: TextModelConfig) -> list:
    captions = map(tokenizer.encode, load_validation_captions(data)[::10])
    short = [tokens for tokens in captions if len(tokens.identities) <= model.max_tokens]
    items = [
        (tokens.identities, symbol_budget(tokens, training.symbols_per_word, model.layers_per_token))
        for tokens in short
    ]
    items.sort(key=lambda item: len(item[0]))
    return [Batches._tensors(items[i : i + 64]) for i in range(0, len(items), 64)]


def _device(name: str) -> torch.device:
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"device '{name}' is not there: torch sees no GPU; use auto or cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cpu" or torch.cuda.is_bf16_supported()


def _save(out: Path, model: TextModel, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Weights and optimiser state as safetensors, written beside and then renamed: a kill leaves old or new."""
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, entry in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": tensor for name, tensor in entry.items()}
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(state, out / "resume.tmp", metadata={"step": str(step)})
    (out / "resume.tmp").rename(out / "resume.safetensors")


def _resume(out: Path, model: TextModel, optimiser: torch.optim.Optimizer) -> int:
    """Load the last checkpoint of `out`, if there is one; returns the step to go on with."""
    file = out / "resume.safetensors"
    if not file.exists():
        return 0
    try:
        with safe_open(str(file), "pt") as stored:
            step = int(stored.metadata()["step"])
        state = load_file(file)
        model.load_state_dict(
            {name.removeprefix("model."): t for name, t in state.items() if name.startswith("model.")}
        )
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in state.items():
            if name.startswith("optimiser."):
                _, index, field = name.split(".")
                entries.setdefault(int(index), {})[field] = tensor
        optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"'{file}' is not this run's checkpoint ({reason}): choose another --out") from error
    return step
