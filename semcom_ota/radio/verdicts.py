"""What the figures of a survey mean, in words, and what to do about them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from semcom_ota.config import LinkConfig
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio.survey import BLOCK, Survey, farthest_cfo_hz

HEADROOM_DB = 6.0
"""Between the peaks and full scale: what the next frame may be stronger."""
BUSY_DBFS = -18.0
"""Of frames whose peaks, 12 dB above their mean, keep that headroom."""
CLIPPING_MATTERS = 1e-3
NEAR_FULL_SCALE_DBFS = -2.0
FAINT_DBFS = -60.0
"""Peaks below this use four bits of a converter's twelve."""
ZEROS_DBFS = -150.0
LEAKAGE_DBFS = -25.0
"""DC of more takes from the range of the converter."""
WEAK_SNR_DB = 5.0
NEARLY = 0.8
RATE_ERROR = 20e-6
"""A clock's own error; a rate that differs by more is another rate."""
FREQUENCY_ERROR_HZ = 100.0
CLOCKS_DIFFER_PPM = 5.0
"""Between what the carriers and what the sample clocks are off: both come from the same two oscillators."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence. `good`: as it should be; `note`: it works, but; `trouble`: it will not work like this."""

    kind: Literal["good", "note", "trouble"]
    sentence: str


def judge(seen: Survey, settings: PortSettings, link: LinkConfig) -> list[Verdict]:
    """What is right and what is wrong with what a receiver hears, in the order in which to mend it.

    Args:
        seen: measured figures.
        settings: the receiver, as the device says it.
        link: what was asked for.
    """
    if seen.peak_dbfs < ZEROS_DBFS:
        return [Verdict("trouble", "only zeros arrive, not even noise: what sends them is idle, or no receiver")]
    found = [*_settings(settings, link), *_gaps(seen), *_level(seen, settings), *_leakage(seen, settings, link)]
    return [*found, *_tones(seen, settings, link), *_heard(seen, settings, link)]


def lower_gain(by_db: float, settings: PortSettings) -> str:
    """What to do about a level that is too high by so much."""
    gain, gains = settings.gain_db, settings.gain_range_db
    step = math.ceil(by_db)
    if gain is None or gains is None:
        return f"let {step} dB less arrive: less gain at the transmitter, or an attenuator"
    if gain - gains[0] < 1:
        return f"the gain is at its least ({gain:g} dB) already: put an attenuator of {step} dB or more before it"
    lower = max(gains[0], gain - step)
    return f"lower receiver.gain_db by {gain - lower:g} dB, to {lower:g}, or let --find-gain find it"


def _settings(settings: PortSettings, link: LinkConfig) -> Iterator[Verdict]:
    asked = link.phy.sample_rate
    if not math.isclose(settings.sample_rate, asked, rel_tol=RATE_ERROR):
        yield Verdict(
            "trouble",
            f"the device samples at {settings.sample_rate:.9g} instead of {asked:.9g} samples/s: choose a"
            " phy.sample_rate that its clock can be divided into, or another radio.clock_rate_hz",
        )
    carrier = getattr(link.radio, "frequency_hz", None)
    if carrier and settings.frequency_hz and abs(settings.frequency_hz - carrier) > FREQUENCY_ERROR_HZ:
        off = hertz(settings.frequency_hz - carrier, sign=True)
        yield Verdict("trouble", f"the device is tuned {off} from the carrier that was asked for, {hertz(carrier)}")


def _gaps(seen: Survey) -> Iterator[Verdict]:
    if not seen.gaps:
        return
    share = seen.lost_samples / (seen.lost_samples + seen.seconds * seen.sample_rate)
    how_often = "one overflow" if seen.gaps == 1 else f"{seen.gaps} overflows"
    yield Verdict(
        "trouble" if share > 1e-3 or seen.gaps > seen.seconds else "note",
        f"{how_often}, {seen.lost_samples} samples lost ({100 * share:.2g} %): the host did not take them in time; see"
        " what semcom doctor says of radios without gaps, end what else runs, or lower phy.sample_rate",
    )


