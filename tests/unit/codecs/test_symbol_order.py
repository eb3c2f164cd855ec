import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.symbol_order import FILE, PLACES, load_worth, places, save_worth, symbol_positions
from semcom_ota.codecs.text_jscc import TextJscc
from semcom_ota.config import SHIPPED, CodecConfig, ConfigError, DeviceConfig

LAYERS = 3
WORTH = torch.tensor([[float(place) for place in range(PLACES)]] * LAYERS)  # the later a token, the more it tells
CAPTION = "A brown dog is chasing a red ball across the grass."


def test_consecutive_rounds_go_by_the_text():
    order, sent = symbol_positions(torch.tensor([3, 2]), torch.tensor([4, 4]), layers=2)
    assert order[0].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert sent.tolist() == [[[True, True], [True, False], [True, False]], [[True, True], [True, True], [False, False]]]


def test_rounds_by_importance_begin_with_what_tells_most():
    order, sent = symbol_positions(torch.tensor([3, 2]), torch.tensor([4, 3]), 2, WORTH[:2])
    assert order[0].tolist() == [[2, 5], [1, 4], [0, 3]]
    assert sent.tolist() == [[[True, False], [True, False], [True, True]], [[True, False], [True, True], [False] * 2]]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.lists(st.integers(-4, 4), min_size=LAYERS * PLACES, max_size=LAYERS * PLACES),
    st.floats(0, 1),
)
def test_any_ranking_is_a_permutation_within_each_round(lengths, ranking, share):
    worth = torch.tensor(ranking, dtype=torch.float32).view(LAYERS, PLACES)
    tokens = torch.tensor(lengths)
    symbols = (tokens * LAYERS * share).long().clamp(min=1)
    order, sent = symbol_positions(tokens, symbols, LAYERS, worth)
    assert torch.equal(sent.sum((1, 2)), symbols)
    for row, length in enumerate(lengths):
        for layer in range(LAYERS):
            turns = order[row, :length, layer] - layer * length
            assert sorted(turns.tolist()) == list(range(length))
            told = worth[layer, places(tokens)[row, :length]]
            assert (told[turns.argsort()].diff() <= 0).all()
        alone, _ = symbol_positions(tokens[row : row + 1], symbols[row : row + 1], LAYERS, worth)
        assert torch.equal(alone[0], order[row, :length])  # whatever it is padded with


@given(st.integers(1, 200))
def test_places_rise_from_the_first_token_to_the_last(length):
    found = places(torch.tensor([length]))[0]
    assert found[0] == 0 and (found.diff() >= 0).all()
    assert found[-1] == PLACES - 1 or length == 1
    assert length < 2 * PLACES or found.bincount().tolist()[1:-1] == pytest.approx([(length - 2) / 6] * 6, abs=1)


def test_what_was_measured_is_read_back(tmp_path):
    worth = torch.arange(LAYERS * PLACES).view(LAYERS, PLACES) / 8
    save_worth(tmp_path, worth)
    assert torch.equal(load_worth(tmp_path, LAYERS), worth)


@pytest.mark.parametrize(
    "content", ["", "[", "{}", "null", "[1, 2]", "[[1]]", json.dumps([["a"] * PLACES] * LAYERS), " " * 2**17,
                json.dumps([[float("nan")] * PLACES] * LAYERS), json.dumps([[0] * PLACES] * 2), "[" * 5000]
)  # fmt: skip
def test_a_damaged_ranking_is_one_clear_sentence(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ConfigError, match=r"order\.json' is damaged .*: measure it with benchmarks/symbol_order\.py"):
        load_worth(tmp_path, LAYERS)


def test_a_checkpoint_whose_symbols_were_never_ranked_is_named(tmp_path):
    folder = shutil.copytree(SHIPPED, tmp_path / "copy", ignore=shutil.ignore_patterns(FILE))
    with pytest.raises(ConfigError, match=r"no order\.json in .*or set codec\.order to consecutive"):
        TextJscc(CodecConfig(checkpoint=folder, order="importance"), DeviceConfig(device="cpu"))
    TextJscc(CodecConfig(checkpoint=folder), DeviceConfig(device="cpu"))


def test_text_by_importance_arrives_where_both_ends_go_by_it():
    ends = {
        name: TextJscc(CodecConfig(order=name), DeviceConfig(device="cpu")) for name in ("consecutive", "importance")
    }
    count = ends["importance"].symbol_count(CAPTION) // 2 + 5  # some round is sent in part
    encoded = {name: end.encode(CAPTION, n_symbols=count) for name, end in ends.items()}
    assert not np.allclose(encoded["importance"].symbols, encoded["consecutive"].symbols)
    assert np.mean(np.abs(encoded["importance"].symbols) ** 2) == pytest.approx(1, abs=1e-4)
    variance = np.full(count, 1e-3, np.float32)
    heard = {
        name: end.decode(encoded["importance"].symbols, variance, encoded["importance"].parameters)
        for name, end in ends.items()
    }
    assert heard["importance"].text == CAPTION and heard["importance"].intact
    assert not heard["consecutive"].intact
