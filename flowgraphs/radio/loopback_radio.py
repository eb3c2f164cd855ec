"""The simulated channel in place of a radio that transmits and receives."""

import math

from gnuradio import blocks
from semcom_blocks import LoopbackChannel
from semcom_blocks.burst_filler import BurstFiller
from semcom_flowgraphs.radio.counted import CountedRadio

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.settings import PortSettings


class LoopbackRadio(CountedRadio):
    """Each burst meets the channel that `LoopbackChannel` draws for it; between bursts there is silence.

    Time runs on, no faster than real time. `semcom loopback`, which is for figures, does without bursts and time.
    """

    def __init__(self, link: LinkConfig):
        """Join both ends.

        Raises:
            ConfigError: the link has a radio.
        """
        radio, phy = link.loopback, link.phy
        port = PortSettings(device="simulated channel", sample_rate=phy.sample_rate)
        super().__init__("loopback", "flowgraph", port, port)
        spread = radio.channel.longest_delay_s * phy.sample_rate
        reach = max(radio.gap_samples, math.ceil(radio.channel.max_delay_samples + spread))
        # The channel takes frames as they are modulated (semcom_ota/phy/impairments.py), and a radio gives less.
        scale = radio.bursts.rms / math.sqrt(phy.used_carriers / phy.fft_size)
        amplifier, attenuator = (blocks.multiply_const_cc(factor) for factor in (1 / scale, scale))
        lead_s = 1e-3 * radio.bursts.lead_ms
        filler = BurstFiller(phy.sample_rate, True, lead_s, tail_samples=reach, follower=amplifier)
        channel = LoopbackChannel(phy, radio.channel, radio.snr_db, radio.messages_per_snr, radio.seed)
        self.transmit(filler, amplifier, channel, attenuator)
        self.receive(attenuator)


def open_radio(link: LinkConfig, *, transmit: bool, receive: bool) -> LoopbackRadio:
    """See `semcom_flowgraphs.radio.open_radio`."""
    if not (transmit and receive):
        raise ConfigError("this link has no radio, and both its ends are in one process: use semcom loopback or trx")
    return LoopbackRadio(link)
