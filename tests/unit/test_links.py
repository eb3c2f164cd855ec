"""The link files that ship."""

from pathlib import Path

import pytest

from semcom_ota.config import check_cfo, load_link
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
