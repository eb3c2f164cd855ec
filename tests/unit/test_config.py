import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from semcom_ota.config import (
    CHANNELS,
    NUMEROLOGIES,
    ChannelConfig,
    ConfigError,
    LinkConfig,
    PhyConfig,
    ReceiverConfig,
    check_cfo,
    load_channel,
    load_link,
    load_phy,
)

TRUTH = re.compile(r"snr|channel|seed|fading|tap|cfo|delay|noise|gain|doppler", re.IGNORECASE)
SEARCHED = {"max_cfo_hz"}  # how far the receiver looks: part of the air interface, whatever the true CFO is


def field_names(model: type[BaseModel]) -> set[str]:
    names = set()
    for name, field in model.model_fields.items():
        names.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= field_names(field.annotation)
    return names


def test_the_receiving_side_has_no_field_for_the_truth():
    assert not [name for name in field_names(ReceiverConfig) - SEARCHED if TRUTH.search(name)]
    assert [name for name in field_names(LinkConfig) if TRUTH.search(name)]  # the pattern does find them elsewhere


def test_the_receivers_part_is_blind_to_the_radio():
    link = LinkConfig()
    other = link.model_copy(update={"radio": link.loopback.model_copy(update={"seed": 99, "snr_db": (-3.0,)})})
    assert other.receiver == link.receiver and other.transmitter == link.transmitter
    with pytest.raises(ValidationError):
        ReceiverConfig.model_validate({"radio": link.loopback.model_dump()})


@pytest.mark.parametrize("name", sorted(file.stem for file in CHANNELS.glob("*.yml")))
def test_every_named_channel_loads(name):
    load_channel(name)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("fading: sometimes", "fading: must be .*, not 'sometimes'$"),
        ("colour: red", "colour: there is no such key$"),
        ("a: [", "not YAML"),
        ("[1, 2]", "must be keys with values"),
        ("[" * 5000, "nested"),
        ("tap_delays_s: [0, 1.0e-6]", ".yml': tap_delays_s and .* same length$"),
        ("x" * 2**21, "larger than"),
    ],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path, content, sentence):
    file = tmp_path / "channel.yml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_channel(str(file))
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_told_the_known_ones():
    for name in ("moon-bounce", "x" * 300):
        with pytest.raises(ConfigError, match=r"unknown channel .*awgn"):
            load_channel(name)
        with pytest.raises(ConfigError, match=r"unknown air interface .*indoor, narrowband, pluto"):
            load_phy(name)


@pytest.mark.parametrize("name", sorted(file.stem for file in NUMEROLOGIES.glob("*.yml")))
def test_every_named_air_interface_reaches_two_radios_of_2_5_ppm(name):
    phy = load_phy(name)
    check_cfo(ChannelConfig(oscillator_ppm=2.5, carrier_hz=2.4e9).largest_cfo_hz(phy), phy)


def test_the_default_air_interface_is_indoor():
    assert load_phy("indoor") == PhyConfig()


def test_an_air_interface_in_a_file_of_ones_own(tmp_path):
    file = tmp_path / "own.yml"
    file.write_text("cp_length: 8")
    assert load_phy(str(file)) == PhyConfig(cp_length=8)
    file.write_text("{preset: wide5, cp_length: 8}")
    assert load_phy(str(file)) == load_phy("wide5").model_copy(update={"cp_length": 8})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("preset: moon", "unknown air interface 'moon'"),
        ("{preset: pluto, colour: 3}", "own.yml': colour: there is no such key$"),
        ("preset: own.yml", "own.yml': preset: there is no such key$"),
    ],
)
def test_a_bad_preset_in_a_file_of_ones_own_is_one_clear_sentence(tmp_path, monkeypatch, content, sentence):
    monkeypatch.chdir(tmp_path)
    Path("own.yml").write_text(content)
    with pytest.raises(ConfigError, match=sentence):
        load_phy("own.yml")


@pytest.mark.parametrize(
    ("phy", "expected"),
    [
        ("pluto", load_phy("pluto")),
        ({"preset": "pluto"}, load_phy("pluto")),
        ({"preset": "wide5", "cp_length": 8}, load_phy("wide5").model_copy(update={"cp_length": 8})),
        ({"cp_length": 8}, PhyConfig(cp_length=8)),
    ],
)
def test_a_link_takes_its_air_interface_by_name(phy, expected):
    assert LinkConfig.model_validate({"phy": phy}).phy == expected


@pytest.mark.parametrize(
    ("phy", "sentence"),
    [("moon", "unknown air interface 'moon'"), ("{preset: [1]}", "unknown"), ("{preset: pluto, colour: 3}", "colour")],
)
def test_a_bad_air_interface_is_one_clear_sentence(tmp_path, phy, sentence):
    file = tmp_path / "link.yml"
    file.write_text(f"phy: {phy}")
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_link(file)
    assert "\n" not in str(caught.value)


def test_a_link_whose_cfo_the_receiver_would_not_find_is_refused(tmp_path):
    file = tmp_path / "link.yml"
    cheap_radios = "radio: {channel: {oscillator_ppm: 25, carrier_hz: 2.4e+9}}"
    file.write_text(cheap_radios)
    with pytest.raises(ConfigError, match=r"may differ by 120000 Hz, and .* looks 18000 Hz .* such as pluto"):
        load_link(file)
    file.write_text(f"phy: pluto\n{cheap_radios}")
    assert load_link(file).phy == load_phy("pluto")


def test_the_link_file_that_ships_says_the_defaults():
    assert load_link(Path(__file__).parents[2] / "links" / "loopback.yml") == LinkConfig()


def test_a_link_file_overrides_the_defaults(tmp_path):
    file = tmp_path / "link.yml"
    file.write_text("memory: {entries: 5}\nradio: {seed: 7}")
    link = load_link(file)
    assert (link.memory.entries, link.loopback.seed, link.phy) == (5, 7, LinkConfig().phy)