def _level(seen: Survey, settings: PortSettings) -> Iterator[Verdict]:
    loud = seen.bursts.dbfs if seen.bursts.dbfs is not None else seen.level_dbfs
    too_much = max(loud - BUSY_DBFS, HEADROOM_DB)
    if seen.clipping > 0:
        serious = seen.clipping > CLIPPING_MATTERS
        yield Verdict(
            "trouble" if serious else "note",
            f"the level is too high: {_percent(seen.clipping)} of the samples clip; {lower_gain(too_much, settings)}",
        )
    elif seen.peak_dbfs > NEAR_FULL_SCALE_DBFS:
        yield Verdict(
            "note",
            f"the peaks come within {-seen.peak_dbfs:.1f} dB of full scale: a little more clips;"
            f" {lower_gain(seen.peak_dbfs + HEADROOM_DB, settings)}",
        )
    elif seen.peak_dbfs < FAINT_DBFS:
        gains = settings.gain_range_db
        if gains and settings.gain_db is not None and settings.gain_db < gains[1] - 1:
            yield Verdict(
                "note",
                f"the level is very low, {seen.peak_dbfs:.0f} dBFS at most: raise receiver.gain_db, which is"
                f" {settings.gain_db:g} of {gains[0]:g} to {gains[1]:g} dB, or let --find-gain find it",
            )


def _leakage(seen: Survey, settings: PortSettings, link: LinkConfig) -> Iterator[Verdict]:
    """The local oscillator, as far as it shows at the carrier."""
    loud = seen.bursts.dbfs if seen.bursts.dbfs is not None else seen.noise_dbfs
    if seen.dc_dbfs < LEAKAGE_DBFS and seen.dc_dbfs < loud + 10:
        return
    sentence = f"DC is at {seen.dc_dbfs:.0f} dBFS in the middle of the band"
    if settings.lo_offset_hz is not None and abs(settings.lo_offset_hz) < link.phy.sample_rate / 2:
        offset = hertz(_offset_out_of_band(link))
        sentence += f", mostly leakage of the local oscillator: receiver.lo_offset_hz of {offset} or more moves it out"
    else:
        sentence += ": no subcarrier is there, but it takes from the range of the converter"
    yield Verdict("note", sentence)


def _tones(seen: Survey, settings: PortSettings, link: LinkConfig) -> Iterator[Verdict]:
    spacing = link.phy.sample_rate / link.phy.fft_size
    edge = (link.phy.used_carriers / 2 + 1) * spacing
    width = 2 * seen.sample_rate / BLOCK
    for tone in seen.tones:
        over_db = tone.dbfs - seen.noise_dbfs_per_hz - 10 * math.log10(spacing)
        if abs(tone.frequency_hz) > edge or over_db < 0:
            continue
        where = f"{hertz(tone.frequency_hz, sign=True)} from the carrier, {over_db:.0f} dB above a subcarrier's noise"
        if settings.lo_offset_hz and abs(tone.frequency_hz - settings.lo_offset_hz) < width:
            offset = hertz(_offset_out_of_band(link))
            yield Verdict(
                "note",
                f"the local oscillator leaks into the band, {where}: make receiver.lo_offset_hz {offset} or more, or 0,"
                " where no carrier is",
            )
        else:
            yield Verdict(
                "note",
                f"a steady tone stands {where}: somebody's carrier, or a spur; try another radio.frequency_hz",
            )


def _heard(seen: Survey, settings: PortSettings, link: LinkConfig) -> Iterator[Verdict]:
    if seen.heard.frames:
        yield from _frames(seen, settings, link)
    elif seen.heard_beyond.frames:
        yield _beyond(seen, settings, link)
    elif seen.bursts.share:
        yield _strangers(seen, link)
    else:
        yield Verdict("note", _silence(settings))  # it may be what is wanted: a terminator on the connector


def _silence(settings: PortSettings) -> str:
    gains = settings.gain_range_db
    sentence = "nothing is heard above the noise: is the transmitter on, its frequency the same, the antenna on the"
    sentence += " connector that receiver.antenna names?"
    if gains and settings.gain_db is not None and settings.gain_db < gains[0] + (gains[1] - gains[0]) / 3:
        sentence += f" The gain is low, too: {settings.gain_db:g} of {gains[0]:g} to {gains[1]:g} dB; try --find-gain"
    return sentence


