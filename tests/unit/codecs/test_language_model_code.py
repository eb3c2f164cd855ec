from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lams import TEXTS, save_lam

from semcom_ota.codecs import language_model_code
from semcom_ota.codecs.language_model import LanguageModel, State
from semcom_ota.codecs.language_model_code import GRIDS, LanguageModelCode, Piece, _written

MANY = 2**20
SOME = TEXTS[::3]


class OtherMachine(LanguageModel):
    """The same model where sums come out a little otherwise."""

    deviation = 0.0

    def _step(self, *arguments: object) -> State:
        state = super()._step(*arguments)  # type: ignore[arg-type]
        generator = torch.Generator().manual_seed(state.length)
        noise = 2 * torch.rand(state.log_probabilities.shape, generator=generator) - 1
        return State(state.cache, state.log_probabilities + self.deviation * noise, state.length)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_lam(tmp_path_factory.mktemp("lam"), "gpt2")


@pytest.fixture(scope="module")
def model(folder: Path) -> LanguageModel:
    return LanguageModel.load(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def code(model: LanguageModel) -> LanguageModelCode:
    return LanguageModelCode(model)


@pytest.fixture
def other(folder: Path) -> OtherMachine:
    return OtherMachine.load(folder, torch.device("cpu"))  # type: ignore[return-value]


@settings(max_examples=20)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_comes_back(code: LanguageModelCode, text: str) -> None:
    written = code.write(text, MANY, MANY)
    assert written is not None
    assert code.read(written.bits, written.grid, written.single) == (text, True)


@pytest.mark.parametrize(
    "text",
    [
        " ".join(TEXTS[:3]),
        "\n".join(TEXTS[:3]),
        "no end\nA red dog runs! A cat?\n\n  Two. ",
        "x" * 150,  # more tokens than the context holds
        "日本語" * 12,  # cut inside a character
    ],
)
def test_sentences_and_what_is_longer_than_the_context(code: LanguageModelCode, text: str) -> None:
    written = code.write(text, MANY, 0)
    assert written is not None
    assert not written.single
    assert code.read(written.bits, written.grid, False) == (text, True)


def test_as_short_as_the_model_says(model: LanguageModel, code: LanguageModelCode) -> None:
    bits = ideal = 0.0
    for text in SOME:
        written = code.write(text, MANY, MANY)
        assert written is not None
        bits += written.bits.size
        ideal -= float(model.score([*model.tokens(text), model.end]).sum()) / np.log(2)
    assert ideal - 3 * len(SOME) < bits < ideal - len(SOME), "the end of a message tells nearly two bits"


def test_a_piece_that_a_model_of_single_sentences_expects_costs_less_than_going_on(model: LanguageModel) -> None:
    class Ending(LanguageModelCode):
        """With a model that hardly expects anything behind a full stop but the end."""

        def _advance(self, state: State, token: int) -> State:
            state = super()._advance(state, token)
            if self._model.text([token]) == ".":
                expected = state.log_probabilities.clone()
                expected[:, self._model.end] += 20
                state.log_probabilities = expected.log_softmax(-1)
            return state

    text = " ".join(TEXTS[:4])
    code = Ending(model)
    written = code.write(text, MANY, MANY)
    assert written is not None
    assert not written.single
    assert written.bits.size < sum(code.write(one, MANY, MANY).bits.size for one in TEXTS[:4]) + 20  # type: ignore[union-attr]
    assert code.read(written.bits, written.grid, False) == (text, True)


def test_what_would_be_too_long_is_given_up(code: LanguageModelCode) -> None:
    size = code.write(TEXTS[0], MANY, MANY).bits.size  # type: ignore[union-attr]
    assert code.write(TEXTS[0], size, size) is not None
    assert code.write(TEXTS[0], size - 1, size - 1) is None
    assert code.write(" ".join(TEXTS * 100), 50, 50) is None


def failures(code: LanguageModelCode, reader: LanguageModelCode) -> tuple[int, int]:
    """How many texts are read otherwise than written, and how many of these the reader takes for right."""
    wrong = unseen = 0
    for text in SOME:
        written = code.write(text, MANY, MANY)
        assert written is not None
        read, intact = reader.read(written.bits, written.grid, written.single)
        wrong += read != text
        unseen += read != text and intact
    return wrong, unseen


def test_sums_in_another_order_change_no_text_thanks_to_the_grids(
    code: LanguageModelCode, other: OtherMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.deviation = 3e-3  # a hundred times and more what float32 makes of it
    assert failures(code, LanguageModelCode(other)) == (0, 0)
    monkeypatch.setattr("semcom_ota.codecs.language_model_code._safest_grid", lambda log_odds: 0)
    assert failures(code, LanguageModelCode(other))[0] > 0


def test_another_model_gives_another_text_and_the_reader_mostly_knows(
    code: LanguageModelCode, other: OtherMachine
) -> None:
    other.deviation = 2.0
    wrong, unseen = failures(code, LanguageModelCode(other))
    assert wrong == len(SOME)
    assert unseen < len(SOME) / 2


@settings(max_examples=20)
@given(bits=st.lists(st.integers(0, 1), min_size=1, max_size=80), grid=st.integers(0, GRIDS - 1), single=st.booleans())
def test_any_bits_can_be_read(code: LanguageModelCode, bits: list[int], grid: int, single: bool) -> None:
    text, intact = code.read(np.array(bits, np.uint8), grid, single)
    written = code.write(text, MANY, MANY) if intact else None
    assert written is None or written.bits.size <= len(bits) + 8


def test_the_first_bits_tell_the_first_words(code: LanguageModelCode) -> None:
    text = " ".join(TEXTS[:6])
    written = code.write(text, MANY, 0)
    assert written is not None
    shown = [code.read(written.bits[:size], written.grid, False, cut=True) for size in (5, 100, 300)]
    assert not any(intact for _, intact in shown)
    assert all(text.startswith(part.rstrip("\ufffd")) for part, _ in shown)
    assert len(shown[0][0]) < len(shown[1][0]) < len(shown[2][0]) < len(text)
    assert len(shown[2][0]) > 0.4 * len(text)


def test_tokens_that_no_writer_makes_are_not_believed(code: LanguageModelCode, model: LanguageModel) -> None:
    text = SOME[0]
    letters = [token for letter in text for token in model.tokens(letter)]
    for tokens, believed in ((model.tokens(text), True), (letters, False)):
        pieces = [Piece(tokens, 3)]
        decisions = code._decisions(pieces, MANY)
        assert decisions is not None
        written = _written(pieces, decisions, single=True)
        assert code.read(written.bits, written.grid, True) == (text, believed)


def test_a_grid_that_no_writer_takes_is_not_believed(code: LanguageModelCode, monkeypatch: pytest.MonkeyPatch) -> None:
    written = code.write(SOME[0], MANY, MANY)
    assert written is not None
    for grid in range(GRIDS):
        monkeypatch.setattr(language_model_code, "_safest_grid", lambda _, grid=grid: grid)
        other = code.write(SOME[0], MANY, MANY)
        assert other is not None and other.grid == grid
        assert code.read(other.bits, grid, other.single) == (SOME[0], grid == written.grid)
