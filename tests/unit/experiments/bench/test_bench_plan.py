"""The plan, its figures' names, and what a run writes."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import ConfigError
from semcom_ota.experiments.bench import flowgraphs, phy, pictures
from semcom_ota.experiments.bench.catalogue import PHY_FIGURES
from semcom_ota.experiments.bench.figures import SHARDS, Figure, Measurement, NotAvailable, Shard, exact, seed_of, split
from semcom_ota.experiments.bench.run import measure


def test_every_figure_of_the_catalogue_is_measured_and_no_other():
    for quick in (True, False):
        assert {name for measurement in phy.plan(0, quick, ()) for name in measurement.names} == set(PHY_FIGURES)


def test_measurements_have_names_of_their_own_and_shards_seeds_of_their_own():
    plan = phy.plan(0, True, ())
    assert len({measurement.title for measurement in plan}) == len(plan)
    random = [shard for measurement in plan for shard in measurement.shards if measurement.title != "chunking"]
    assert len({(shard.function, shard.arguments) for shard in random}) == len(random)


def test_a_full_run_has_as_many_frames_as_its_claims_need():
    def frames(measurement):
        return sum(shard.arguments[1] for shard in measurement.shards)

    whole = {measurement.title: measurement for measurement in phy.plan(0, False, ())}
    assert frames(whole["headers, AWGN, -2 dB"]) >= 20_000
    assert frames(whole["headers, TDL-A, 1 us"]) >= 9 * 2000
    assert all(frames(one) >= 2000 for title, one in whole.items() if title.startswith("payload"))
    assert sum(shard.arguments[0] for shard in whole["headers in noise"].shards) >= 300_000_000
    assert sum(shard.arguments[0] for shard in whole["malformed input"].shards) >= 1_000_000


def test_names_choose_and_unknown_ones_are_refused():
    (memory,) = phy.plan(0, True, ("memory_growth",))
    assert memory.names == ("memory_growth",)
    with pytest.raises(ConfigError, match="no_such"):
        phy.plan(0, True, ("no_such",))


def test_help_lists_every_figure():
    said = CliRunner().invoke(app, ["bench", "phy", "--help"]).output
    assert all(name in said for name in PHY_FIGURES)


def test_a_point_is_cut_the_same_way_whatever_works_on_it():
    assert sum(split(20_001)) == 20_001 and len(split(20_001)) == SHARDS
    assert split(3) == [1, 1, 1]
    assert seed_of(1, "a", 2) == seed_of(1, "a", 2) != seed_of(1, "a", 3)


def square(number: int) -> int:
    return number * number


def refuse() -> int:
    raise NotAvailable("there is none here")


def measurement(name, function, arguments, alone=False):
    shards = tuple(Shard(function, one, 1.0) for one in arguments)
    return Measurement(name, (name,), shards, lambda found: [exact(name, sum(found), "", parts=list(found))], alone)


@pytest.mark.parametrize("alone", [False, True])
def test_figures_are_written_as_they_come_and_results_keep_their_order(tmp_path, alone):
    file = tmp_path / "figures.json"
    seen = []

    def look(found):
        seen.append(json.loads(file.read_text()))
        return [exact("second", 1.0, "")]

    plan = [
        measurement("first", square, [(3,), (1,), (2,)], alone),
        measurement("missing", refuse, [()], alone),
        measurement("broken", square, [("no number",)], alone),
        Measurement("second", ("second",), (Shard(square, (1,), 1.0),), look),
    ]
    console = Console(record=True, width=200)
    with ThreadPoolExecutor(3) as executor:
        figures, failed = measure(plan, executor, {"level": "waveform"}, file, console)
    assert [figure.name for figure in figures] == ["first", "second"] and failed == ["broken"]
    assert figures[0].conditions["parts"] == [9, 1, 4]
    assert [figure["name"] for figure in seen[0]["figures"]] == ["first"]
    document = json.loads(file.read_text())
    assert document["run"] == {"level": "waveform", "failed": ["broken"]} and len(document["figures"]) == 2
    assert "not measured: missing: there is none here" in (said := console.export_text())
    assert "TypeError" in said and "FAILED: broken" in said


def test_json_has_no_nan():
    written = json.dumps(Figure("a", float("nan"), float("-inf"), 1.0, "", {}).as_dict(), allow_nan=False)
    assert json.loads(written) == {"name": "a", "value": None, "low": None, "high": 1.0, "unit": "", "conditions": {}}


def test_a_program_that_fails_is_a_sentence():
    with pytest.raises(NotAvailable, match="no_such_program"):
        flowgraphs.measured_by("semcom_flowgraphs.no_such_program", 0, True)


def test_speeds_with_gnu_radio_are_set_beside_each_other():
    def found(name, value, **conditions):
        bounds = {"low": value - 1, "high": value + 1}
        return {"name": name, "value": value, **bounds, "unit": "MS/s", "conditions": conditions}

    own = [found("frame_rx_speed", 8.0), found("receiver_speed_same_pieces", 10.0)]
    stock = [
        found("stock_ofdm_receiver_speed", value, stream=name) for name, value in (("noise", 9.0), ("packets", 2.0))
    ]
    ratios = {figure.name: figure for figure in flowgraphs.conclude([own, stock]) if figure.unit == "times"}
    ratio = ratios["frame_rx_speed_over_stock"]
    assert (ratio.value, ratio.low, ratio.high) == (4.0, 7 / 3, 9.0)
    assert ratios["receiver_speed_over_stock"].value == 5.0


def test_curves_are_drawn(tmp_path):
    said = {"channel": "AWGN", "symbols": 200}
    figures = [Figure("header_missed", 0.1 * k, 0.0, 0.3, "", said | {"snr_db": float(k)}) for k in range(3)]
    figures += [Figure("payload_loss", 0.2, 0.1, 0.3, "dB", said | {"snr_db": 5.0})]
    pictures.draw(figures, tmp_path / "curves.svg")
    pictures.draw([], tmp_path / "empty.svg")
    drawn, empty = ((tmp_path / name).read_text() for name in ("curves.svg", "empty.svg"))
    assert "<svg" in empty and len(drawn) > len(empty) + 5000
    with pytest.raises(ConfigError, match="nowhere"):
        pictures.draw(figures, tmp_path / "nowhere" / "curves.svg")
