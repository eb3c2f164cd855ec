"""The radio process that only listens: a stretch of samples, measured; or many at different gains, to find the best.

`python -m semcom_flowgraphs.probe --config LINK.json --results FILE --seconds S [--find-gain]`: no workers, nothing is
decoded. The file of JSON lines begins anew with `{"begun": true}` whenever the process is started, and holds
`{"radio": RadioSettings}`, `{"reading": gain_search.Reading}` and `{"choice": {...}}` of a search for the gain,
`{"progress": 0..1}` now and then, `{"survey": survey.Survey}`, `{"spectra": {...}}`, and at last `{"done": true}`. Then
the process waits for its end.
"""

import argparse
import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from gnuradio import gr
from semcom_blocks.failure import ends_process, process_of_its_own
from semcom_blocks.gap_tags import gaps_within
from semcom_flowgraphs.radio import open_radio

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.gain_search import Reading, find_gain, reading
from semcom_ota.radio.stall import Stall
from semcom_ota.radio.stream_clock import Gap, StreamClock
from semcom_ota.radio.survey import BLOCK, Spectra, Survey, survey
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.services.worker import end_with_parent, load_config
from semcom_ota.types import ComplexArray

LOOK_S = 0.05
SETTLE_S = 0.2
"""Of transients, after a start and after each change of the gain."""
MOST_BEHIND_S = 2.0
"""That the samples may be behind the device, in the buffers of a driver."""
READING_S = 0.4
"""At each gain; a transmitter that is on all the time sends several frames in it."""
SILENCE_S = 12.0
"""Longer than a device's own patience (`Radio.watch`), which has the better sentence."""


class Capture(gr.sync_block):
    """Keeps a stretch of the stream when it is asked to, and lets all other samples go.

    Ports:
        in: complex64 samples, with a radio's tags `rx_time` and `rx_rate`.
    """

    def __init__(self, sample_rate: float):
        """For a stream of so many samples/s, until its tags say more."""
        gr.sync_block.__init__(self, "semcom capture", [np.complex64], None)
        self._clock = StreamClock(sample_rate)
        self._lock = threading.Lock()
        self._kept = np.zeros(0, np.complex64)
        self._first = 0  # position in the stream at which it begins
        self._gaps: list[Gap] = []  # within it
        self.consumed = 0

    def begin(self, count: int, skip: int) -> None:
        """Keep the next `count` samples behind the next `skip`."""
        with self._lock:
            self._kept = np.zeros(count, np.complex64)
            self._first, self._gaps = self.consumed + skip, []

    @property
    def wanted(self) -> int:
        """Samples of the stretch."""
        return self._kept.size

    @property
    def filled(self) -> int:
        """Samples of the stretch that are there."""
        return min(self._kept.size, max(0, self.consumed - self._first))

    @property
    def time(self) -> TimeSpec:
        """The device's, at the next sample that will come."""
        with self._lock:
            return self._clock.time_at(self.consumed)

    def end(self) -> tuple[ComplexArray, list[Gap]]:
        """The stretch so far, and its gaps, by position in it."""
        with self._lock:
            samples, self._kept = self._kept[: self.filled], np.zeros(0, np.complex64)
            return samples, [gap._replace(sample=gap.sample - self._first) for gap in self._gaps]

    @ends_process
    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        """Keep what is asked for."""
        samples, position = inputs[0], self.nitems_read(0)
        with self._lock:
            gaps = gaps_within(self, len(samples), self._clock)
            start, stop = max(position, self._first), min(position + len(samples), self._first + self._kept.size)
            if start < stop:
                self._kept[start - self._first : stop - self._first] = samples[start - position : stop - position]
            self._gaps += [gap for gap in gaps if self._first < gap.sample < self._first + self._kept.size]
            self.consumed = position + len(samples)
        return len(samples)


