"""What becomes of bursts."""

import numpy as np
import pytest

BURST = 10_000
"""Samples: five packets."""


def fates(bench):
    return [row["fate"] for row in bench.written("burst")]


def test_a_burst_in_time_is_acknowledged_at_its_end(bench, tone):
    lab = bench()
    at = lab.time().after(0.05)
    lab.send(tone(BURST), at)
    lab.pass_time(0.05)
    assert lab.events() == []  # not before it has been sent
    lab.pass_time(0.02)
    (event,) = lab.events()
    assert event.codes == {"burst_ack"}
    assert event.time.since(at) == pytest.approx(BURST / 1e6, abs=1e-9)
    (row,) = lab.written("burst")
    assert (row["fate"], row["samples"], row["played"], row["number"]) == ("acknowledged", BURST, BURST, 0)
    assert row["device_time"] == pytest.approx(list(at), abs=1e-9)


def test_a_burst_after_its_time_is_dropped_to_its_end_and_the_next_one_is_sent(bench, tone):
    lab = bench()
    now = lab.time()
    lab.send(tone(BURST), now.after(-0.001))
    lab.send(tone(BURST), now.after(0.05))
    lab.pass_time(1.0)
    assert lab.codes() == ["time_error", "burst_ack"]
    first, second = lab.written("burst")
    assert (first["fate"], first["played"], second["fate"]) == ("late", 0, "acknowledged")


def test_a_burst_may_not_begin_before_the_one_before_it_has_ended(bench, tone):
    lab = bench()
    at = lab.time().after(0.05)
    lab.send(tone(BURST), at)
    lab.send(tone(BURST), at.after(BURST / 1e6 - 1e-5))
    lab.send(tone(BURST), at.after(BURST / 1e6))
    assert fates(lab) == ["acknowledged", "late", "acknowledged"]


def test_samples_that_do_not_come_in_time_are_an_underflow(bench, tone):
    lab = bench()
    at = lab.time().after(0.01)
    lab.send(tone(4000), at, end=False)
    lab.pass_time(0.1)  # the host is asleep
    (event,) = lab.events()
    assert event.codes == {"underflow"}
    assert event.time.since(at) == pytest.approx(4000 / 1e6, abs=1e-9)
    lab.send(tone(4000), start=False, end=True)
    lab.send(tone(BURST), lab.time().after(0.05))
    lab.pass_time(1.0)
    assert lab.codes() == ["burst_ack"]
    first, second = lab.written("burst")
    assert (first["fate"], first["samples"], first["played"], second["fate"]) == (
        "underflow",
        8000,
        4000,
        "acknowledged",
    )


def test_nothing_arrives_in_what_is_past(bench, tone):
    lab = bench()
    at, before = lab.time().after(0.01), lab.t
    lab.pass_time(0.1)
    lab.send(tone(4000), at, arrived=before)  # as it says itself: receivers have seen that time already
    assert fates(lab) == ["late"]


def test_a_burst_without_a_time_leaves_at_once(bench, tone):
    lab = bench()
    lab.send(tone(BURST))
    assert fates(lab) == ["acknowledged"]
    (row,) = lab.written("burst")
    assert row["true_s"] == pytest.approx(100.0, abs=0.01)


@pytest.mark.parametrize(
    ("at_sample", "codes", "fate", "played"),
    [(10, [], "sequence_error", 0), (2500, [], "sequence_error", 2000),
     # Without its end a burst runs dry; the next one tells that something is missing.
     (BURST - 1, ["underflow"], "underflow", 8000)],
)  # fmt: skip
def test_a_lost_packet_is_a_sequence_error(bench, tone, at_sample, codes, fate, played):
    lab = bench(faults=[{"kind": "sequence_error", "transmitter": "A", "burst": 1, "at_sample": at_sample}])
    now = lab.time()
    lab.send(tone(100), now.after(0.01))
    lab.send(tone(BURST), now.after(0.05))
    lab.pass_time(0.08)
    lab.send(tone(BURST), now.after(0.1))
    lab.pass_time(1.0)
    said = [code.removesuffix("_in_burst") for code in lab.codes()]
    assert sorted(said) == sorted(["burst_ack", "burst_ack", "seq_error", *codes])
    rows = lab.written("burst")
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert [row["fate"] for row in rows] == ["acknowledged", fate, "acknowledged"]
    assert rows[1]["played"] == played
    assert rows[1]["device_time"] == pytest.approx(list(now.after(0.05)), abs=1e-9)


