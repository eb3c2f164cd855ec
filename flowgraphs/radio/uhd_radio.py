"""USRPs through gr-uhd, or their software twins through the same names."""

import contextlib
import os
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Literal

from gnuradio import gr
from semcom_flowgraphs.radio import usrp_setup as setup
from semcom_flowgraphs.radio.interface import ASYNC_PORT, LENGTH_TAG
from semcom_flowgraphs.radio.time_limit import ends_within

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.stall import Stall
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.radio.uhd_errors import device_words, why_gone, why_not_opened
from semcom_ota.radio_config import UhdRadio
from semcom_ota.twin.address import TYPE, parse_address

OPENING_S = 90.0
"""An X310 or N310 that loads its FPGA takes half a minute and more."""
BUFFER_S = 0.25
MIN_BUFFER_ITEMS = 2**18
"""Between the device and us: what there is room for while we do something else."""
WORK_S = 0.002
"""Of samples in one call of the source, so that a packet of a few hundred samples is not a call of every block."""
MIN_WORK_ITEMS = 512
RAISED = RuntimeError, ValueError, IndexError, KeyError, TypeError
"""UHD's own exceptions come as the first; the others are what pybind makes of C++'s own, such as std::out_of_range."""
RECV_TIMEOUT_S = 0.1
LOOK_S = 0.5
STALL_S = 10.0
"""So long may a device that answers send no samples: we may be what holds them up."""


def driver_of(address: str) -> Any:
    """gr-uhd's Python module, or what has its names for a software twin. Nothing else asks which one it is.

    UHD's console is silenced, unless the environment says otherwise (`UHD_LOG_CONSOLE_LEVEL=info`): what matters comes
    as tags, messages and exceptions.
    """
    if parse_address(address).get("type") == TYPE:
        return import_module("semcom_flowgraphs.radio.twin")
    os.environ.setdefault("UHD_LOG_CONSOLE_LEVEL", "off")
    os.environ.setdefault("UHD_LOG_FASTPATH_DISABLE", "1")
    return import_module("gnuradio.uhd")


def open_radio(link: LinkConfig, *, transmit: bool, receive: bool) -> "UsrpRadio":
    """The USRP or USRPs of this link, set and ready.

    Raises:
        ConfigError: see `semcom_flowgraphs.radio.open_radio`.
    """
    radio = link.radio
    assert isinstance(radio, UhdRadio)
    ports = [port for port, wanted in ((radio.transmitter, transmit), (radio.receiver, receive)) if wanted]
    names = " and ".join(dict.fromkeys(device_words(port.device) for port in ports))
    limit_s = OPENING_S + len(ports) * radio.lock_timeout_s
    with ends_within(limit_s, f"{names} did not open within {limit_s:g} s: switch it off and on"):
        return UsrpRadio(radio, link.phy.sample_rate, transmit=transmit, receive=receive)


class UsrpRadio(gr.hier_block2):
    """See `semcom_flowgraphs.radio.interface.Radio`."""

    total_samples = None

    def __init__(self, radio: UhdRadio, sample_rate: float, *, transmit: bool, receive: bool):
        """Open and set what is asked for.

        Raises:
            ConfigError: see `semcom_flowgraphs.radio.open_radio`.
        """
        samples, none = gr.io_signature(1, 1, gr.sizeof_gr_complex), gr.io_signature(0, 0, 0)
        gr.hier_block2.__init__(self, "semcom uhd_radio", samples if transmit else none, samples if receive else none)
        self.message_port_register_hier_out(ASYNC_PORT)
        self._transmitter = _End(radio, "tx") if transmit else None
        self._receiver = _End(radio, "rx") if receive else None
        ends = [end for end in (self._transmitter, self._receiver) if end is not None]
        for end in ends:
            end.set_up(sample_rate)
        for end in {end.port.device: end for end in ends}.values():
            end.set_time()  # once a device, after all rates
        for end in ends:
            end.tune_in()
        self.settings = _settings(self._transmitter, self._receiver)
        self._clock = ends[0]
        self._stall, self._looked_at = Stall(STALL_S), 0.0
        if self._transmitter is not None:
            self.connect(self, self._transmitter.usrp)
            self.msg_connect(self._transmitter.usrp, ASYNC_PORT, self, ASYNC_PORT)
        if self._receiver is not None:
            self.connect(self._receiver.usrp, self)

    def time_now(self) -> TimeSpec:
        """The device's time, asked of the device: some 0.1 ms.

        Raises:
            ConfigError: the device does not answer.
        """
        return self._clock.time_now()

    def set_rx_gain(self, gain_db: float) -> float:
        """Ask for a gain of the receiver; the one that it has now, 0.0 without a receiver.

        Raises:
            ConfigError: the device does not answer.
        """
        return self._receiver.set_gain(gain_db) if self._receiver is not None else 0.0

    def watch(self) -> None:
        """Ask each device for its time, now and then, and look whether samples still come.

        A device that is gone fails to answer. One that answers and sends nothing may be held up by ourselves, because
        nothing takes what it has sent: it gets more patience.

        Raises:
            ConfigError: a device is gone, or sends nothing any more.
        """
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        for end in (self._transmitter, self._receiver):
            if end is not None:
                end.time_now()
        if self._receiver is not None and self._stall.seen(self._receiver.usrp.nitems_written(0), now):
            raise ConfigError(why_gone(f"no samples for {STALL_S:g} s", self._receiver.who))


