import numpy as np
import pytest
from fake_sweep import rows, write
from pydantic import TypeAdapter

from semcom_ota.codecs.base import GAP
from semcom_ota.experiments import sweep_figures
from semcom_ota.experiments.statistics import text_quality
from semcom_ota.experiments.sweep_data import GUESS, SIMILARITIES, SweepData, similarities
from semcom_ota.experiments.sweep_reading import Row, Timing, read_rows

ROW = TypeAdapter(Row)


def data(lines, **options):
    return SweepData([ROW.validate_python(line) for line in lines], **options)


@pytest.fixture(scope="module")
def lines():
    return rows(csi=("estimated", "perfect"))


@pytest.fixture(scope="module")
def whole(lines):
    return data(lines)


def test_a_point_has_the_quality_of_its_messages(lines, whole):
    points = sweep_figures.points(whole)
    assert len(points) == 2 * 2 * 2 * 4
    point = next(one for one in points if one["codec"] == "graceful" and (one["channel"], one["snr_db"]) == ("awgn", 0))
    own = [line for line in lines if (line["codec"], line["channel"], line["snr_db"], line["csi"]) == (
        "graceful", "awgn", 0, "estimated")]  # fmt: skip
    direct = text_quality([line["sent"] for line in own], [line["received"] for line in own])
    for name in ("bleu1", "bleu4", "word_error_rate"):
        found = tuple(point[f"{name}{end}"] for end in ("", "_low", "_high"))
        assert found == pytest.approx((direct[name].value, direct[name].low, direct[name].high))
    assert point["messages"] == 40 and point["payload_symbols_per_word"] == 8


def test_a_guess_for_silence_helps_those_that_are_silent_and_no_other(lines):
    own = [line | {"sent": GUESS, "words": len(GUESS.split()) - place % 5} for place, line in enumerate(lines)]
    silent = [line | {"received": ("", GAP, f"{GAP} {GAP}")[place % 3]} for place, line in enumerate(own)]
    spoken = [line | {"received": "thing"} for line in own]
    (nothing, guessed), (wrong, same) = (
        {(point["bleu1"], point["bleu1_guess"]) for point in sweep_figures.points(data(one))}.pop()
        for one in (silent[:80], spoken[:80])
    )
    assert nothing == 0 and 0.8 < guessed < 0.95 and wrong == same == 0


def test_a_share_of_copies_has_an_interval_even_where_all_are_right(whole):
    best = [one for one in sweep_figures.points(whole) if one["exact_match"] == 1]
    assert best and all(one["exact_match_low"] < 1 for one in best)


def test_the_better_codec_needs_less_and_the_gap_is_the_difference(whole):
    reached, gaps = sweep_figures.crossings(whole)
    at = {(one["codec"], one["length"]): one for one in reached
          if (one["channel"], one["metric"], one["level"]) == ("awgn", "bleu1", 0.9)}  # fmt: skip
    assert {length for _, length in at} == {"all", "short", "long"}
    low, high = at["graceful", "all"]["between"]
    assert low < at["graceful", "all"]["at_least"] < high and {low, high} < set(whole.curves[0].rows)
    gap = next(one for one in gaps if (one["channel"], one["level"], one["length"]) == ("awgn", 0.9, "all")
               and (one["codec"], one["other"]) == ("graceful", "cliff"))  # fmt: skip
    assert gap["at_least"] == pytest.approx(at["cliff", "all"]["at_least"] - at["graceful", "all"]["at_least"])
    assert gap["at_least"] > 2 and gap["low"] <= gap["at_least"] <= gap["high"]
    told = next(one for one in gaps if (one["channel"], one["level"], one["length"]) == ("awgn", 0.9, "all")
                and (one["codec"], one["other"]) == ("graceful", "graceful (perfect CSI)"))  # fmt: skip
    assert told["at_least"] < 0


def test_differences_are_to_the_reference_of_the_same_panel(whole):
    found = sweep_figures.differences(whole, "cliff")
    assert {one["reference"] for one in found} == {"cliff"} and "cliff" not in {one["codec"] for one in found}
    at_zero = next(one for one in found if (one["channel"], one["snr_db"], one["codec"]) == ("awgn", 0, "graceful"))
    assert at_zero["bleu1_low"] > 0.5
    assert sweep_figures.differences(whole, "no such codec") == []


def test_what_is_lost_in_a_fade_is_told_from_what_is_decoded_wrong():
    line = rows(messages=1, channels=("awgn",), snrs=(8.0,))[0]
    kinds = [
        line | {"received": line["sent"]},
        line | {"received": "another text", "confidence": 0.95},
        line | {"received": "another text", "confidence": 0.2, "snr_db_estimated": 1.0},
        line | {"received": "", "status": "corrupted", "snr_db_estimated": 1.0},
        line | {"received": "", "status": "lost", "snr_db_estimated": None},
        line | {"received": "", "status": "lost", "does_not_fit": True, "payload_symbols": 0, "energy": 0.0,
                "snr_db_estimated": None},
    ]  # fmt: skip
    (point,) = sweep_figures.points(data([each | {"message": number} for number, each in enumerate(kinds)]))
    counted = (
        "delivered",
        "wrong_delivered",
        "wrong_trusted",
        "corrupted",
        "lost",
        "does_not_fit",
        "no_frame",
        "faded",
    )
    assert [point[name] for name in counted] == [3, 2, 2, 1, 2, 1, 1, 2]
    assert point["outage"] == pytest.approx(3 / 5)  # no frame, and two that a fade spoilt, vouched for or not
    assert 0 < point["bleu1_without_fade"] < 1


