"""One unit through the numpy PHY, with codecs that are made up where it matters what they do wrong."""

import numpy as np
import pytest

from semcom_ota.codecs.base import Decoded, Encoded
from semcom_ota.config import ConfigError
from semcom_ota.experiments import sweep_unit, sweep_waveform
from semcom_ota.experiments.sweep_config import SweepConfig
from semcom_ota.experiments.sweep_plan import SweptText, Task, plan
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.services.process import ServiceFailed

TEXTS = tuple(read_lines(SENTENCES / "captions.txt")[:5])
SWEPT = tuple(SweptText(text, "captions") for text in TEXTS)
SWEEP = {"texts": {"set": "captions"}, "codecs": ["utf8", "huffman"], "channels": ["awgn"], "snr_db": [9]}


def measure(**changes):
    config = SweepConfig.model_validate(SWEEP | changes)
    units = plan(config, len(TEXTS))
    return [
        row
        for unit in units
        for row in sweep_unit.measure(Task(unit, config, SWEPT[unit.messages.start : unit.messages.stop])).rows
    ]


class MadeUp:
    """Random QPSK, and what became of it at the other end."""

    ordered_symbols = False

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.sent, self.errors, self.batches, self.snrs = [], [], [], []

    def encode(self, text, *, n_symbols=None, snr_db=None):
        rng = np.random.default_rng([self.number, len(text)])
        symbols = np.exp(0.5j * np.pi * rng.integers(4, size=n_symbols)).astype(np.complex64)
        self.sent.append(symbols)
        self.snrs.append(snr_db)
        return Encoded(symbols, 7)

    def decode(self, symbols, noise_variance, parameters):
        raise AssertionError("batches are decoded together")

    def decode_batch(self, messages):
        self.batches.append(len(messages))
        kept = self.sent[-len(messages) :]
        self.errors += [got.symbols - sent for got, sent in zip(messages, kept, strict=True)]
        return [Decoded("text", 0.5, True)] * len(messages)

    def symbol_count(self, text):
        return 1


@pytest.fixture
def made_up(monkeypatch):
    codecs = {"utf8": MadeUp("utf8", 1), "huffman": MadeUp("huffman", 2)}
    monkeypatch.setattr(sweep_waveform, "_loaded", lambda settings, device: {n: codecs[n] for n in settings.names})
    sweep_waveform._encoded.cache_clear()
    yield codecs
    sweep_waveform._encoded.cache_clear()


def test_every_codec_meets_the_same_noise_and_the_same_channel(made_up):
    rows = measure(channels=["tdl-a"], csi="perfect", seeds=[3])
    one, other = (made_up[name] for name in ("utf8", "huffman"))
    assert not np.array_equal(one.sent[0], other.sent[0]) and one.batches == other.batches == [len(TEXTS)]
    for mine, its in zip(one.errors, other.errors, strict=True):
        assert np.abs(mine).mean() > 0.01
        assert np.abs(mine - its).mean() < 0.05 * np.abs(mine).mean()  # interference between rows is not the same
    assert [row["payload_symbols"] for row in rows[::2]] == [row["payload_symbols"] for row in rows[1::2]]
    assert [row["snr_db_estimated"] for row in rows[::2]] == pytest.approx(
        [row["snr_db_estimated"] for row in rows[1::2]], abs=0.02
    )


def test_the_realisation_is_one_of_seed_and_message_alone(made_up):
    measure(csi="perfect", snr_db=[9, 19], unit_messages=2)
    errors = made_up["utf8"].errors
    near, far = errors[: len(TEXTS)], errors[len(TEXTS) :]
    for one, other in zip(near, far, strict=True):
        np.testing.assert_allclose(one, other * 10**0.5, atol=1e-3)
    measure(csi="perfect", seeds=[1])
    assert np.abs(errors[-len(TEXTS)] - near[0]).mean() > 0.1


def test_the_noise_variance_that_is_told_is_that_of_the_error(made_up):
    told = []
    made_up["utf8"].decode_batch = lambda messages: [
        told.append((message.noise_variance, message.symbols - sent)) or Decoded("", 0.0, False)
        for message, sent in zip(messages, made_up["utf8"].sent, strict=True)
    ]
    measure(codecs=["utf8"], channels=["rayleigh"], csi="perfect", snr_db=[5])
    variances, errors = (np.concatenate(parts) for parts in zip(*told, strict=True))
    assert np.mean(np.abs(errors) ** 2 / variances) == pytest.approx(1, abs=0.15)
    assert variances.max() > 2 * variances.min()


