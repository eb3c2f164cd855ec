"""Each fault has its verdict, names the way out, and is not found where all is well."""

import pytest

from semcom_ota.config import LinkConfig, PhyConfig
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio.survey import Bursts, FramesHeard, Survey, Tone
from semcom_ota.radio.verdicts import hertz, judge, lower_gain
from semcom_ota.radio_config import UhdRadio

LINK = LinkConfig(phy=PhyConfig(), radio=UhdRadio(frequency_hz=2.4e9))
FILE = LinkConfig.model_validate({"radio": {"kind": "file", "receive": "x.sigmf-meta"}})
RECEIVER = PortSettings(
    device="B210", sample_rate=1e6, frequency_hz=2.4e9, lo_offset_hz=2e6, gain_db=40, gain_range_db=(0, 76)
)
FROM_FILE = PortSettings(device="x.sigmf-meta", sample_rate=1e6)
HEARD = FramesHeard(
    frames=20, streams={0: 20}, codecs={1: 20}, snr_db=18, lowest_snr_db=17, highest_snr_db=19,
    cfo_hz=2400.0, sro_ppm=-1.0, sro_ppm_error=0.3,
)  # fmt: skip
BURSTS = Bursts(share=0.1, dbfs=-40, centre_hz=5e3, width_hz=810e3)
WELL = Survey(
    sample_rate=1e6, seconds=2, level_dbfs=-50, peak_dbfs=-28, clipping=0, dc_dbfs=-90, noise_dbfs=-60, gaps=0,
    lost_samples=0, bursts=BURSTS, heard=HEARD, heard_beyond=FramesHeard(), tones=(),
)  # fmt: skip
NOBODY = {"heard": FramesHeard()}
SILENT = NOBODY | {"bursts": Bursts()}


def verdicts(settings: PortSettings = RECEIVER, link: LinkConfig = LINK, **changes: object) -> dict[str, list[str]]:
    """Sentences by kind."""
    found: dict[str, list[str]] = {"good": [], "note": [], "trouble": []}
    for verdict in judge(WELL.model_copy(update=changes), settings, link):
        found[verdict.kind].append(verdict.sentence)
    return found


def test_where_all_is_well_there_is_one_good_sentence():
    sentence = "20 frames are heard, at 18.0 dB SNR and a CFO of +2.4 kHz"
    assert verdicts() == {"good": [f"{sentence} (+1.00 ppm)"], "note": [], "trouble": []}
    assert verdicts(FROM_FILE, FILE) == {"good": [sentence], "note": [], "trouble": []}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"gaps": 3, "lost_samples": 60_000}, ("3 overflows", "60000 samples lost (2.9 %)", "semcom doctor")),
        ({"clipping": 0.03, "peak_dbfs": 0.0, "bursts": BURSTS.model_copy(update={"dbfs": -8.0})},
         ("3 % of the samples clip", "lower receiver.gain_db by 10 dB, to 30")),
        (NOBODY, ("20 dB above the noise", "no frame of this air interface", "810 kHz wide")),
        (NOBODY | {"bursts": BURSTS.model_copy(update={"centre_hz": -300e3})}, ("-300 kHz", "radio.frequency_hz")),
        (NOBODY | {"clipping": 0.2, "peak_dbfs": 0.0}, ("too distorted",)),
        (NOBODY | {"peak_dbfs": -70.0}, ("too faint",)),
        (NOBODY | {"heard_beyond": HEARD.model_copy(update={"cfo_hz": 31e3})},
         ("+31 kHz (+12.92 ppm)", "18 kHz", "max_cfo_hz to 38000", "93750 at most", "12 kHz", "external")),
        (NOBODY | {"heard_beyond": HEARD.model_copy(update={"cfo_hz": -90e3})}, ("-90 kHz", "phy: pluto")),
        ({"peak_dbfs": -200.0, "noise_dbfs": -200.0}, ("only zeros",)),
    ],
)  # fmt: skip
def test_trouble_is_told_with_the_way_out(changes: dict, words: tuple[str, ...]):
    sentences = verdicts(**changes)["trouble"]
    assert any(all(word in sentence for word in words) for sentence in sentences), sentences


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"gaps": 1, "lost_samples": 500}, ("one overflow", "500")),
        ({"clipping": 1e-4, "peak_dbfs": 0.0}, ("0.01 % of the samples clip",)),
        ({"peak_dbfs": -1.0}, ("within 1.0 dB of full scale", "lower receiver.gain_db by 5 dB")),
        (SILENT, ("nothing is heard", "receiver.antenna")),
        ({"peak_dbfs": -65.0}, ("very low", "raise receiver.gain_db", "40 of 0 to 76")),
        ({"dc_dbfs": -20.0}, ("DC", "-20 dBFS", "no subcarrier is there")),
        ({"tones": (Tone(frequency_hz=200e3, dbfs=-65.0),)}, ("steady tone", "+200 kHz", "13 dB above")),
        ({"heard": HEARD.model_copy(update={"snr_db": 2.0})}, ("weak", "2.0 dB")),
        ({"heard": HEARD.model_copy(update={"cfo_hz": 14e3, "sro_ppm": -5.8})}, ("oscillator_ppm", "12 kHz")),
        ({"heard": HEARD.model_copy(update={"sro_ppm": 11.0})}, ("12.0 ppm farther apart", "28.8 kHz")),
    ],
)  # fmt: skip
def test_what_works_but_could_be_better_is_a_note(changes: dict, words: tuple[str, ...]):
    found = verdicts(**changes)
    assert any(all(word in sentence for word in words) for sentence in found["note"]), found
    assert not found["trouble"]


