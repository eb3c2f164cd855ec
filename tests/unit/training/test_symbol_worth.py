import pytest
import torch

from semcom_ota.codecs.symbol_order import PLACES, places
from semcom_ota.config import SHIPPED, ConfigError
from semcom_ota.training.symbol_order import Measured, measure, measured, training_texts

LAYERS = 3
TRUE = torch.linspace(0.1, 2.4, LAYERS * PLACES).view(LAYERS, PLACES).flip(1)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Known(Measured):
    """Each symbol that is sent saves just so many bits, and a text has some of its own that no symbol saves."""

    def bits(self, batch, sent, noise_variance, noise):
        saved = (TRUE.T[places(batch.lengths)] * sent).sum((1, 2))
        return 20 * torch.rand(len(batch.lengths)) + 100 - saved


def test_finds_what_symbols_add():
    torch.manual_seed(0)
    known = Known(lambda text: ([0] * len(text.split()),) * 2, None, None, LAYERS, 64)
    texts = ["word " * length for length in range(2, 40)] * 40
    worth, error = measure(known, texts, seed=0)
    assert ((worth - TRUE).abs() < 4 * error).all() and error.max() < 0.4


def test_the_last_token_of_a_caption_tells_least_and_the_same_seed_says_the_same(data):
    texts = ["A man in a red shirt is riding a bicycle down the street.", "Two dogs play in the snow."] * 6
    codec = measured(SHIPPED, "text-jscc")
    worth, _ = measure(codec, texts, seed=1)
    assert worth[1].argmin() in (0, PLACES - 1)
    assert torch.equal(worth, measure(codec, texts, seed=1)[0])
    assert len(training_texts(data, 10, 0)) == 10 and training_texts(data, 10, 0) == training_texts(data, 10, 0)


def test_a_codec_without_ordered_symbols_is_refused():
    with pytest.raises(ConfigError, match="'huffman' has no ranking of symbols: use text-jscc or lam-jscc"):
        measured(SHIPPED, "huffman")
