"""The simulated channel in place of a pair of radios."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process
from semcom_blocks.frame_tx import BUFFER_ITEMS, FRAME_TAG

from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.phy.impairments import impair

SAMPLE_BYTES = 8


class LoopbackChannel(gr.basic_block):
    """Adapter of `semcom_ota.phy.impairments.impair`, called once for each tagged frame with the silence after it.

    The realisation is a function of (seed, message, fragment), whatever the stream: frames of the same message and
    length see the same channel and the same noise. Message m has the SNR `snr_db[m // messages_per_snr]`, and the last
    one beyond the end of that list. Messages that share a frame have the SNR and the realisation of the first of them.
    Tags stop here, so that nothing but samples reaches the receiver. Samples that belong to no tagged frame pass as
    they are.

    With `record`, the output is appended to that file as little-endian complex64, and to `record` + `.frames.jsonl` one
    line a frame: what its tag says, start (sample of the file) and snr_db. A process that is killed and started again
    goes on behind the last whole sample and the last whole line; a frame that was being written then has samples and no
    line, and one that is sent again has two lines.
    """

    def __init__(
        self,
        phy: PhyConfig,
        channel: ChannelConfig,
        snr_db: tuple[float, ...] = (12.0,),
        messages_per_snr: int = 1,
        seed: int = 0,
        record: Path | None = None,
    ):
        """For this air interface and channel; SNRs in dB as `snr_db` is defined in ARCHITECTURE.md."""
        gr.basic_block.__init__(self, "semcom loopback_channel", [np.complex64], [np.complex64])
        self._phy, self._channel, self._seed = phy, channel, seed
        self._messages_per_snr = messages_per_snr
        self.set_snr_db(snr_db)
        self._frame: dict[str, Any] | None = None  # the one under way
        self._collected: list[np.ndarray] = []
        self._missing = 0  # samples of the frame under way that have not come yet
        self._ready = np.zeros(0, np.complex64)
        self._record = record
        self._samples_file: BinaryIO | None = None
        self._frames_file: TextIO | None = None
        self.set_tag_propagation_policy(gr.TPP_DONT)
        self.set_min_output_buffer(BUFFER_ITEMS)

    def set_snr_db(self, snr_db: tuple[float, ...] | float) -> None:
        """Change the SNR of the frames to come."""
        self._snr_db = tuple(np.atleast_1d(snr_db).astype(float).tolist())

    def set_channel(self, channel: ChannelConfig) -> None:
        """Change the channel of the frames to come."""
        self._channel = channel

    def start(self) -> bool:
        """Open the recording."""
        if self._record is not None:
            marks = self._record.with_name(self._record.name + ".frames.jsonl")
            _cut_what_a_kill_left(self._record, marks)
            self._samples_file = self._record.open("ab")
            self._frames_file = marks.open("a", encoding="utf-8")
        return True

    def stop(self) -> bool:
        """Close the recording."""
        for file in (self._samples_file, self._frames_file):
            if file is not None:
                file.close()
        return True

    @ends_process
    def forecast(self, _: int, ninputs: int) -> list[int]:
        """Needs no input as long as it has output left."""
        return [0 if len(self._ready) else 1] * ninputs

    @ends_process
    def general_work(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        """Collect a frame, impair it, hand it on piece by piece."""
        samples, out = inputs[0], outputs[0]
        offset = self.nitems_read(0)
        tags = {tag.offset - offset: tag for tag in self.get_tags_in_window(0, 0, len(samples), FRAME_TAG)}
        consumed = written = 0
        while True:
            count = min(len(self._ready), len(out) - written)
            out[written : written + count] = self._ready[:count]
            self._ready = self._ready[count:]
            written += count
            if written == len(out) or consumed == len(samples):
                break
            consumed += self._collect(samples[consumed:], tags, consumed)
        self.consume(0, consumed)
        return written

    def _collect(self, samples: np.ndarray, tags: dict[int, Any], position: int) -> int:
        if self._frame is None and position in tags:
            self._frame = pdu.split(pmt.cons(tags[position].value, pmt.init_u8vector(0, [])))[0]
            self._missing = self._frame["length"]
        if self._frame is None:
            count = min([tag - position for tag in tags if tag > position], default=len(samples))
            self._ready = samples[:count].copy()
            return count
        part = samples[: self._missing].copy()
        self._collected.append(part)
        self._missing -= len(part)
        if not self._missing:
            self._finish(self._frame)
        return len(part)

    def _finish(self, frame: dict[str, Any]) -> None:
        message, key = frame["message"], (frame["message"], frame["fragment"])
        snr_db = self._snr_db[min(message // self._messages_per_snr, len(self._snr_db) - 1)]
        samples = np.concatenate(self._collected)
        self._ready = impair(samples, self._channel, self._phy, snr_db, self._seed, key)
        self._frame, self._collected = None, []
        if self._samples_file is not None and self._frames_file is not None:
            line = frame | {"start": self._samples_file.tell() // SAMPLE_BYTES, "snr_db": snr_db}
            if "followers" in frame:
                line["followers"] = json.loads(frame["followers"].tobytes())
            self._samples_file.write(self._ready.astype("<c8").tobytes())
            self._frames_file.write(json.dumps(line) + "\n")
            self._samples_file.flush()
            self._frames_file.flush()


def _cut_what_a_kill_left(samples: Path, marks: Path) -> None:
    """Cut a part of a sample and a part of a line off the ends of the two files, where they exist."""
    if samples.exists():
        os.truncate(samples, samples.stat().st_size // SAMPLE_BYTES * SAMPLE_BYTES)
    if marks.exists():
        os.truncate(marks, marks.read_bytes().rfind(b"\n") + 1)
