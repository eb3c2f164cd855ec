import copy
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from readers import ASKED, PLACES, TOLD, WIDTH, tiny_reader, tokenizer
from received import received, understood
from safetensors.torch import load_file, save_file

from semcom_ota.codecs.base import GAP
from semcom_ota.codecs.lam_answers import SLOTS, AnsweringLam, Answers
from semcom_ota.config import ConfigError, DeviceConfig
from semcom_ota.memory import reader as reader_module
from semcom_ota.memory.context import recollection_of
from semcom_ota.memory.reader import MemoryReader, load_reader, save_reader
from semcom_ota.memory.reader_model import INTENTS
from semcom_ota.memory.store import MemoryStore

CPU = DeviceConfig(device="cpu")


@pytest.fixture(scope="module")
def reader(reader_folder):
    return MemoryReader(reader_folder, CPU)


@pytest.fixture
def folder(reader_folder, tmp_path):
    return shutil.copytree(reader_folder, tmp_path / "reader")


def memory_of(reader, texts, confidence=1.0):
    store = MemoryStore(len(texts))
    for message, text in enumerate(texts):
        store.update(received(0, message), understood(text, reader.read(text, confidence).features[0], confidence))
    return recollection_of(store.stream(0), store, reader.width, len(texts))


def test_what_is_loaded_is_what_was_saved_in_half_precision(tmp_path):
    model = tiny_reader()
    expected = copy.deepcopy(model).half().float()
    save_reader(tmp_path / "deep" / "reader", model, tokenizer(), PLACES)
    words, loaded, places = load_reader(tmp_path / "deep" / "reader")
    assert places == PLACES and words.get_vocab() == tokenizer().get_vocab()
    found = dict(loaded.named_parameters())
    assert set(found) == {name for name, _ in expected.named_parameters()}
    assert all(torch.equal(found[name], part) for name, part in expected.named_parameters())
    assert not loaded.training and next(loaded.parameters()).dtype == torch.float32


def test_it_reads_as_the_network_that_was_saved(tmp_path):
    model = tiny_reader()
    tokens = torch.tensor([tokenizer().encode(TOLD[0], add_special_tokens=False)])
    with torch.no_grad():
        expected = model.answering.features(tokens, torch.ones(tokens.shape))
    save_reader(tmp_path, model, tokenizer(), PLACES)
    reader = MemoryReader(tmp_path, CPU)
    sense = reader.read(TOLD[0], 1.0)
    assert reader.width == WIDTH and sense.tokens.tolist() == tokens[0].tolist()
    assert np.allclose(sense.features, expected, atol=1e-2)


def test_a_reader_that_is_not_there_is_one_clear_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"memory\.reader") as caught:
        MemoryReader(tmp_path / "nothing", CPU)
    assert str(tmp_path / "nothing") in str(caught.value) and "\n" not in str(caught.value)


