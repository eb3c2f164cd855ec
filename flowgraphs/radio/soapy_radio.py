"""Pluto, LimeSDR, HackRF and others through gr-soapy.

gr-soapy knows no time: it sends a burst when it comes, and tells of no gap in what is received, though it prints `sO`
for one. So the transmitter's clock is the count of samples that were handed over, zeros between the bursts included
(blocks/burst_filler.py): `tx_time` says where in that stream a burst begins, and burst_ack that it was handed over.
The receiver's samples have no time, and their losses cannot be counted: the health of such a radio says less.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Literal

from gnuradio import soapy
from semcom_blocks.burst_filler import BurstFiller
from semcom_flowgraphs.radio.counted import CountedRadio
from semcom_flowgraphs.radio.time_limit import ends_within

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.stall import Stall
from semcom_ota.radio_config import SoapyRadio as SoapyConfig

OPENING_S = 60.0
RATE_TOLERANCE = 1e-4
FREQUENCY_TOLERANCE_HZ = 1000.0
MIN_BUFFER_ITEMS = 2**18
STALL_S = 10.0


def open_radio(link: LinkConfig, *, transmit: bool, receive: bool) -> "SoapyRadio":
    """The device or devices of this link, set and ready.

    Raises:
        ConfigError: see `semcom_flowgraphs.radio.open_radio`.
    """
    radio = link.radio
    assert isinstance(radio, SoapyConfig)
    with ends_within(
        OPENING_S, f"no SoapySDR device has opened within {OPENING_S:g} s: unplug it and plug it in again"
    ):
        return SoapyRadio(radio, link.phy.sample_rate, transmit=transmit, receive=receive)


class SoapyRadio(CountedRadio):
    """See `semcom_flowgraphs.radio.interface.Radio`."""

    def __init__(self, radio: SoapyConfig, sample_rate: float, *, transmit: bool, receive: bool):
        """Open and set what is asked for.

        Raises:
            ConfigError: see `semcom_flowgraphs.radio.open_radio`.
        """
        self._transmitter = _End(radio, "transmitter", sample_rate) if transmit else None
        self._receiver = _End(radio, "receiver", sample_rate) if receive else None
        ports = [end.settings() if end is not None else None for end in (self._transmitter, self._receiver)]
        super().__init__("soapy", "air", *ports)
        self.settings = RadioSettings(
            kind="soapy", level="air", tells_gaps=False, transmitter=ports[0], receiver=ports[1]
        )
        if self._transmitter is not None:
            filler = BurstFiller(sample_rate, idle_zeros=True, lead_s=1e-3 * radio.bursts.lead_ms)
            self.transmit(filler, self._transmitter.block)
        if self._receiver is not None:
            self._receiver.block.set_min_output_buffer(MIN_BUFFER_ITEMS)
            self.receive(self._receiver.block)

    def set_rx_gain(self, gain_db: float) -> float:
        """Ask for a gain of the receiver; the one that it has now, 0.0 without a receiver."""
        return self._receiver.set_gain(gain_db) if self._receiver is not None else 0.0

    def watch(self) -> None:
        """Look whether samples go and come.

        Raises:
            ConfigError: they have not for `STALL_S`.
        """
        for end in (self._transmitter, self._receiver):
            if end is not None:
                end.watch()


class _End:
    """Transmitter or receiver of a device. What SoapySDR raises becomes a sentence here."""

    def __init__(self, radio: SoapyConfig, side: Literal["transmitter", "receiver"], sample_rate: float):
        port = radio.transmitter if side == "transmitter" else radio.receiver
        self._who = f"SoapySDR device '{port.device}' ({side})"
        self._device, self._lo_offset_hz = port.device, port.lo_offset_hz
        self._stall = Stall(STALL_S)
        if port.channel:
            raise ConfigError(f"{self._who} is used with its channel 0 only: set radio.{side}.channel to 0")
        tuning = f"OFFSET={port.lo_offset_hz:.0f}" if port.lo_offset_hz else ""
        make = soapy.sink if side == "transmitter" else soapy.source
        with self._opening():
            self.block: Any = make(port.device, "fc32", 1, "", "", [tuning], [""])
            self._set_rate(sample_rate)
            self._tune(radio.frequency_hz)
            if self.block.has_gain_mode(0):
                self.block.set_gain_mode(0, False)
            gains = self.block.get_gain_range(0)
            gain_db = gains.minimum() if port.gain_db is None else port.gain_db
            if not gains.minimum() <= gain_db <= gains.maximum():
                span = f"{gains.minimum():g} to {gains.maximum():g}"
                raise ConfigError(f"{self._who} has no gain of {gain_db:g} dB: give one from {span}")
            self.set_gain(gain_db)
            if port.antenna:
                self.block.set_antenna(0, port.antenna)
            if port.bandwidth_hz is not None:
                self.block.set_bandwidth(0, port.bandwidth_hz)

    def settings(self) -> PortSettings:
        """What it is set to, asked of the device."""
        with self._opening():
            gains = self.block.get_gain_range(0)
            return PortSettings(
                device=self._device,
                sample_rate=self.block.get_sample_rate(0),
                frequency_hz=self.block.get_frequency(0),
                lo_offset_hz=self._lo_offset_hz,
                gain_db=self.block.get_gain(0),
                gain_range_db=(gains.minimum(), gains.maximum()),
                antenna=self.block.get_antenna(0),
                bandwidth_hz=self.block.get_bandwidth(0),
            )

    def set_gain(self, gain_db: float) -> float:
        """Ask for a gain, the nearest that there is; the one that it has now."""
        with self._opening():
            gains = self.block.get_gain_range(0)  # gr-soapy leaves the gain as it is if it is asked for another one
            self.block.set_gain(0, min(max(gain_db, gains.minimum()), gains.maximum()))
            return float(self.block.get_gain(0))

    def watch(self) -> None:
        """Raise `ConfigError` if no samples have gone or come for `STALL_S`: there is nothing to ask the device for."""
        moved = self.block.nitems_read(0) if isinstance(self.block, soapy.sink) else self.block.nitems_written(0)
        if self._stall.seen(moved, time.monotonic()):
            raise ConfigError(f"{self._who} has moved no samples for {STALL_S:g} s: check its cable, and start again")

    def _set_rate(self, rate: float) -> None:
        self.block.set_sample_rate(0, rate)
        actual = self.block.get_sample_rate(0)
        if abs(actual - rate) > RATE_TOLERANCE * rate:
            raise ConfigError(
                f"{self._who} cannot have {rate / 1e6:g} MS/s, its nearest is {actual / 1e6:.6g} MS/s: set"
                " phy.sample_rate to that at both ends"
            )

    def _tune(self, frequency_hz: float) -> None:
        self.block.set_frequency(0, frequency_hz)
        actual = self.block.get_frequency(0)
        if abs(actual - frequency_hz) > FREQUENCY_TOLERANCE_HZ:
            raise ConfigError(
                f"{self._who} was asked for {frequency_hz / 1e6:g} MHz and is at {actual / 1e6:.6f} MHz: choose another"
                " radio.frequency_hz"
            )

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        try:
            yield
        except ConfigError:
            raise
        except (RuntimeError, ValueError, IndexError) as error:
            raise ConfigError(self._sentence(str(error))) from error

    def _sentence(self, said: str) -> str:
        words = " ".join(said.split())[:160]
        if "no match" in said:
            return (
                f"no {self._who} found: check power and cable, that radio's device says driver=..., and that SoapySDR's"
                " module for it is installed (SoapySDRUtil --info lists them, SoapySDRUtil --find the devices)"
            )
        return f"{self._who} cannot be set up as the link says: {words}"
