import io
import json

import numpy as np
import pytest
from rich.console import Console

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments import run_folder
from semcom_ota.experiments.console import print_messages
from semcom_ota.experiments.loopback import MAX_MESSAGES, plan, together
from semcom_ota.experiments.report import mark_differences, write_report


def message(codec, snr_db, sent, received, status="delivered", symbols=40, reason=""):
    right = sum(a == b for a, b in zip(sent.split(), received.split(), strict=False))
    return {
        "message": 0, "stream": 0, "does_not_fit": reason.startswith("128"), "failed": False,
        "codec": codec, "snr_db": snr_db, "status": status, "reason": reason, "sent": sent,
        "received": received, "words": len(sent.split()), "words_right": right, "word_errors": 0, "confidence": 0.9,
        "snr_db_estimated": None if status == "lost" else snr_db, "payload_symbols": symbols, "overhead_symbols": 600,
        "air_samples": 2000, "mean_symbol_energy": 1.0 if symbols else 0.0,
        "latency_ms": {stage: 1.0 for stage in ("encode", "transmit", "air", "receive", "decode", "total")},
    }  # fmt: skip


MESSAGES = [
    message("text-jscc", 0.0, "A dog runs fast.", "A cat runs fast."),
    message("utf8", 0.0, "A dog runs fast.", "", "lost", symbols=0, reason="128 bits do not fit"),
    message("text-jscc", 0.0, "<b>Two</b> men.", "<b>Two</b> men."),
    message("utf8", 0.0, "<b>Two</b> men.", "", "corrupted"),
]


def test_every_message_counts_and_only_what_was_sent_is_paid():
    jscc, utf8 = run_folder.points(MESSAGES, "awgn", LinkConfig(), 0, "none")
    assert (jscc["messages"], jscc["delivered"], jscc["corrupted"], jscc["lost"]) == (2, 2, 0, 0)
    assert (utf8["messages"], utf8["corrupted"], utf8["lost"], utf8["does_not_fit"]) == (2, 1, 1, 1)
    assert jscc["payload_symbols_per_word"] == pytest.approx(80 / 6)
    assert utf8["payload_symbols_per_word"] == pytest.approx(40 / 2)
    assert utf8["bleu1"] == 0 and jscc["bleu1_low"] <= jscc["bleu1"] <= jscc["bleu1_high"]


def test_the_report_is_one_file_and_shows_text_as_text(tmp_path):
    lines = "".join(json.dumps(line) + "\n" for line in MESSAGES)
    (tmp_path / "messages.jsonl").write_text(lines)
    summary = {
        "run": run_folder.describe("flowgraph", LinkConfig(), 0),
        "points": run_folder.points(MESSAGES, "awgn", LinkConfig(), 0, "none"),
    }
    run_folder.write_json(tmp_path / "summary.json", summary)
    rng = np.random.default_rng(0)
    arrays = {
        "symbols": rng.standard_normal((96, 2)).astype(np.float32) @ np.array([1, 1j], np.complex64),
        "frequency_response": np.ones((20, 52), np.complex64),
    }
    page = write_report(tmp_path, {(0.0, "text-jscc"): arrays}, 15625.0).read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "&lt;b&gt;Two&lt;/b&gt;" in page and "<b>Two</b>" not in page
    assert "<mark>cat</mark>" in page and "128 bits do not fit" in page
    assert "http://" not in page and "https://" not in page  # nothing is fetched


def test_a_report_of_a_run_in_which_nothing_arrived(tmp_path):
    (tmp_path / "messages.jsonl").write_text(json.dumps(MESSAGES[1]) + "\n")
    points = run_folder.points(MESSAGES[1:2], "awgn", LinkConfig(), 0, "none")
    run_folder.write_json(
        tmp_path / "summary.json", {"run": run_folder.describe("flowgraph", LinkConfig(), 0), "points": points}
    )
    assert "<table>" in write_report(tmp_path, {}, 15625.0).read_text()


def test_differences_are_marked():
    assert mark_differences("a b c", "a x c") == "a <mark>x</mark> c"
    assert mark_differences("a b", "a") == 'a <mark title="missing">&nbsp;</mark>'


def test_a_folder_that_holds_a_run_or_cannot_be_written_is_refused(tmp_path):
    folder = run_folder.prepare(tmp_path / "run")
    run_folder.prepare(folder)  # a start that failed does not use it up
    run_folder.write_json(folder / "summary.json", {})
    with pytest.raises(ConfigError, match="already holds a run"):
        run_folder.prepare(folder)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write"):
        run_folder.prepare(tmp_path / "file" / "run")


def test_the_plan_interleaves_codecs_over_the_same_realisations():
    link = LinkConfig.model_validate({"radio": {"snr_db": [0, 6], "messages_per_snr": 2}})
    steps = plan(["a", "b"], link)
    assert [step.message for step in steps] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [step.codec for step in steps[:3]] == list(link.codec.names)
    assert [step.match for step in steps[:3]] == [None, "text-jscc", "text-jscc"]
    assert {(step.message, step.snr_db) for step in steps} == {(0, 0), (1, 0), (2, 6), (3, 6)}
    with pytest.raises(ConfigError, match="send fewer"):
        plan(["a"] * (MAX_MESSAGES // 2 + 1), link)


@pytest.mark.parametrize("messages_per_frame", [1, 3])
def test_what_shares_a_frame_is_in_a_row_of_one_codec_and_at_one_snr(messages_per_frame):
    radio = {"snr_db": [0, 0], "messages_per_snr": 4}
    link = LinkConfig.model_validate({"radio": radio, "phy": {"messages_per_frame": messages_per_frame}})
    steps = plan(list("abcd"), link)
    batches = [[(steps[index].stream, steps[index].message) for index in batch] for batch in together(steps, link)]
    rows = {1: [[0], [1], [2], [3], [4], [5], [6], [7]], 3: [[0, 1, 2], [3], [4, 5, 6], [7]]}[messages_per_frame]
    assert batches == [[(stream, message) for message in row] for row in rows for stream in range(3)]


def test_line_separators_in_a_text_do_not_cut_a_line_of_the_log(tmp_path):
    odd = message("text-jscc", 0.0, "a\u2028b\x85c", "a\u2028b\x85c")
    (tmp_path / "messages.jsonl").write_text(json.dumps(odd, ensure_ascii=False) + "\n", encoding="utf-8")
    points = run_folder.points([odd], "awgn", LinkConfig(), 0, "none")
    run_folder.write_json(
        tmp_path / "summary.json", {"run": run_folder.describe("flowgraph", LinkConfig(), 0), "points": points}
    )
    assert write_report(tmp_path, {}, 15625.0).stat().st_size > 0


def test_terminal_escapes_are_not_printed():
    console = Console(record=True, width=120, file=io.StringIO())
    print_messages([message("text-jscc", 0.0, "plain \x1b[31mred", "\x1b]0;title\x07 [bold]x[/bold]")], console)
    text = console.export_text()
    assert "\x1b" not in text and "\x07" not in text and "[bold]x[/bold]" in text


def test_the_hash_of_a_configuration_follows_the_weights_and_not_their_place(tmp_path):
    def digest(name, weights):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(weights)
        link = LinkConfig.model_validate({"codec": {"checkpoint": tmp_path / name}})
        return run_folder.describe("flowgraph", link, link.loopback.seed)["config_sha256"]

    assert digest("one", b"same") == digest("two", b"same") != digest("three", b"other")