def _strangers(seen: Survey, link: LinkConfig) -> Verdict:
    """Something is on the air, and it is none of our frames."""
    if seen.peak_dbfs < FAINT_DBFS:
        return Verdict(
            "trouble", "what arrives is too faint for the converter to tell a signal from noise: raise the level first"
        )
    bursts, phy = seen.bursts, link.phy
    wide = phy.used_carriers * phy.sample_rate / phy.fft_size
    over = (bursts.dbfs or 0) - seen.noise_dbfs
    what = f"something {over:.0f} dB above the noise is on the air {_percent(bursts.share)} of the time"
    if bursts.centre_hz is not None and abs(bursts.centre_hz) > wide / 8:
        return Verdict(
            "trouble",
            f"{what}, but its middle is {hertz(bursts.centre_hz, sign=True)} from the carrier: is radio.frequency_hz"
            " that of the transmitter?",
        )
    if seen.clipping > CLIPPING_MATTERS:
        return Verdict("trouble", f"{what}, and too distorted to be read: lower the level first")
    width = f", {hertz(bursts.width_hz)} wide where this air interface is {hertz(wide)}" if bursts.width_hz else ""
    return Verdict(
        "trouble",
        f"{what}{width}, and it is no frame of this air interface: is phy the same at both ends? On 2.4 GHz it may be"
        " somebody's Wi-Fi or Bluetooth: stop the transmitter and look again",
    )


def _beyond(seen: Survey, settings: PortSettings, link: LinkConfig) -> Verdict:
    cfo, expected = seen.heard_beyond.cfo_hz or 0.0, link.radio.largest_cfo_hz(link.phy)
    needed, most = math.ceil(abs(cfo) / 1e3 * 1.2) * 1e3, farthest_cfo_hz(link.phy)
    ways = ["give both ends one reference (radio.clock_source: external)"]
    if needed <= most:
        ways.insert(0, f"set phy.max_cfo_hz to {needed:g} or more, {most:g} at most")
    else:
        ways.insert(0, "use an air interface with wider subcarriers, such as phy: pluto, at both ends")
    if expected and abs(cfo) > expected:
        ways.insert(0, f"as oscillators explain no more than {hertz(expected)}, look whether both are tuned the same")
    return Verdict(
        "trouble",
        f"frames are heard, but the CFO is {_cfo(cfo, settings)}, beyond the {hertz(link.phy.max_cfo_hz)} that this air"
        f" interface looks for: {', or '.join(ways)}",
    )


def _frames(seen: Survey, settings: PortSettings, link: LinkConfig) -> Iterator[Verdict]:
    heard, limit = seen.heard, link.phy.max_cfo_hz
    cfo, snr = heard.cfo_hz or 0.0, heard.snr_db or 0.0
    expected = link.radio.largest_cfo_hz(link.phy)
    count = "one frame is" if heard.frames == 1 else f"{heard.frames} frames are"
    said = f"{count} heard, at {snr:.1f} dB SNR and a CFO of {_cfo(cfo, settings)}"
    if snr < WEAK_SNR_DB:
        yield Verdict(
            "note", f"{said}: weak; more gain at either end, better places for the antennas, or less distance"
        )
    else:
        yield Verdict("good", said)
    if expected and abs(cfo) > expected:
        yield Verdict(
            "note",
            f"the CFO is more than two free oscillators of this link's radio.oscillator_ppm make, {hertz(expected)}: is"
            " one end tuned to another frequency, or an external reference chosen and not connected?",
        )
    elif abs(cfo) > NEARLY * limit:
        yield Verdict(
            "note",
            f"the CFO is close to the {hertz(limit)} that this air interface looks for: raise phy.max_cfo_hz",
        )
    if settings.frequency_hz and heard.sro_ppm is not None and heard.sro_ppm_error is not None:
        # A receiver whose oscillator is fast samples faster, and hears carriers lower.
        difference = 1e6 * cfo / settings.frequency_hz + heard.sro_ppm
        if abs(difference) > CLOCKS_DIFFER_PPM + 4 * heard.sro_ppm_error:
            yield Verdict(
                "note",
                f"the carriers are {abs(difference):.1f} ppm farther apart than the sample clocks: the ends are tuned"
                f" to frequencies that differ by some {hertz(abs(difference) * 1e-6 * settings.frequency_hz)}",
            )


def _offset_out_of_band(link: LinkConfig) -> float:
    """Rounded up to 100 kHz: half the rate, and what the edge of the filter needs."""
    return math.ceil(0.6 * link.phy.sample_rate / 1e5) * 1e5


def _cfo(cfo_hz: float, settings: PortSettings) -> str:
    ppm = f" ({1e6 * cfo_hz / settings.frequency_hz:+.2f} ppm)" if settings.frequency_hz else ""
    return hertz(cfo_hz, sign=True) + ppm


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def hertz(value: float, *, sign: bool = False) -> str:
    """A frequency in Hz, as people say it."""
    for unit, size in (("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3)):
        if round(abs(value)) >= size:
            return f"{value / size:+.4g} {unit}" if sign else f"{value / size:.4g} {unit}"
    whole = round(value)  # an integer has no -0
    return f"{whole:+d} Hz" if sign else f"{whole} Hz"