def test_a_cfo_close_to_what_is_looked_for_is_a_note():
    free = LINK.model_copy(update={"radio": UhdRadio(frequency_hz=2.4e9, oscillator_ppm=3.5)})
    heard = HEARD.model_copy(update={"cfo_hz": 16e3, "sro_ppm": -6.5})
    assert "raise phy.max_cfo_hz" in verdicts(link=free, heard=heard)["note"][0]


def test_leakage_of_an_oscillator_within_the_band_is_told_from_other_tones():
    close = RECEIVER.model_copy(update={"lo_offset_hz": 200e3})
    [sentence] = verdicts(close, tones=(Tone(frequency_hz=199e3, dbfs=-50.0),))["note"]
    assert "oscillator leaks into the band" in sentence and "600 kHz" in sentence
    assert "steady tone" in verdicts(close, tones=(Tone(frequency_hz=-199e3, dbfs=-50.0),))["note"][0]


def test_dc_is_blamed_on_an_oscillator_only_where_that_is():
    centred = RECEIVER.model_copy(update={"lo_offset_hz": 0.0})
    assert "lo_offset_hz of 600 kHz or more" in verdicts(centred, dc_dbfs=-20.0)["note"][0]
    assert not verdicts(centred, dc_dbfs=-40.0)["note"]
    assert verdicts(centred, dc_dbfs=-40.0, **SILENT)["note"]  # 20 dB above all there is


def test_tones_outside_the_band_and_below_the_noise_do_no_harm():
    assert not verdicts(tones=(Tone(frequency_hz=450e3, dbfs=-30), Tone(frequency_hz=1e5, dbfs=-80)))["note"]


def test_a_device_that_is_set_otherwise_than_asked_is_trouble():
    assert "1000100 instead of 1000000" in verdicts(RECEIVER.model_copy(update={"sample_rate": 1.0001e6}))["trouble"][0]
    assert not verdicts(RECEIVER.model_copy(update={"sample_rate": 1e6 + 1}))["trouble"]
    assert "+10 kHz" in verdicts(RECEIVER.model_copy(update={"frequency_hz": 2.40001e9}))["trouble"][0]


def test_the_way_out_of_a_level_that_is_too_high_depends_on_what_there_is():
    assert "by 13 dB, to 27" in lower_gain(12.4, RECEIVER)
    assert "by 40 dB, to 0" in lower_gain(50, RECEIVER)
    assert "attenuator of 12 dB" in lower_gain(12, RECEIVER.model_copy(update={"gain_db": 0.0}))
    assert "12 dB less" in lower_gain(12, FROM_FILE)


def test_a_low_gain_is_named_where_nothing_is_heard():
    low = RECEIVER.model_copy(update={"gain_db": 0.0})
    assert "0 of 0 to 76 dB; try --find-gain" in verdicts(low, **SILENT)["note"][0]
    assert "--find-gain" not in verdicts(**SILENT)["note"][0]


def test_frequencies_are_said_as_people_say_them():
    assert [hertz(value) for value in (0, 999, 1000, 2.45e9)] == ["0 Hz", "999 Hz", "1 kHz", "2.45 GHz"]
    assert [hertz(value, sign=True) for value in (-0.2, -31e3, 5e6)] == ["+0 Hz", "-31 kHz", "+5 MHz"]
