import pickle
from pathlib import Path

import pytest

from semcom_ota.config import CodecConfig, ConfigError, load_channel
from semcom_ota.experiments.sweep_config import load_sweep, symbols_for

SHIPPED = sorted((Path(__file__).parents[3] / "sweeps").glob("*.yml"))
LEAST = "texts: {set: captions}\ncodecs: [utf8]\nchannels: [awgn]\nsnr_db: [3]\n"


def load(tmp_path: Path, content: str):
    file = tmp_path / "sweep.yml"
    file.write_text(content)
    return load_sweep(file)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_sweep_that_ships_loads(file):
    assert load_sweep(file).name == file.stem


def test_a_short_file_says_everything(tmp_path):
    sweep = load(tmp_path, LEAST + "csi: [estimated, perfect]\nphy: {preset: wide5, max_frame_symbols: 512}\n")
    assert (sweep.codecs[0].label, sweep.channels[0].channel) == ("utf8", load_channel("awgn"))
    assert (sweep.csi, sweep.phy.fft_size, sweep.phy.max_frame_symbols) == (("estimated", "perfect"), 128, 512)
    assert pickle.loads(pickle.dumps(sweep)) == sweep  # it travels to the workers


def test_one_codec_appears_with_several_settings(tmp_path):
    sweep = load(
        tmp_path,
        "texts: {set: demo}\nchannels: {name: mine, channel: {fading: rayleigh}}\nsnr_db: 0\n"
        "codecs: [utf8, {name: utf8, label: wide, codec: {beams: 64}}]",
    )
    assert [(codec.label, codec.codec.beams) for codec in sweep.codecs] == [("utf8", CodecConfig().beams), ("wide", 64)]
    assert (sweep.channels[0].name, sweep.channels[0].channel.fading) == ("mine", "rayleigh")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[utf8]", "[utf8, utf8]"), "codecs: utf8 is there twice"),
        (("[utf8]", "[utf8, {name: utf8, label: b}]"), "'utf8' and 'b' are the same with the same settings"),
        (("[utf8]", "[{name: utf8, codec: {names: [a]}}]"), "codec.names has no place here"),
        (("[utf8]", "[{name: utf8, codec: {beans: 3}}]"), "codecs.0.codec.beans: there is no such key"),
        (("[utf8]", "[]"), "codecs: has too few entries: give at least 1"),
        (("[awgn]", "[moon]"), "unknown channel 'moon': use one of awgn"),
        (("[awgn]", "[awgn, {name: awgn, channel: rayleigh}]"), "channels: awgn is there twice"),
        (("[awgn]", "[{name: far, channel: {max_cfo_subcarriers: 4}}]"), "choose one that looks farther"),
        (("[3]", "[.nan]"), "snr_db.0: must be"),
        (("[3]", "[3, 3]"), "snr_db: 3.0 is there twice"),
        (("{set: captions}", "{set: poems}"), "unknown set 'poems': use one of captions"),
        (("{set: captions}", "{set: demo, file: a.txt}"), "say where they are: one of"),
        (("{set: captions}", "{set: demo, count: 0}"), "texts.count: must be"),
        (("texts", "budgets: [0]\ntexts"), "budgets.0: must be"),
        (("texts", "csi: [estimated, perfect, estimated]\ntexts"), "csi: has too many entries: give at most 2"),
        (("texts", "seeds: [-1]\ntexts"), "seeds.0: must be"),
        (("texts", "level: air\ntexts"), "level: must be"),
        (("texts", "name: ../up\ntexts"), "name: "),
        (("texts", "unit_messages: 0\ntexts"), "unit_messages: must be"),
        (("texts", "stop: {metric: luck}\ntexts"), "stop.metric: must be"),
        (("texts", "phy: {messages_per_frame: 2}\ntexts"), "phy.messages_per_frame: must be 1"),
        (("texts", "level: flowgraph\ncsi: perfect\ntexts"), "perfect is only known at level waveform"),
        (("texts", "csi: perfect\nphy: {precoding: dft}\ntexts"), "perfect needs phy.precoding none"),
        (("[awgn]\n", "[{name: leaky, channel: {dc_dbc: 0}}]\ncsi: perfect\n"), "without dc_dbc, which 'leaky' has"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_is_one_sentence(tmp_path, change, sentence):
    assert change[0] in LEAST
    with pytest.raises(ConfigError) as error:
        load(tmp_path, LEAST.replace(*change))
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_every_text_has_a_symbol_and_no_more_than_the_budget():
    assert symbols_for("A man runs.", 8) == 24
    assert symbols_for("a b c d e f g", 2.5) == 17
    assert symbols_for("word " * 100, 0.29) == 29  # which is 28.999999999999996
    assert symbols_for("x", 0.01) == symbols_for("", 8) == 1