def test_a_text_is_encoded_once_where_the_snr_makes_no_difference(made_up):
    made_up["utf8"].adapts_to_snr = False
    measure(snr_db=[3, 9], seeds=[0, 1])
    assert made_up["utf8"].snrs == [None] * len(TEXTS)
    assert made_up["huffman"].snrs == [3.0] * len(TEXTS) + [9.0] * len(TEXTS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda symbols: symbols[1:], r"'utf8' made \d+ payload symbols of message 0, where every codec has \d+"),
        (lambda symbols: 1.1 * symbols, "'utf8' spent 1.21 of energy a payload symbol on message 0"),
        (lambda symbols: symbols * np.nan, "'utf8' spent nan of energy"),
    ],
    ids=["symbols", "energy", "nan"],
)
def test_a_codec_that_spends_something_else_ends_the_sweep(made_up, monkeypatch, wrong, sentence):
    encode = MadeUp.encode
    monkeypatch.setattr(
        made_up["utf8"], "encode",
        lambda text, **known: Encoded(wrong(encode(made_up["utf8"], text, **known).symbols), 0),
    )  # fmt: skip
    with pytest.raises(ConfigError, match=sentence):
        measure()


@pytest.mark.parametrize(("method", "of"), [("encode", "message 0"), ("decode_batch", "message 0")])
def test_a_codec_that_breaks_is_named(made_up, monkeypatch, method, of):
    def broken(*args, **kwargs):
        raise RuntimeError("the model\n broke")

    monkeypatch.setattr(made_up["huffman"], method, broken)
    with pytest.raises(ServiceFailed, match=rf"codec 'huffman' failed on {of} \('.*'\): RuntimeError: the model broke"):
        measure(snr_db=[20])


def test_a_message_that_does_not_fit_is_lost_and_costs_nothing():
    utf8, huffman = (measure(budgets=[1])[codec] for codec in (0, 1))
    assert (utf8["status"], utf8["does_not_fit"], utf8["received"]) == ("lost", True, "")
    spent = ("payload_symbols", "energy", "overhead_symbols", "overhead_bits", "air_samples")
    assert not any(utf8[name] for name in spent) and huffman["sent"] == TEXTS[0]


def test_rows_say_what_was_spent():
    (row, *_) = measure(snr_db=[30], codecs=["huffman"])
    words = len(TEXTS[0].split())
    assert (row["status"], row["received"], row["payload_symbols"], row["words"]) == (
        "delivered", TEXTS[0], 8 * words, words,
    )  # fmt: skip
    assert row["energy"] == pytest.approx(8 * words, rel=1e-5) and row["overhead_bits"] == 24 + 18
    assert (row["payload_symbols"] + row["overhead_symbols"]) / 52 == row["air_samples"] / 80
    assert row["snr_db_estimated"] == pytest.approx(30, abs=1.5)


def test_nothing_comes_through_where_there_is_only_noise():
    rows = measure(channels=["noise_only"])
    assert {row["status"] for row in rows} == {"lost"} and all(row["payload_symbols"] for row in rows)


def test_a_long_message_goes_in_several_frames_and_perfect_csi_knows_them_all():
    changes = {"phy": {"max_frame_symbols": 64}, "snr_db": [25], "csi": ["estimated", "perfect"], "codecs": ["huffman"]}
    estimated, perfect = (rows for rows in np.split(np.array(measure(**changes)), 2))
    for one, other in zip(estimated, perfect, strict=True):
        assert one["received"] == other["received"] == one["sent"] and one["air_samples"] == other["air_samples"]
    assert estimated[0]["air_samples"] > 2 * 15 * 80


def test_a_receiver_that_is_told_everything_misses_no_frame():
    rows = measure(channels=["rayleigh"], snr_db=[-6], csi=["estimated", "perfect"], codecs=["huffman"])
    lost = {csi: sum(row["status"] == "lost" for row in rows if row["csi"] == csi) for csi in ("estimated", "perfect")}
    assert lost["estimated"] > 0 == lost["perfect"]
