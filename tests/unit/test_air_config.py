import pytest
from pydantic import ValidationError

from semcom_ota.air_config import ChannelConfig, PhyConfig


def test_a_tdl_profile_is_rayleigh_fading_without_saying_so():
    channel = ChannelConfig(profile="tdl-a", delay_spread_s=1e-6)
    assert channel.fading == "rayleigh"
    assert ChannelConfig.model_validate(channel.model_dump()) == channel
    assert ChannelConfig.model_validate_json(channel.model_dump_json()) == channel
    assert ChannelConfig(profile="tdl-a", delay_spread_s=1e-6, fading="rayleigh") == channel


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        ({"profile": "tdl-a"}, "profile tdl-a needs delay_spread_s"),
        ({"profile": "tdl-a", "delay_spread_s": 1e-6, "fading": "none"}, "profile tdl-a is Rayleigh fading"),
        ({"profile": "tdl-c", "delay_spread_s": 1e-6, "fading": "rician"}, "profile tdl-c is Rayleigh fading"),
        ({"profile": "tdl-b", "delay_spread_s": 1e-6, "tap_delays_s": [1e-6]}, "profile tdl-b has its own taps"),
        ({"profile": "tdl-d", "delay_spread_s": 1e-6}, "'taps', 'tdl-a', 'tdl-b' or 'tdl-c'"),
        ({"profile": ["tdl-a"]}, "'taps', 'tdl-a', 'tdl-b' or 'tdl-c'"),
        ({"delay_spread_s": 1e-6}, "delay_spread_s belongs to a tdl profile"),
        ({"max_doppler_hz": 10}, "max_doppler_hz needs fading"),
        ({"fading": "rayleigh", "message_interval_s": 0.01}, "message_interval_s needs max_doppler_hz"),
        ({"tap_delays_s": [0, 1e-6]}, "must have the same length"),
        ({"gain_step_db": 0}, "gain_step_db"),
        ({"sro_ppm": -1}, "sro_ppm"),
        ("tdl-a", "valid dictionary"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_sentence(channel, sentence):
    with pytest.raises(ValidationError, match=sentence) as caught:
        ChannelConfig.model_validate(channel)
    assert len(caught.value.errors()) == 1


def test_the_longest_delay_is_that_of_the_last_path():
    assert ChannelConfig().longest_delay_s == 0
    assert ChannelConfig(tap_delays_s=(3e-6, 1e-6), tap_powers_db=(0, 0)).longest_delay_s == 3e-6
    assert ChannelConfig(profile="tdl-b", delay_spread_s=2e-6).longest_delay_s == pytest.approx(4.7834 * 2e-6)


def test_the_largest_cfo_counts_oscillators_subcarriers_and_doppler():
    phy = PhyConfig()
    assert ChannelConfig().largest_cfo_hz(phy) == 0
    assert ChannelConfig(max_cfo_subcarriers=0.5).largest_cfo_hz(phy) == pytest.approx(7812.5)
    assert ChannelConfig(oscillator_ppm=2.5, carrier_hz=2.4e9).largest_cfo_hz(phy) == pytest.approx(12_000)
    moving = ChannelConfig(fading="rayleigh", max_doppler_hz=100, max_cfo_subcarriers=0.5)
    assert moving.largest_cfo_hz(phy) == pytest.approx(7912.5)
