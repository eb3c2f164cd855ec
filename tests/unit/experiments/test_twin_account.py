"""Every fault of a lab is held against what transmitter and receiver say of it."""

from typing import Any

import pytest

from semcom_ota.experiments.twin_account import account

Row = dict[str, Any]


def burst(number: int, fate: str = "acknowledged", **fields: Any) -> Row:
    """As the lab writes it."""
    time = [number // 10, number % 10 / 10]
    return {"kind": "burst", "device": "A", "number": number, "device_time": time, "fate": fate,
            "faded": [], "cut": [], "samples": 100, "rate": 1e6, "true_s": 100 + number / 10} | fields  # fmt: skip


def fault(kind: str, number: int) -> Row:
    """As the lab writes it when it strikes."""
    return {"kind": "fault", "device": "A", "fault": {"kind": kind, "transmitter": "A", "burst": number}}


def gap(lost_samples: int, cause: str = "script", number: int = 0) -> Row:
    """One that begins within burst `number`."""
    return {"kind": "overflow", "device": "B", "at_sample": 1000, "lost_samples": lost_samples, "cause": cause,
            "true_s": 100 + number / 10 + 5e-5}  # fmt: skip


def sent(message: int, fate: str = "acknowledged", codec: str = "huffman") -> Row:
    """As the transmitter writes it: message m went out as burst m."""
    time = [message // 10, message % 10 / 10]
    return {"stream": 0, "message": message, "codec": codec, "sent": f"text {message}",
            "bursts": [{"tx_time": time, "fate": fate}]}  # fmt: skip


def received(message: int, text: str = "", codec: str = "huffman", **fields: Any) -> Row:
    return {"stream": 0, "message": message, "codec": codec, "received": text or f"text {message}",
            "status": "delivered", "lost_fragments": []} | fields  # fmt: skip


def hold(truth: list[Row], out: list[Row], back: list[Row], gaps: tuple[int, ...] = ()) -> Any:
    events = [{"kind": "overflow", "lost_samples": lost} for lost in gaps]
    return account(truth, out, back, events, "A", "B", frozenset({"huffman"}))


def test_a_run_without_faults_has_no_findings():
    result = hold([burst(n) for n in range(20)], [sent(n) for n in range(20)], [received(n) for n in range(20)])
    assert (result.complete, result.findings, result.untouched, result.whole) == (True, [], 20, 20)
    assert result.whole_share.value == 1


def test_each_fault_of_a_script_is_accounted_for_and_touches_its_message_alone():
    fates = {1: "late", 2: "underflow", 3: "sequence_error"}
    truth = [burst(n, fates.get(n, "acknowledged")) for n in range(8)]
    truth[4]["faded"] = truth[5]["cut"] = ["B"]
    truth += [fault(fate, n) for n, fate in fates.items()] + [gap(1234, number=5)]
    out = [sent(n, fates.get(n, "acknowledged")) for n in range(8)]
    result = hold(truth, out, [received(0), received(6), received(7)], gaps=(1234,))
    assert result.complete
    assert {key[1] for key in result.touched} == {1, 2, 3, 4, 5}
    assert sorted(finding.kind for finding in result.findings) == sorted(
        ["late", "underflow", "sequence_error", "faded", "cut by a gap", "overflow"]
    )
    assert (result.untouched, result.whole) == (3, 3)


@pytest.mark.parametrize(
    ("truth", "out", "gaps"),
    [
        ([burst(0, "late"), fault("late", 0)], [sent(0)], ()),  # the transmitter takes it for sent
        ([burst(0)], [sent(0, "late")], ()),  # the transmitter invents a fault
        ([burst(0), burst(1)], [sent(0)], ()),  # a burst that no message is of
        ([burst(0), gap(100)], [sent(0)], ()),  # a gap that the receiver did not see
        ([burst(0), gap(100)], [sent(0)], (99,)),  # a gap of another length
        ([burst(0)], [sent(0)], (100,)),  # a gap that was none
    ],
)
def test_a_fault_that_is_not_accounted_for_is_found(truth: list[Row], out: list[Row], gaps: tuple[int, ...]):
    assert not hold(truth, out, [received(0)], gaps).complete
    assert not all(finding.accounted for finding in hold(truth, out, [received(0)], gaps).findings)


@pytest.mark.parametrize("strikes", ["late", "gap"])
def test_what_the_host_does_wrong_counts_against_it(strikes: str):
    """It is accounted for, and no excuse for a message that did not arrive."""
    late = burst(0, "late" if strikes == "late" else "acknowledged")
    truth = [late] if strikes == "late" else [late | {"cut": ["B"]}, gap(100, "host")]
    result = hold(truth, [sent(0, late["fate"])], [], gaps=(100,) if strikes == "gap" else ())
    assert all(finding.accounted for finding in result.findings)
    assert (result.untouched, result.whole, result.complete) == (1, 0, False)


def test_a_burst_that_never_reached_the_device_may_be_unacknowledged():
    """Of two in a row the device tells once: it counts packets."""
    lost = burst(0, "sequence_error", samples=0)
    result = hold([lost, fault("sequence_error", 0)], [sent(0, "unacknowledged")], [])
    assert result.complete
    assert result.touched == {(0, 0)}
    assert not hold([lost | {"samples": 9}], [sent(0, "unacknowledged")], []).complete


@pytest.mark.parametrize(
    "truth",
    [
        [burst(0), gap(100, "host")],
        [burst(0, "late")],
        [burst(0), {"kind": "lab_too_slow", "late_s": 1.0}],
    ],
)
def test_what_goes_wrong_without_the_script_is_not_passed_over(truth: list[Row]):
    fate = truth[0]["fate"]
    result = hold(truth, [sent(0, fate)], [received(0)], gaps=(100,) if len(truth) > 1 and "cause" in truth[1] else ())
    assert result.unexpected
    assert not result.complete


def test_a_burst_that_the_device_never_met_is_unexpected():
    result = hold([], [sent(0)], [])
    assert "knows nothing" in result.unexpected[0]


def test_a_faded_message_that_arrives_whole_is_a_contradiction_and_a_cut_one_may_have_lost_zeros_only():
    faded, cut = burst(0, faded=["B"]), burst(0, cut=["B"])
    assert not hold([faded], [sent(0)], [received(0)]).complete
    assert hold([cut], [sent(0)], [received(0)]).complete


def test_a_text_that_its_codec_is_not_sure_of_is_whole_and_one_with_a_gap_is_not():
    truth, out = [burst(n) for n in range(4)], [sent(n) for n in range(4)]
    back = [
        received(0, "wrong", codec="text-jscc", status="corrupted"),
        received(1, "a […] man", status="corrupted"),
        received(2, "a man", status="corrupted", lost_fragments=[1]),
        received(3, status="failed"),
    ]
    assert hold(truth, out, back).whole == 1


def test_a_wrong_text_counts_as_false_only_of_codecs_with_a_checksum():
    truth, out = [burst(0), burst(1)], [sent(0), sent(1, codec="lam-prior")]
    result = hold(truth, out, [received(0, "wrong"), received(1, "wrong", codec="lam-prior")])
    assert result.false == [(0, 0)]
    assert hold(truth, out, [received(0, "wrong", status="corrupted")]).false == []
