"""What a probe prints."""

import io

import numpy as np
import pytest
from rich.console import Console

from semcom_ota.experiments.probe_console import LEAST_DB, figures, print_readings, spectrum_lines
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio.survey import Bursts, FramesHeard, Survey, Tone

FREQUENCY_HZ = np.linspace(-500e3, 496.09e3, 256).astype(np.float32)


def test_a_tone_stands_out_of_a_flat_floor_at_its_place():
    density = np.full(256, -110.0, np.float32)
    density[192] = -75.0
    lines = spectrum_lines(FREQUENCY_HZ, density, 64)
    assert len(lines) == 9
    rows = [line[6:] for line in lines[:-1]]
    tall = [column for column in range(64) if any(len(row) > column and row[column] != " " for row in rows[:-1])]
    assert tall == [192 * 64 // 256]
    assert lines[0].startswith("  -70") and lines[-2].startswith(" -110")
    assert "-500 kHz" in lines[-1] and "+500 kHz" in lines[-1]


@pytest.mark.parametrize("columns", [1, 33, 100, 1000])
@pytest.mark.parametrize("level", [-200.0, -110.3, 3.0])
def test_what_is_flat_looks_flat_at_any_width(columns: int, level: float):
    lines = spectrum_lines(FREQUENCY_HZ, np.full(256, level, np.float32), columns)
    assert all(len(set(line[6:])) <= 1 for line in lines[:-1])
    assert int(lines[0][:5]) - int(lines[-2][:5]) >= LEAST_DB


def test_figures_are_said_in_words():
    heard = FramesHeard(
        frames=3, streams={0: 2, 7: 1}, codecs={1: 2, 99: 1}, snr_db=12.3, lowest_snr_db=11, highest_snr_db=13,
        cfo_hz=-2450.0, sro_ppm=1.1, sro_ppm_error=0.25,
    )  # fmt: skip
    seen = Survey(
        sample_rate=1e6, seconds=2, level_dbfs=-50, peak_dbfs=-28, clipping=0.01, dc_dbfs=-90, noise_dbfs=-60, gaps=1,
        lost_samples=77, bursts=Bursts(share=0.1, dbfs=-40, centre_hz=5e3, width_hz=8e5), heard=heard,
        heard_beyond=FramesHeard(), tones=(Tone(frequency_hz=1e5, dbfs=-70),),
    )  # fmt: skip
    said = dict(figures(seen, PortSettings(device="x", sample_rate=1e6, frequency_hz=2.45e9)))
    assert said["received"] == "2 s, 1 gap, 77 samples lost"
    assert said["level"] == "-50.0 dBFS, peaks at -28.0 dBFS, 1 % clipped"
    assert said["tone"] == "-70.0 dBFS at +100 kHz"
    assert said["on the air"] == "10 % of the time, -40.0 dBFS, 800 kHz wide around +5 kHz"
    assert said["frames"] == "3: 2 utf8, 1 codec 99; streams 0, 7"
    assert said["CFO"] == "-2.45 kHz, -1.00 ppm"
    assert said["sample clocks"] == "+1.1 ppm apart (+-0.5)"
    nothing = seen.model_copy(update={"bursts": Bursts(), "heard": FramesHeard(), "gaps": 0})
    said = dict(figures(nothing, PortSettings(device="x", sample_rate=1e6)))
    assert said["on the air"] == "nothing" and said["frames"] == "0" and "CFO" not in said
    assert said["received"] == "2 s, no sample lost"


@pytest.mark.parametrize(
    "gain_db, judged_by, mark", [(30.0, "frames", "<- best"), (30.0, "noise", "<- default"), (None, None, None)]
)
def test_the_gain_that_was_found_is_marked_and_gains_ascend(
    gain_db: float | None, judged_by: str | None, mark: str | None
):
    reading = {"noise_dbfs": -60.0, "busy_dbfs": None, "peak_dbfs": -20.0, "clipping": 0.0, "frames": 0, "snr_db": None}
    text, choice = io.StringIO(), {"gain_db": gain_db, "judged_by": judged_by}
    print_readings([reading | {"gain_db": gain} for gain in (30.0, 10.0)], choice, Console(file=text, width=80))
    marked = [line for line in text.getvalue().splitlines() if "<-" in line]
    assert [line.split()[0] for line in marked] == (["30"] if mark else [])
    assert mark is None or mark in marked[0]
    assert text.getvalue().index("10 dB") < text.getvalue().index("30 dB")