def test_the_host_is_held_up_while_device_and_transport_are_full(bench, tone):
    lab = bench(a={"buffer_ms": 20})
    at = lab.time().after(0.05)
    lab.send(tone(16_000), at)
    assert lab.lab.has_room("A")
    lab.send(tone(8_000), at.after(0.02))
    assert not lab.lab.has_room("A")
    lab.pass_time(0.05 + 0.01)
    assert lab.lab.has_room("A")


def test_what_belongs_to_no_burst_is_dropped(bench, tone):
    lab = bench()
    lab.send(tone(100), start=False)
    lab.send(tone(100), lab.time().after(0.05))
    lab.send(tone(100), start=False)  # as gr-uhd's sink ends its last burst once more when it stops
    assert fates(lab) == ["acknowledged"]


def test_what_a_receiver_loses_is_in_the_log_though_the_transmitter_is_closed_by_then(bench, tone):
    lab = bench(faults=[{"kind": "overflow", "receiver": "B", "at_sample": 20_000, "lost_samples": 5000}])
    lab.send(tone(BURST), lab.time().after(0.02))
    path = lab.lab.devices["B"].start_rx(None, lab.t)
    lab.t += 1.5  # a lab that is far behind
    lab.lab.devices["A"].close(lab.t)
    path.make(50_000)
    lab.lab.close()
    (row,) = (row for row in lab.rows if row["kind"] == "burst")
    assert (row["fate"], row["cut"]) == ("acknowledged", ["B"])


def test_closing_abandons_what_has_no_end(bench, tone):
    lab = bench()
    lab.send(tone(4000), lab.time().after(0.05), end=False)
    lab.lab.devices["A"].close(lab.t)
    assert fates(lab) == ["abandoned"]


SCRIPT = [
    {"kind": "late", "transmitter": "A", "burst": 1},
    {"kind": "underflow", "transmitter": "A", "burst": 2, "at_sample": 4567},
    {"kind": "sequence_error", "transmitter": "A", "burst": 3, "at_sample": 4567},
    {"kind": "fade", "transmitter": "A", "receiver": "B", "burst": 4, "bursts": 2},
]


def test_the_script_hits_what_it_says_in_every_opening(bench, tone):
    lab = bench(faults=SCRIPT)
    for _ in range(2):
        del lab.rows[:]
        now = lab.time()
        for n in range(8):
            lab.send(tone(BURST), now.after(0.05 + 0.1 * n))
            lab.pass_time(0.1)
        lab.pass_time(1.0)
        assert sorted(lab.codes()) == sorted(["burst_ack"] * 5 + ["time_error", "underflow", "seq_error_in_burst"])
        rows = lab.written("burst")
        said = ["acknowledged", "late", "underflow", "sequence_error", *["acknowledged"] * 4]
        assert [row["fate"] for row in rows] == said
        assert (rows[2]["played"], rows[3]["played"]) == (4567, 4000)
        assert [row["faded"] for row in rows] == [["B"] if n in (4, 5) else [] for n in range(8)]
        assert len([row for row in lab.rows if row["kind"] == "fault"]) == 5
        lab.lab.devices["A"].close(lab.t)
        lab.lab.devices["A"].open({}, 1, lab.t)


@pytest.mark.parametrize("size", [1000, 3000])
def test_a_burst_that_the_link_loses_altogether_is_in_the_log_with_its_time(bench, tone, size):
    lab = bench(faults=[{"kind": "sequence_error", "transmitter": "A", "burst": 1, "at_sample": 10}])
    now = lab.time()
    for n in range(3):
        lab.send(tone(size), now.after(0.05 + 0.05 * n))
    rows = lab.written("burst")
    assert [row["fate"] for row in rows] == ["acknowledged", "sequence_error", "acknowledged"]
    assert rows[1]["device_time"] == pytest.approx(list(now.after(0.1)), abs=1e-9)
    assert sorted(lab.codes()) == ["burst_ack", "burst_ack", "seq_error"]


def test_what_leaves_is_what_was_sent_and_the_rest_is_silence(bench, tone):
    lab = bench(faults=[{"kind": "underflow", "transmitter": "A", "burst": 1, "at_sample": 1000}])
    now = lab.time()
    for n in range(2):
        lab.send(tone(4000), now.after(0.01 + 0.01 * n))
    power = np.abs(lab.samples(30_000)) ** 2
    level = power.reshape(-1, 1000).mean(axis=1) > 1e-2
    assert np.flatnonzero(level).tolist() == [10, 11, 12, 13, 20]
