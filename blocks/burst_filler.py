"""Bursts in, a stream without gaps out, for radios whose clock is the count of their samples."""

import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks.burst_protocol import ASYNC_PORT, LENGTH_TAG, TIME_TAG, async_message
from semcom_blocks.failure import ends_process
from semcom_blocks.frame_tx import BUFFER_ITEMS, FRAME_TAG

from semcom_ota.radio.burst_filling import BurstFilling, Mark
from semcom_ota.radio.time_spec import TimeSpec

FRAME, MESSAGES = pmt.symbol_to_string(FRAME_TAG), pmt.intern(ASYNC_PORT)

IDLE_S = 0.002
AHEAD_S, LEAST_ITEMS = 0.05, 8192
"""How much is put out that nobody has taken: a burst that comes then leaves so much later."""
MAX_STEP_S = 0.01
"""Zeros put out at once while idle: what a host that was held up owes beyond that is forgotten, not made up for."""
HOLD_S = 0.25
"""How long the clock waits for the burst of somebody who asked for the time."""
ASKED_S = 0.05
"""How long a clock that stands still runs on for somebody who asked for the time, and may wait for a later one."""


class BurstFiller(gr.basic_block):
    """Adapter of `semcom_ota.radio.burst_filling.BurstFilling`.

    Time is the count of samples put out. Up to a burst, and through it, it runs as fast as samples are taken. Where
    there is no burst it runs on with zeros, no faster than real time however fast they are taken, or it stands still
    unless somebody goes on asking for it. Whoever asked for the time with `time_now` has `HOLD_S` to hand over a burst
    for `lead_s` later: so long the clock stops there. So a burst never comes late because zeros ran past.

    Ports:
        in: bursts, with the tags `packet_len` and, if they have a time, `tx_time` on their first samples. Samples that
            belong to no burst are dropped.
        out: complex64 samples. A burst that had the tag `frame` has it again, with the `length` of the burst and its
            tail; other tags stop here.
        async_msgs: burst_ack and time_error, as gr-uhd's sink says it, once the block behind has taken the samples.
    """

    def __init__(
        self, sample_rate: float, idle_zeros: bool, lead_s: float, tail_samples: int = 0, follower: Any = None
    ):
        """At time 0.

        Args:
            sample_rate: samples/s.
            idle_zeros: whether time goes on where there is no burst, and nobody asks for it.
            lead_s: how long before its time a burst is handed over.
            tail_samples: zeros behind every burst, before anything else.
            follower: the block behind.
        """
        gr.basic_block.__init__(self, "semcom burst_filler", [np.complex64], [np.complex64])
        self._filling = BurstFilling(sample_rate, tail_samples)
        self._rate, self._idle_zeros, self._lead_s, self._tail = sample_rate, idle_zeros, lead_s, tail_samples
        self._step_s = min(MAX_STEP_S, lead_s / 2)
        self._filled_at = time.monotonic()
        self._told, self._told_at = 0, -HOLD_S  # the clock when it was asked for last, in samples, and when that was
        self._follower, self._warned = follower, False
        self.set_tag_propagation_policy(gr.TPP_DONT)
        self.set_min_output_buffer(int(min(max(AHEAD_S * sample_rate, LEAST_ITEMS), BUFFER_ITEMS)))
        self.message_port_register_out(MESSAGES)

    def time_now(self) -> TimeSpec:
        """The time of the next sample. From any thread."""
        self._told_at = time.monotonic()  # first: the clock has not passed what it says from here on
        self._told = self._filling.position
        return self._filling.time_of(self._told)

    @ends_process
    def forecast(self, _: int, ninputs: int) -> list[int]:
        """Needs no input: there may be zeros to put out."""
        return [0] * ninputs

    @ends_process
    def general_work(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        """Put out what is there, and zeros around it."""
        samples, offset = inputs[0], self.nitems_read(0)
        marks, frames = self._read_tags(offset, len(samples))
        zeros = 0
        if not len(samples) and not self._filling.has_zeros:
            time.sleep(IDLE_S)  # the scheduler calls without pause what needs no input
            zeros = self._idle()
        done = self._filling.advance(samples, marks, outputs[0], zeros)
        for begun in done.begun:
            if begun.taken_at in frames:
                length = pmt.from_long(marks[begun.taken_at].length + self._tail)
                frame = pmt.dict_add(frames[begun.taken_at], pmt.intern("length"), length)
                self.add_item_tag(0, self.nitems_written(0) + begun.put_at, FRAME_TAG, frame)
        self._publish_events()
        self._warn_of_stray()
        self.consume(0, done.consumed)
        return done.written

    def _read_tags(self, offset: int, count: int) -> tuple[dict[int, Mark], dict[int, Any]]:
        """The marks and the `frame` tags of what came, by index."""
        times, frames, lengths = {}, {}, {}
        for tag in self.get_tags_in_window(0, 0, count):
            index, name = tag.offset - offset, pmt.symbol_to_string(tag.key)
            if name == LENGTH_TAG:
                lengths[index] = pmt.to_long(tag.value)
            elif name == TIME_TAG:
                seconds, fraction = (pmt.tuple_ref(tag.value, place) for place in (0, 1))
                times[index] = TimeSpec(pmt.to_uint64(seconds), pmt.to_double(fraction))
            elif name == FRAME:
                frames[index] = tag.value
        return {index: Mark(length, times.get(index)) for index, length in lengths.items()}, frames

    def _idle(self) -> int:
        """How many zeros may be put out where there is no burst."""
        now, last = time.monotonic(), self._filled_at
        self._filled_at = now
        if not self._idle_zeros and now - self._told_at > ASKED_S:
            return 0
        zeros = int(min(now - last, self._step_s) * self._rate)
        if now - self._told_at < HOLD_S:
            zeros = min(zeros, self._told + int(self._lead_s * self._rate) - self._filling.position)
        return max(zeros, 0)

    def _publish_events(self) -> None:
        events = self._filling.events
        while events and (self._follower is None or events[0].position <= self._follower.nitems_read(0)):
            event = events.popleft()
            self.message_port_pub(MESSAGES, async_message([event.code], self._filling.time_of(event.position)))

    def _warn_of_stray(self) -> None:
        if self._filling.stray and not self._warned:
            self._warned = True
            gr.logger(self.name()).warn("samples that belong to no burst were dropped: a tag packet_len is missing")
