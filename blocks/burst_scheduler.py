"""Frames in, whole bursts out, each with the time at which a radio is to send it."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.burst_protocol import LENGTH_TAG, TIME_TAG
from semcom_blocks.failure import ends_process
from semcom_blocks.frame_tx import FRAME_TAG

from semcom_ota.config import ConfigError, PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.radio.burst_schedule import Burst, BurstSchedule, shape
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.radio_config import BurstConfig

NAMES = ("stream", "message", "fragment", "fragments")
MAX_WAIT_S = 0.005  # a clock that counts samples may leap, and a flowgraph may be stopped


class BurstScheduler(gr.basic_block):
    """Adapter of `semcom_ota.radio.burst_schedule`.

    It takes the next frame when the radio has sent nearly all that it was handed before (`BurstSchedule.wait_s`), so
    that what waits in front of it has not been modulated yet.

    Ports:
        in: samples of a frame_tx. What belongs to no frame, as the silence behind each, is left out.
        out: bursts, each written in one piece: a radio that gets one in pieces may run out of samples in between. On
            the first sample are the tags `packet_len`, `tx_time` (a tuple of uint64 seconds and double fraction), and
            `frame` as frame_tx made it, with the `length` of the burst.
        scheduled: a PDU for each burst, before its first sample is handed over: {start (of the frame in the input),
            stream, message, fragment, seconds and fraction of its time, samples (with padding), duration_s, limited}.
    """

    def __init__(
        self, phy: PhyConfig, bursts: BurstConfig, time_now: Callable[[], TimeSpec], sample_rate: float | None = None
    ):
        """For a radio.

        Args:
            phy: the air interface.
            bursts: how large, how high, how far ahead.
            time_now: the radio's clock, that of `tx_time`.
            sample_rate: what the radio made of `phy.sample_rate`.

        Raises:
            ConfigError: the air interface cannot work.
        """
        gr.basic_block.__init__(self, "semcom burst_scheduler", [np.complex64], [np.complex64])
        self._phy, self._bursts, self._time_now = phy, bursts, time_now
        self._rate = sample_rate or phy.sample_rate
        self._schedule = BurstSchedule(bursts, self._rate)
        self._largest = Transmitter(phy).frame_samples(phy.max_frame_symbols, phy.messages_per_frame - 1)
        self._tag: Any = None  # of the frame under way
        self._announced: dict[str, Any] = {}  # what will be said of it
        self._parts: list[np.ndarray] = []  # of the frame under way
        self._missing = 0  # samples of it that have not come
        self._burst: Burst | None = None  # waits until it is time
        largest_burst = self._largest + 2 * bursts.padding_samples
        self.set_tag_propagation_policy(gr.TPP_DONT)
        self.set_min_output_buffer(2 * largest_burst)
        self.set_min_noutput_items(largest_burst)
        self.message_port_register_out(pmt.intern("scheduled"))

    @ends_process
    def forecast(self, _: int, ninputs: int) -> list[int]:
        """Needs no input as long as it has a burst to hand over."""
        return [1 if self._burst is None else 0] * ninputs

    @ends_process
    def general_work(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        """Collect a frame, wait until the radio has room for it, hand it over."""
        if self._burst is None:
            self.consume(0, self._collect(inputs[0]))
        if self._burst is None:
            return 0
        now = self._time_now()
        if wait_s := self._schedule.wait_s(now):
            time.sleep(min(wait_s, MAX_WAIT_S))
            return 0
        samples = self._burst.samples
        if len(outputs[0]) < len(samples):
            time.sleep(MAX_WAIT_S)
            return 0
        self._announce(self._schedule.place(now, len(samples)), self._burst)
        outputs[0][: len(samples)] = samples
        self._burst = None
        return len(samples)

    def _collect(self, samples: np.ndarray) -> int:
        """Take samples up to the end of a frame at most; how many."""
        position = 0
        if not self._missing:
            offset = self.nitems_read(0)
            tags = self.get_tags_in_window(0, 0, len(samples), FRAME_TAG)
            if not tags:
                return len(samples)
            first = min(tags, key=lambda tag: tag.offset)
            position = first.offset - offset
            if not self._begin(first):
                return position + 1
        part = samples[position : position + self._missing]
        self._parts.append(part.copy())
        self._missing -= len(part)
        if not self._missing:
            self._burst = shape(np.concatenate(self._parts), self._bursts, self._phy)
            self._parts = []
        return position + len(part)

    def _begin(self, tag: Any) -> bool:
        """Whether it is a frame: silence is tagged, too."""
        meta = pdu.split(pmt.cons(tag.value, pmt.init_u8vector(0, [])))[0]
        self._missing = meta.get("frame_samples", 0)
        if self._missing > self._largest:
            raise ConfigError(
                f"a frame of {self._missing} samples came, and this air interface has {self._largest} at most: give"
                " burst_scheduler the link that frame_tx has"
            )
        self._tag = tag.value
        self._announced = {"start": tag.offset} | {name: meta[name] for name in NAMES if name in meta}
        return self._missing > 0

    def _announce(self, at: TimeSpec, burst: Burst) -> None:
        length, offset = pmt.from_long(len(burst.samples)), self.nitems_written(0)
        tx_time = pmt.make_tuple(pmt.from_uint64(at.seconds), pmt.from_double(at.fraction))
        self.add_item_tag(0, offset, pmt.intern(LENGTH_TAG), length)
        self.add_item_tag(0, offset, pmt.intern(TIME_TAG), tx_time)
        self.add_item_tag(0, offset, FRAME_TAG, pmt.dict_add(self._tag, pmt.intern("length"), length))
        told = self._announced | {
            "seconds": at.seconds,
            "fraction": at.fraction,
            "samples": len(burst.samples),
            "duration_s": len(burst.samples) / self._rate,
            "limited": burst.limited,
        }
        self.message_port_pub(pmt.intern("scheduled"), pdu.make(told, b""))
