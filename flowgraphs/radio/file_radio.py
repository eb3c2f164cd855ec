"""SigMF in place of a radio: what is transmitted becomes a recording, what is received comes from one."""

import math
from pathlib import Path

from gnuradio import blocks
from semcom_blocks import RecordingSource
from semcom_blocks.burst_filler import BurstFiller
from semcom_flowgraphs.radio.counted import SAMPLE_BYTES, CountedRadio

from semcom_ota.config import ConfigError, LinkConfig, PhyConfig
from semcom_ota.phy.receiver import Receiver
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio_config import FileRadio as FileConfig
from semcom_ota.recording.reading import DATA, META, Recording, read_recording
from semcom_ota.recording.samples import SampleReader
from semcom_ota.recording.writing import write_meta

RATE_TOLERANCE = 1e-4
"""Of two sample rates that are meant to be the same: what one radio's clock is off is the receiver's own concern."""


class FileRadio(CountedRadio):
    """Files. Time stands still where there is no burst, so that a recording has gaps of `lead_ms`, not hours of zeros.

    A recording that is received is read as fast as it is taken, and has silence behind it that takes its last frame
    through the receiver.
    """

    def __init__(self, link: LinkConfig, transmit: Path | None, receive: Path | None):
        """Create the one, open the other.

        Raises:
            ConfigError: the recording to write exists or cannot be written; the one to read cannot be read, or has
                another sample rate or air interface than the link.
        """
        rate = link.phy.sample_rate
        transmitter = PortSettings(device=str(transmit), sample_rate=rate) if transmit else None
        receiver = PortSettings(device=str(receive), sample_rate=rate) if receive else None
        super().__init__("file", "recording", transmitter, receiver)
        if receive:
            recording = _open(receive, link.phy)
            silence = Receiver(link.phy).lookahead_samples
            source = RecordingSource(
                SampleReader(recording.samples), silence, missing=recording.missing, sample_rate=rate
            )
            self.total_samples = source.total
            self.receive(source)
        if transmit:
            sink = blocks.file_sink(SAMPLE_BYTES, str(_create(transmit, link.phy)))
            sink.set_unbuffered(True)
            lead_s = 1e-3 * link.radio.bursts.lead_ms
            self.transmit(BurstFiller(rate, idle_zeros=False, lead_s=lead_s, follower=sink), sink)


def open_radio(link: LinkConfig, *, transmit: bool, receive: bool) -> FileRadio:
    """See `semcom_flowgraphs.radio.open_radio`."""
    radio = link.radio
    assert isinstance(radio, FileConfig)
    for role, wanted, path in (("transmit", transmit, radio.transmit), ("receive", receive, radio.receive)):
        if wanted and path is None:
            raise ConfigError(f"this link names no recording to {role}: give it as radio.{role}, NAME{META}")
    return FileRadio(link, radio.transmit if transmit else None, radio.receive if receive else None)


def _open(path: Path, phy: PhyConfig) -> Recording:
    recording = read_recording(path)
    rate = recording.sample_rate
    if rate is not None and not math.isclose(rate, phy.sample_rate, rel_tol=RATE_TOLERANCE):
        raise ConfigError(
            f"'{path}' has {rate:g} samples/s and the air interface of this link {phy.sample_rate:g}: choose under phy"
            " the one that was on the air"
        )
    if recording.contents.phy not in (None, phy):
        raise ConfigError(f"'{path}' says its own air interface, and this link has another one: make phy the same")
    return recording


def _create(path: Path, phy: PhyConfig) -> Path:
    """The file of samples of a new recording, empty. It is described at once, so that a kill leaves it whole."""
    stem = path.with_suffix("") if path.suffix in (META, DATA) else path
    data, meta = (stem.with_name(stem.name + suffix) for suffix in (DATA, META))
    for file in (data, meta):
        if file.exists():
            raise ConfigError(f"'{file}' is there already: choose another name under radio.transmit")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        data.open("xb").close()
    except OSError as error:
        raise ConfigError(f"cannot write '{data}' ({error.strerror}): choose another radio.transmit") from error
    write_meta(data, phy.sample_rate, "bursts as they were transmitted", (), phy, {}, complete=False)
    return data