class _End:
    """Transmitter or receiver of a USRP. What UHD raises becomes a sentence here."""

    def __init__(self, radio: UhdRadio, side: Literal["tx", "rx"]):
        self.side = side
        self.radio = radio
        self.port = radio.transmitter if side == "tx" else radio.receiver
        self.lo_offset_hz = 0.0
        self.who = device_words(self.port.device)
        self.driver = driver_of(self.port.device)
        with self._opening():
            self.usrp = self._open()
            self.usrp.set_log_level("crit")  # it logs overflows, which are counted by their tags
            self.who = f"{setup.device_name(self.usrp)} ({'transmitter' if side == 'tx' else 'receiver'})"

    def _open(self) -> Any:
        driver, address = self.driver, self.port.device
        if self.radio.clock_rate_hz is not None:  # some devices take it when they are opened, and only then
            address = ",".join(part for part in (address, f"master_clock_rate={self.radio.clock_rate_hz:.0f}") if part)
        arguments = driver.stream_args(
            cpu_format="fc32", args=driver.device_addr(self.radio.stream_args), channels=[self.port.channel]
        )
        if self.side == "tx":
            return driver.usrp_sink(driver.device_addr(address), arguments, LENGTH_TAG)
        return driver.usrp_source(driver.device_addr(address), arguments)

    def set_up(self, sample_rate: float) -> None:
        """All that comes before the time."""
        with self._opening():
            if self.port.subdev:
                self.usrp.set_subdev_spec(self.port.subdev, 0)
            setup.set_references(self.usrp, self.radio, self.who)
            setup.set_rate(self.usrp, sample_rate, self.who)
            if self.side == "rx":
                work_items = max(MIN_WORK_ITEMS, int(WORK_S * sample_rate))
                self.usrp.set_recv_timeout(RECV_TIMEOUT_S, False)
                self.usrp.set_max_noutput_items(work_items)
                self.usrp.set_min_output_buffer(max(MIN_BUFFER_ITEMS, int(BUFFER_S * sample_rate)))

    def set_time(self) -> None:
        """Set the device's time to 0."""
        with self._opening():
            setup.set_time(self.usrp, self.driver, self.radio, self.who)

    def tune_in(self) -> None:
        """All that comes after the time."""
        with self._opening():
            self.lo_offset_hz = setup.tune(
                self.usrp, self.driver, self.radio.frequency_hz, self.port.lo_offset_hz, self.who
            )
            setup.set_front_end(self.usrp, self.port, self.who)

    def settings(self) -> tuple[PortSettings, dict[str, str]]:
        """What it is set to, and what its sensors say."""
        with self._opening():
            return setup.port_settings(self.usrp, self.lo_offset_hz), setup.sensors(self.usrp, self.side)

    def references(self) -> dict[str, Any]:
        """Clock and time source, and the master clock's rate."""
        with self._opening():
            return {
                "clock_source": self.usrp.get_clock_source(0),
                "time_source": self.usrp.get_time_source(0),
                "clock_rate_hz": self.usrp.get_clock_rate(0),
            }

    def time_now(self) -> TimeSpec:
        """The device's time."""
        with self._running():
            now = self.usrp.get_time_now(0)
            return TimeSpec(now.get_full_secs(), now.get_frac_secs())

    def set_gain(self, gain_db: float) -> float:
        """Ask for a gain; the one that it has now."""
        with self._running():
            self.usrp.set_gain(gain_db, 0)
            return float(self.usrp.get_gain(0))

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        try:
            yield
        except ConfigError:
            raise
        except RAISED as error:
            raise ConfigError(why_not_opened(_text(error), self.port.device, self.port.channel)) from error

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        try:
            yield
        except RAISED as error:
            raise ConfigError(why_gone(_text(error), self.who)) from error


def _text(error: Exception) -> str:
    """As UHD writes its own: with the name, which may be all that there is."""
    return f"{type(error).__name__}: {error.args[0] if error.args else ''}"  # str of a KeyError would be quoted


def _settings(transmitter: _End | None, receiver: _End | None) -> RadioSettings:
    ends = {end.side: end for end in (transmitter, receiver) if end is not None}
    told = {side: end.settings() for side, end in ends.items()}
    sensors: dict[str, str] = {}
    for _, said in told.values():
        sensors |= said
    return RadioSettings(
        kind="uhd",
        level="flowgraph" if any(getattr(end.driver, "SIMULATED", False) for end in ends.values()) else "air",
        transmitter=told["tx"][0] if transmitter is not None else None,
        receiver=told["rx"][0] if receiver is not None else None,
        sensors=sensors,
        **next(iter(ends.values())).references(),
    )
