"""Codecs by name, built in and installed."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Codec
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig

FAKE_CODECS = Path(__file__).parents[2] / "data" / "fake_codecs"


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.syspath_prepend(str(FAKE_CODECS))
    yield
    sys.modules.pop("fake_codecs", None)


def load(name: str) -> Codec:
    return registry.load(name, CodecConfig(), DeviceConfig())


def test_an_installed_codec_is_found_by_its_entry_point(installed):
    assert {"text-jscc", "utf8", "huffman", "letters", "fives"} <= set(registry.names())
    assert load("letters").number == 200


def test_an_unknown_codec_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="unknown codec 'morse': use one of text-jscc, utf8, huffman"):
        load("morse")


def test_the_number_of_a_codec_is_known_without_making_it(installed):
    names = ("text-jscc", "huffman", "letters", "broken")
    assert [registry.number(name) for name in names] == [0, 2, 200, 202]
    for name in ("morse", "utf8"):  # unknown, and there twice
        with pytest.raises(ConfigError, match=name):
            registry.number(name)


def test_the_numbers_of_those_that_ship_are_what_their_classes_say_and_need_no_torch():
    for name, value in registry._BUILT_IN.items():
        assert registry.number(name) == EntryPoint(name, value, registry.GROUP).load().number
    program = (
        "import sys; from semcom_ota.codecs.registry import name_of; name_of(99); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_name_of_a_number_is_found_among_what_is_installed_broken_codecs_aside(installed):
    assert [registry.name_of(number) for number in (2, 200, 77)] == ["huffman", "letters", None]


def test_two_codecs_of_one_name_are_refused(installed):
    with pytest.raises(ConfigError, match="two codecs are called 'utf8'"):
        load("utf8")


def test_a_codec_that_cannot_be_made_is_one_sentence(installed):
    with pytest.raises(
        ConfigError, match="codec 'broken' cannot be loaded: OSError: Error while deserializing"
    ) as caught:
        load("broken")
    assert "\n" not in str(caught.value)


def test_two_codecs_of_one_number_are_refused(installed):
    with pytest.raises(ConfigError, match="codecs 'letters' and 'twin' have the same number 200"):
        registry.load_all(CodecConfig(names=("letters", "fives", "twin")), DeviceConfig())


def test_something_that_is_no_codec_is_refused(monkeypatch):
    monkeypatch.setitem(registry._BUILT_IN, "pair", "types:SimpleNamespace")
    with pytest.raises(ConfigError, match="codec 'pair' cannot be loaded"):
        load("pair")
    monkeypatch.setitem(registry._BUILT_IN, "pair", "fractions:Fraction")
    with pytest.raises(ConfigError, match="'fractions:Fraction' is not a codec called 'pair'"):
        registry.load("pair", 1, 2)


def test_conventional_codecs_load_without_torch():
    code = (
        "import sys; from semcom_ota.codecs import registry; from semcom_ota.config import CodecConfig, DeviceConfig\n"
        "codecs = registry.load_all(CodecConfig(names=('utf8', 'huffman')), DeviceConfig())\n"
        "assert [codec.number for codec in codecs.values()] == [1, 2] and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