def rewrite(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def reweigh(file, change):
    weights = load_file(file)
    change(weights)
    save_file(weights, file)


DAMAGES = {
    "no sizes": lambda folder: (folder / "reader.json").unlink(),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "no LAM": lambda folder: shutil.rmtree(folder / "lam"),
    "half a JSON": lambda folder: (folder / "reader.json").write_text('{"places": '),
    "a JSON list": lambda folder: (folder / "reader.json").write_text("[1]"),
    "no text": lambda folder: (folder / "reader.json").write_bytes(b"\xff\xfe"),
    "no places": lambda folder: rewrite(folder / "reader.json", places=0),
    "another key": lambda folder: rewrite(folder / "reader.json", code="print()"),
    "other places": lambda folder: rewrite(folder / "reader.json", places=PLACES + 1),
    "fewer intents": lambda folder: rewrite(folder / "reader.json", intents=INTENTS[:-1]),
    "intents in another order": lambda folder: rewrite(folder / "reader.json", intents=INTENTS[::-1]),
    "half of the weights": lambda folder: (folder / "model.safetensors").write_bytes(
        (folder / "model.safetensors").read_bytes()[:-100]
    ),
    "empty weights": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "a weight is missing": lambda folder: reweigh(
        folder / "model.safetensors", lambda weights: weights.pop("to_needed.weight")
    ),
    "a weight too many": lambda folder: reweigh(
        folder / "model.safetensors", lambda weights: weights.update(more=torch.zeros(1))
    ),
    "a weight of another size": lambda folder: reweigh(
        folder / "model.safetensors", lambda weights: weights.update({"to_needed.weight": torch.zeros(1, 3)})
    ),
    "half a LAM": lambda folder: (folder / "lam" / "model.safetensors").write_bytes(b"\0" * 100),
    "a LAM without words": lambda folder: (folder / "lam" / "tokenizer.json").write_text("{}"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_reader_is_one_clear_sentence(folder, damage):
    damage(folder)
    with pytest.raises(ConfigError) as caught:
        MemoryReader(folder, CPU)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch):
    (folder / "reader.json").write_text(" " * 2**16 + (folder / "reader.json").read_text())
    with pytest.raises(ConfigError, match=r"reader\.json is larger than 65536 bytes"):
        MemoryReader(folder, CPU)
    (folder / "reader.json").write_text((folder / "reader.json").read_text().strip())
    monkeypatch.setattr(reader_module, "MAX_WEIGHTS_BYTES", 1000)
    with pytest.raises(ConfigError, match=r"model\.safetensors is larger than 1000 bytes"):
        MemoryReader(folder, CPU)


@given(text=st.text(max_size=200), confidence=st.floats(0, 1))
def test_every_text_has_a_meaning(reader, text, confidence):
    check(reader.read(text, confidence))


@pytest.mark.parametrize("text", ["", " \n", GAP, f"{GAP} {GAP}", "Mary " * 10_000, "\x00\ufffd", "🙂" * 50])
@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_a_text_of_which_little_is_left_has_a_meaning_too(reader, text, confidence):
    check(reader.read(text, confidence))


def check(sense):
    assert 1 <= len(sense.tokens) == len(sense.trust) <= PLACES and (sense.trust > 0).all()
    assert sense.features.shape == (1, WIDTH) and np.isfinite(sense.features).all()
    assert sense.intent in INTENTS and 0 <= sense.intent_probability <= 1


def test_gaps_are_passed_over(reader):
    whole, gapped = reader.read("Mary went to", 0.5), reader.read(f"{GAP} Mary{GAP}went to {GAP}", 0.5)
    assert whole.tokens.tolist() == gapped.tokens.tolist() and np.array_equal(whole.features, gapped.features)


def test_tokens_are_trusted_as_far_as_the_decoder_trusts_itself(reader):
    assert reader.read(TOLD[0], 0.25).trust.tolist() == [0.25] * len(reader.read(TOLD[0], 0.25).tokens)


def test_a_question_is_known_from_a_statement(reader):
    found = [reader.read(text, 1.0).intent for text in (TOLD[1], TOLD[-1], ASKED[0], ASKED[-1])]
    assert found == ["tell", "tell", "ask", "ask"]


@pytest.mark.parametrize("entries", [0, 1, 6])
def test_an_answer_says_how_sure_it_is_and_what_it_had_in_mind(reader, entries):
    memory = memory_of(reader, TOLD[:entries])
    made = reader.answer(reader.read(ASKED[0], 1.0), memory)
    assert 0 <= made.confidence <= 1 and len(made.text.split(",")) <= SLOTS
    assert made.numbers.tolist() == memory.numbers.tolist() == list(range(entries))
    assert made.support.shape == (entries,) and ((made.support >= 0) & (made.support <= 1)).all()


def test_it_can_be_kept_from_knowing_when_and_through_which_channel(reader):
    memory, question = memory_of(reader, TOLD[:4]), reader.read(ASKED[0], 1.0)
    turned = replace(memory, ages=memory.ages[::-1].copy(), features=memory.features[::-1].copy())
    known, other = (reader.answer(question, one).support for one in (memory, turned))
    assert not np.allclose(known, other[::-1], atol=1e-4)
    known, other = (reader.answer(question, one, ("time", "csi")).support for one in (memory, turned))
    assert np.allclose(known, other[::-1], atol=1e-4)  # without time there is no order


def test_a_reader_remembers_nothing_itself(reader):
    memory, question = memory_of(reader, TOLD[:3]), reader.read(ASKED[0], 1.0)
    first = reader.answer(question, memory)
    reader.answer(reader.read(ASKED[-1], 1.0), memory_of(reader, TOLD[5:9]))
    again = reader.answer(question, memory)
    assert (first.text, first.confidence) == (again.text, again.confidence)
    assert first.support.tolist() == again.support.tolist()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("office", None, None), "office"),
        (("office", "garden", None), "garden,office"),
        (("garden", "garden", "garden"), "garden"),
        ((None, None, None), ""),
    ],
)
def test_an_answer_has_its_words_in_the_order_of_the_alphabet(reader, monkeypatch, words, text):
    ids = [tokenizer().pad_token_id if word is None else tokenizer().get_vocab()[f"▁{word}"] for word in words]
    logits = torch.full((1, SLOTS, len(tokenizer())), 0.0)
    for slot, word in enumerate(ids):
        logits[0, slot, word] = 10 + slot
    monkeypatch.setattr(AnsweringLam, "forward", lambda *_: Answers(logits, torch.zeros(1, 0)))
    made = reader.answer(reader.read(ASKED[0], 1.0), memory_of(reader, []))
    assert made.text == text
    marks = set(tokenizer().all_special_ids) - {tokenizer().pad_token_id}
    words = [number for number in range(len(tokenizer())) if number not in marks]
    assert made.confidence == pytest.approx(float(logits[0, :, words].softmax(-1).max(-1).values.prod()))


def test_an_answer_has_words_and_no_marks(reader, monkeypatch):
    marks = [number for number in tokenizer().all_special_ids if number != tokenizer().pad_token_id]
    logits = torch.zeros((1, SLOTS, len(tokenizer())))
    logits[0, :, marks] = 10
    logits[0, :, tokenizer().get_vocab()["▁office"]] = 5
    monkeypatch.setattr(AnsweringLam, "forward", lambda *_: Answers(logits, torch.zeros(1, 0)))
    assert marks and reader.answer(reader.read(ASKED[0], 1.0), memory_of(reader, [])).text == "office"


@pytest.mark.parametrize("entries", [0, 1, 6])
def test_of_every_entry_it_is_said_what_it_will_be_worth(reader, entries):
    worth = reader.worth(memory_of(reader, TOLD[:entries]))
    assert worth.shape == (entries,) and ((worth >= 0) & (worth <= 1)).all()
    assert len(set(worth.tolist())) == entries
