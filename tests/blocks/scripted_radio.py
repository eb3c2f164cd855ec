"""A radio that does with each burst what a script says, and says so as gr-uhd's sink does."""

import time

import numpy as np
import pmt
from gnuradio import gr

from semcom_ota.config import ConfigError
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.time_spec import TimeSpec

EPOCH = TimeSpec(1_700_000_000, 0.5)


class _Device(gr.sync_block):
    """Takes bursts; `script` is one word a burst, and `acknowledged` for all that come after."""

    def __init__(self, script: list[str], sample_rate: float):
        gr.sync_block.__init__(self, "scripted device", [np.complex64], None)
        self.script, self.rate = script, sample_rate
        self.bursts: list[dict[str, object]] = []  # tags of each, and the samples
        self.message_port_register_out(pmt.intern("async_msgs"))

    def work(self, inputs: list[np.ndarray], _: object) -> int:
        samples, offset = inputs[0], self.nitems_read(0)
        tags: dict[int, dict[str, object]] = {}
        for tag in self.get_tags_in_window(0, 0, len(samples)):
            tags.setdefault(tag.offset - offset, {})[pmt.symbol_to_string(tag.key)] = pmt.to_python(tag.value)
        for start, burst in tags.items():
            burst["samples"] = samples[start : start + burst["packet_len"]].copy()
            self.bursts.append(burst)
            self._speak(burst)
        return len(samples)

    def _speak(self, burst: dict[str, object]) -> None:
        word = self.script[len(self.bursts) - 1] if len(self.bursts) <= len(self.script) else "acknowledged"
        start = TimeSpec(*burst["tx_time"])
        end = start.after(burst["packet_len"] / self.rate)
        said = {
            "acknowledged": [("burst_ack", end)],
            "late": [("time_error", start.after(0.001))],
            "underflow": [("underflow", start.after(0.0001))],
            "underflow acknowledged": [("underflow_in_packet", start.after(0.0001)), ("burst_ack", end)],
            "sequence_error": [("seq_error_in_burst", start.after(0.0001))],
            "unacknowledged": [],
        }[word]
        for code, when in said:
            told = pmt.make_dict()
            for key, value in (
                ("event_code", pmt.list1(pmt.intern(code))),
                ("time_spec", pmt.cons(pmt.from_long(when.seconds), pmt.from_double(when.fraction))),
                ("channel", pmt.from_uint64(0)),
            ):
                told = pmt.dict_add(told, pmt.intern(key), value)
            self.message_port_pub(pmt.intern("async_msgs"), pmt.cons(pmt.intern("uhd_async_msg"), told))


class ScriptedRadio(gr.hier_block2):
    """See `semcom_flowgraphs.radio.Radio`. Its clock is the host's, until `stopped_at` says otherwise."""

    total_samples = None

    def __init__(self, *script: str, sample_rate: float = 1e6):
        one, none = gr.io_signature(1, 1, gr.sizeof_gr_complex), gr.io_signature(0, 0, 0)
        gr.hier_block2.__init__(self, "scripted radio", one, none)
        port = PortSettings(device="scripted", sample_rate=sample_rate)
        self.settings = RadioSettings(kind="uhd", level="flowgraph", transmitter=port)
        self.device = _Device(list(script), sample_rate)
        self.stopped_at: TimeSpec | None = None
        self.gone = False
        self.began = time.monotonic()
        self.message_port_register_hier_out("async_msgs")
        self.connect(self, self.device)
        self.msg_connect(self.device, "async_msgs", self, "async_msgs")

    def time_now(self) -> TimeSpec:
        return self.stopped_at or EPOCH.after(time.monotonic() - self.began)

    def set_rx_gain(self, gain_db: float) -> float:
        return 0.0

    def watch(self) -> None:
        if self.gone:
            raise ConfigError("the scripted radio is gone: plug it in")
