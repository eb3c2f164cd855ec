import re

import pytest
from pydantic import BaseModel, ValidationError

from semcom_ota.config import CHANNELS, ConfigError, LinkConfig, ReceiverConfig, load_channel, load_link

TRUTH = re.compile(r"snr|channel|seed|fading|tap|cfo|delay|noise|gain|doppler", re.IGNORECASE)


def field_names(model: type[BaseModel]) -> set[str]:
    names = set()
    for name, field in model.model_fields.items():
        names.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= field_names(field.annotation)
    return names


def test_the_receiving_side_has_no_field_for_the_truth():
    assert not [name for name in field_names(ReceiverConfig) if TRUTH.search(name)]
    assert [name for name in field_names(LinkConfig) if TRUTH.search(name)]  # the pattern does find them elsewhere


def test_the_receivers_part_is_blind_to_the_radio():
    link = LinkConfig()
    other = link.model_copy(update={"radio": link.radio.model_copy(update={"seed": 99, "snr_db": (-3.0,)})})
    assert other.receiver == link.receiver and other.transmitter == link.transmitter
    with pytest.raises(ValidationError):
        ReceiverConfig.model_validate({"radio": link.radio.model_dump()})


@pytest.mark.parametrize("name", sorted(file.stem for file in CHANNELS.glob("*.yml")))
def test_every_named_channel_loads(name):
    load_channel(name)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("fading: sometimes", "fading"),
        ("colour: red", "colour"),
        ("a: [", "not YAML"),
        ("[1, 2]", "valid dictionary"),
        ("[" * 5000, "nested"),
        ("tap_delays_s: [0, 1.0e-6]", "same length"),
        ("x" * 2**21, "larger than"),
    ],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path, content, sentence):
    file = tmp_path / "channel.yml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_channel(str(file))
    assert "\n" not in str(caught.value)


def test_an_unknown_channel_names_the_known_ones():
    for name in ("moon-bounce", "x" * 300):
        with pytest.raises(ConfigError, match="awgn"):
            load_channel(name)


def test_a_link_file_overrides_the_defaults(tmp_path):
    file = tmp_path / "link.yml"
    file.write_text("memory: {entries: 5}\nradio: {seed: 7}")
    link = load_link(file)
    assert (link.memory.entries, link.radio.seed, link.phy) == (5, 7, LinkConfig().phy)