class Probe(gr.top_block):
    """A radio and nothing behind it."""

    def __init__(self, link: LinkConfig, results: TextIO):
        """Open the radio.

        Args:
            link: the whole link.
            results: file for all that is to be told.

        Raises:
            ConfigError: the radio cannot be opened.
        """
        gr.top_block.__init__(self, "semcom probe")
        self._phy, self._results = link.phy, results
        self.radio = open_radio(link, receive=True)
        self._write({"radio": self.radio.settings.model_dump()})
        receiver = self.radio.settings.receiver
        assert receiver is not None
        self._receiver = receiver
        self.capture = Capture(receiver.sample_rate)
        self.connect(self.radio, self.capture)

    def find_gain(self) -> None:
        """Step through the gains, and stay at the best; at the link's own where none can be named.

        Raises:
            ConfigError: this radio has no gain, or delivers nothing.
        """
        gains = self._receiver.gain_range_db
        if gains is None:
            raise ConfigError(f"{self._receiver.device} has no gain to be found: leave out --find-gain")

        def read(gain_db: float) -> Reading:
            actual = self.radio.set_rx_gain(gain_db)
            figures, _ = self._survey(READING_S, farther=False)
            seen = reading(actual, figures)
            self._write({"reading": asdict(seen)})
            return seen

        choice = find_gain(read, gains)
        stays = choice.gain_db if choice.gain_db is not None else self._receiver.gain_db
        actual = None if stays is None else self.radio.set_rx_gain(stays)
        told = {"judged_by": choice.judged_by, "sentence": choice.sentence}
        self._write({"choice": {"gain_db": None if choice.gain_db is None else actual} | told})

    def survey(self, seconds: float) -> None:
        """Measure so many seconds.

        Raises:
            ConfigError: the radio delivers nothing.
        """
        figures, spectra = self._survey(seconds, tell=True)
        self._write({"survey": figures.model_dump()})
        density = {name: None if array is None else array.tolist() for name, array in spectra._asdict().items()}
        self._write({"spectra": density})
        self._write({"done": True})

    def _survey(self, seconds: float, *, farther: bool = True, tell: bool = False) -> tuple[Survey, Spectra]:
        rate = self._receiver.sample_rate
        self.capture.begin(max(BLOCK, round(seconds * rate)), round(self._settle_s() * rate))
        samples, gaps = self._captured(tell)
        return survey(samples, self._phy, rate, gaps, farther=farther)

    def _settle_s(self) -> float:
        """Until all samples are of the present gain: those that are on their way were taken before."""
        if self.radio.settings.waits:
            return 0.0
        behind_s = self.radio.time_now().since(self.capture.time) if self.capture.consumed else 0.0
        return SETTLE_S + min(max(0.0, behind_s), MOST_BEHIND_S)

    def _captured(self, tell: bool) -> tuple[ComplexArray, list[Gap]]:
        """Wait for the stretch; what there is of it where the stream ends before."""
        capture, total = self.capture, self.radio.total_samples
        wanted, stall = capture.wanted, Stall(SILENCE_S)
        while capture.filled < wanted and (total is None or capture.consumed < total):
            time.sleep(LOOK_S)
            self.radio.watch()
            if tell:
                self._write({"progress": capture.filled / wanted})
            if stall.seen(capture.consumed, time.monotonic()):
                break
        samples, gaps = capture.end()
        if len(samples) < BLOCK:
            raise ConfigError(f"no samples come from {self._receiver.device}: is what sends them running?")
        return samples, gaps

    def _write(self, line: dict[str, Any]) -> None:
        self._results.write(json.dumps(line) + "\n")
        self._results.flush()


def main() -> None:
    """Run as a process of its own, until SIGTERM, SIGINT or the end of standard input."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="semcom_flowgraphs.probe", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="a LinkConfig as JSON")
    parser.add_argument("--results", required=True, type=Path, help="file for what is measured")
    parser.add_argument("--seconds", required=True, type=float, help="how long to listen")
    parser.add_argument("--find-gain", action="store_true", help="try the gains first, and listen at the best")
    arguments = parser.parse_args()
    with process_of_its_own(), arguments.results.open("a", encoding="utf-8") as results:
        results.write('\n{"begun": true}\n')
        probe = Probe(load_config(LinkConfig, arguments.config), results)
        probe.start()
        if arguments.find_gain:
            probe.find_gain()
        probe.survey(arguments.seconds)
        probe.stop()
        probe.wait()
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
