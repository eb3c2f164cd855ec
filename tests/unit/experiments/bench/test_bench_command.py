"""`semcom bench phy` as a user starts it, with worker processes."""

import json
import subprocess
import sys


def bench(*arguments):
    command = [sys.executable, "-m", "semcom_ota.cli", "bench", "phy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_a_quick_run_of_one_figure(tmp_path):
    file = tmp_path / "figures.json"
    done = bench("--quick", "--figures", "overhead_symbols", "--json", str(file), "--workers", "1", "--seed", "5")
    assert done.returncode == 0, done.stderr
    assert "holds" in done.stdout and "overhead_symbols" in done.stdout
    document = json.loads(file.read_text())
    assert {"level", "seed", "commit", "versions", "machine", "quick"} <= set(document["run"])
    assert document["run"]["seed"] == 5 and document["run"]["quick"] and document["run"]["level"] == "waveform"
    (symbols, samples) = document["figures"]
    assert symbols["name"] == "overhead_symbols" and 0 < symbols["value"] <= 16
    assert samples["value"] == 80 * symbols["value"]


def test_figures_on_which_no_claim_rests_have_no_heading_for_claims():
    done = bench("--quick", "--figures", "peak_to_average", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "peak_to_average" in done.stdout and "Claims" not in done.stdout


def test_a_wrong_name_is_one_sentence():
    done = bench("--figures", "speed_of_light")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["semcom: unknown figure 'speed_of_light': 'semcom bench phy --help' lists them"]
