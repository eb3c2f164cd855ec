"""The link files that ship."""

from pathlib import Path

import pytest

from semcom_ota.config import ConfigError, check_cfo, load_link
from semcom_ota.radio_config import SoapyRadio, UhdRadio

LINKS = sorted((Path(__file__).parents[2] / "links").glob("*.yml"))


def test_the_devices_that_are_asked_for_have_one() -> None:
    assert {"b210", "b210_loop_cable", "loopback", "n310_x310", "pluto"} <= {file.stem for file in LINKS}


@pytest.mark.parametrize("file", LINKS, ids=lambda file: file.stem)
def test_a_link_loads_and_its_receiver_looks_far_enough(file: Path) -> None:
    link = load_link(file)
    check_cfo(link.radio.largest_cfo_hz(link.phy), link.phy)


@pytest.mark.parametrize("file", LINKS, ids=lambda file: file.stem)
def test_a_link_with_a_device_can_be_left_as_it_is(file: Path) -> None:
    """The spur of the LO is out of the band; the samples stay below what is limited, OFDM's peaks included."""
    link = load_link(file)
    if not isinstance(link.radio, UhdRadio | SoapyRadio):
        return
    for port in (link.radio.transmitter, link.radio.receiver):
        assert not port.lo_offset_hz or abs(port.lo_offset_hz) > link.phy.sample_rate / 2
        assert port.gain_db is not None
    assert link.radio.bursts.peak / link.radio.bursts.rms > 4


def test_a_link_that_ships_is_found_by_its_name():
    assert load_link("zmq") == load_link(next(file for file in LINKS if file.stem == "zmq"))


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"unknown link 'b211': use one of b210, .*zmq, or the path of a YAML file"):
        load_link("b211")