def test_unequal_spending_is_counted():
    lines = rows(messages=3, channels=("awgn",), snrs=(0.0,))
    assert sweep_figures.unequal(map(ROW.validate_python, lines)) == 0
    more = [lines[0] | {"payload_symbols": 99, "energy": 99.0}, *lines[1:]]
    louder = [*lines[:4], lines[4] | {"energy": 1.01 * lines[4]["energy"]}, *lines[5:]]
    unsent = [lines[0] | {"payload_symbols": 0, "energy": 0.0, "does_not_fit": True}, *lines[1:]]
    for changed, count in ((more, 1), (louder, 1), (unsent, 0)):
        assert sweep_figures.unequal(map(ROW.validate_python, changed)) == count


def test_confidence_is_judged_over_what_came_out(lines, whole):
    found = {(one["codec"], one["channel"], one["outcome"]): one for one in sweep_figures.calibrations(whole)}
    cliff, graceful = found["cliff", "all", "exact_match"], found["graceful", "all", "exact_match"]
    arrived = [one for one in lines if (one["codec"], one["csi"]) == ("cliff", "estimated") and one["status"] != "lost"]
    assert cliff["messages"] == len(arrived) and cliff["error"] == 0
    assert graceful["error"] < 0.08  # its confidence is the probability of a copy
    assert found["graceful", "all", "words_right"]["bias_high"] < 0  # and far below the share of right words


def test_what_a_codec_says_of_its_words_is_judged_by_words():
    line = rows(messages=1, channels=("awgn",), snrs=(8.0,))[0]
    wrong = {"sent": "a b c d", "received": "a b c e", "status": "corrupted", "words": 4}
    found = sweep_figures.calibrations(data([line | wrong | {"confidence": 0.0, "word_confidence": 0.75}]))
    assert {one["outcome"]: (one["error"], one["bias"]) for one in found if one["channel"] == "all"} == {
        "exact_match": (0, 0), "words_right": (0, 0)
    }  # fmt: skip


def test_wrong_texts_are_shown_with_the_most_confident_first(whole):
    found = sweep_figures.wrong_texts(whole, 4)
    assert [one["codec"] for one in found] == ["graceful"] * 4 + ["graceful (perfect CSI)"] * 4
    assert all(one["sent"] != one["received"] for one in found)
    most = max(row.confidence for row in whole.rows if row.status == "delivered" and row.sent != row.received)
    assert max(found[0]["confidence"], found[4]["confidence"]) == most
    assert [one["confidence"] for one in found[:4]] == sorted((one["confidence"] for one in found[:4]), reverse=True)


def test_few_texts_are_not_what_is_drawn():
    lines = rows(messages=3, channels=("awgn",), snrs=(0.0,))
    few = data([line | {"seed": seed} for seed in range(20) for line in lines])
    assert few.drawn == "transmissions" and few.resampling.messages == 60
    many = data([line | {"seed": seed} for seed in range(2) for line in rows(messages=31, snrs=(0.0,))])
    assert many.drawn == "texts" and many.resampling.messages == 31


def test_latency_by_stage():
    timings = [Timing("a", encode_ms=1.0, transmit_ms=1.0, receive_ms=1.0, decode_ms=float(ms)) for ms in range(101)]
    found = {one["stage"]: one for one in sweep_figures.latencies([*timings, Timing("a", encode_ms=5.0)])}
    assert found["decode"]["p50_ms"] == 50 and found["decode"]["p99_ms"] == pytest.approx(99)
    assert found["total"]["p50_ms"] == 53 and found["total"]["messages"] == 101 and found["encode"]["messages"] == 102


class Counting:
    """An encoder for which a text is its length."""

    digest = "d"

    def __init__(self):
        self.asked = 0

    def similarity(self, sent, received):
        self.asked += len(sent)
        pairs = zip(sent, received, strict=True)
        return np.array([min(map(len, pair)) / max(map(len, pair)) for pair in pairs])


def test_similarities_are_computed_once_and_kept(tmp_path):
    folder = write(tmp_path, rows(messages=4, channels=("awgn",), snrs=(0.0, 4.0)))
    read, encoder = read_rows(folder), Counting()
    first = similarities(read, encoder, folder)
    asked = encoder.asked
    assert asked == len({(row.sent, row.received) for row in read}) <= len(read)
    assert (similarities(read, encoder, folder) == first).all() and encoder.asked == asked
    encoder.digest = "other"
    similarities(read, encoder, folder)
    assert encoder.asked == 2 * asked
    for damage in ("{", "[]", '{"encoder": "other", "similarity": {"a": "x"}}'):
        (folder / SIMILARITIES).write_text(damage)
        assert (similarities(read, encoder, folder) == first).all()
    points = sweep_figures.points(SweepData(read, first))
    assert all(point["similarity_low"] <= point["similarity"] <= point["similarity_high"] for point in points)
