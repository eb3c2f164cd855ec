"""Stories through the numpy PHY, in front of a tiny random reader."""

import json
from collections import Counter

import pytest
from tiny_reader import save_minding_reader

from semcom_ota.codecs import registry
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig, LinkConfig, load_channel
from semcom_ota.experiments import qa, qa_waveform
from semcom_ota.experiments.qa_error_free import ErrorFreeLevel
from semcom_ota.experiments.qa_plan import Outcome, groups
from semcom_ota.experiments.qa_waveform import WaveformLevel
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Question, Story
from semcom_ota.types import Understanding

STORIES = generate(1, 3, 0)
(LINES,) = groups(STORIES)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return save_minding_reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def link(reader):
    def made(codec="huffman", channel="awgn", entries=64, reader=reader, rule="fifo", **parts):
        return LinkConfig.model_validate(
            {
                "codec": {"names": [codec]},
                "device": {"device": "cpu"},
                "memory": {"entries": entries, "reader": reader, "rule": rule},
                "radio": {"channel": load_channel(channel).model_dump()},
                **parts,
            }
        )

    return made


def outcomes(level, snr_db, seed=0, lines=LINES):
    found = list(level.run(lines, snr_db, seed))
    assert [line for line, _ in found] == list(lines)
    return [outcome for _, outcome in found]


def counted(found):
    return Counter(outcome.status for outcome in found)


@pytest.mark.parametrize(
    ("codec", "parts"),
    [("huffman", {}), ("utf8", {"phy": {"max_frame_symbols": 64}}), ("huffman", {"mask": {"kind": "fixed"}})],
    ids=["huffman", "several frames", "masked"],
)
def test_over_a_good_channel_it_answers_as_without_one(codec, parts, link, tmp_path):
    heard = link(codec, entries=5, reader=save_minding_reader(tmp_path, channels=False), **parts)
    sent, ideal = outcomes(WaveformLevel(heard), 25.0), outcomes(ErrorFreeLevel(heard), 25.0)
    assert len({outcome.understanding.answer for outcome in ideal}) > 2
    for line, one, other in zip(LINES, sent, ideal, strict=True):
        assert (one.status, one.received, one.reason) == ("delivered", line.text, "")
        assert (one.understanding.intent, one.understanding.answer) == (
            other.understanding.intent, other.understanding.answer,
        )  # fmt: skip
        assert one.understanding.answer_confidence == pytest.approx(other.understanding.answer_confidence, abs=1e-5)
        assert (one.understanding.answer is None) == (line.question is None)


def test_what_does_not_fit_is_lost_with_its_reason_and_the_rest_goes_on(link):
    story, text = STORIES[0], "x" * 20_000
    questions = [Question(text, "yes", (), 1), *story.questions]
    (lines,) = groups([Story((text, *story.lines), tuple(questions))])
    level = WaveformLevel(link("utf8", mask={"kind": "theory", "reference_snr_db": 0}))
    found = outcomes(level, 25.0, 0, lines)
    for line, outcome in zip(lines, found, strict=True):
        if line.text == text:
            assert outcome == Outcome("lost", reason=outcome.reason) and "16384" in outcome.reason
        else:
            assert (outcome.status, outcome.received) == ("delivered", line.text)
    assert counted(found)["lost"] == 2 and sum(outcome.masked_symbols for outcome in found[4:]) > 0


def test_the_masked_symbols_are_those_that_were_not_sent(link):
    codec = registry.load("utf8", CodecConfig(), DeviceConfig(device="cpu"))
    needed = [codec.symbol_count(line.text) for line in LINES]
    unmasked = outcomes(WaveformLevel(link("utf8")), 25.0)
    masked = outcomes(WaveformLevel(link("utf8", mask={"kind": "fixed", "share": 0.6})), 25.0)
    assert [(one.payload_symbols, one.masked_symbols) for one in unmasked] == [(count, 0) for count in needed]
    for one, count in zip(masked, needed, strict=True):
        assert one.payload_symbols + one.masked_symbols == count and one.payload_symbols == -(-count * 6 // 10)
    assert sum(one.air_samples for one in masked) < sum(one.air_samples for one in unmasked)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_theory_masks_as_soon_as_the_channel_is_reported_and_the_more_the_better_it_is(in_flight, link):
    mask = {"kind": "theory", "reference_snr_db": 6, "in_flight": in_flight, "margin": 0}
    level = WaveformLevel(link(mask=mask))
    bad, good = ([one.masked_symbols for one in outcomes(level, snr_db)] for snr_db in (9.0, 12.0))
    assert bad[:in_flight] == good[:in_flight] == [0] * in_flight
    assert all(0 < few < many for few, many in zip(bad[in_flight:], good[in_flight:], strict=True))
    nothing_heard = outcomes(WaveformLevel(link(channel="noise_only", mask=mask)), 24.0)
    assert not any(one.masked_symbols for one in nothing_heard)


@pytest.mark.parametrize(
    ("mask", "channel", "told"),
    [
        ("theory", "awgn", "reports"),
        ("theory", "noise_only", "nothing"),
        ("fixed", "awgn", "truth"),
        ("none", "awgn", "truth"),
    ],
)
def test_a_codec_knows_the_truth_only_where_no_mask_follows_the_channel(mask, channel, told, link, monkeypatch):
    level = WaveformLevel(link(channel=channel, mask={"kind": mask, "reference_snr_db": 6}))
    own, seen = level._codec.encode, []
    monkeypatch.setattr(
        level._codec, "encode", lambda text, **known: seen.append(known["snr_db"]) or own(text, **known)
    )
    outcomes(level, 9.0)
    if told == "reports":
        assert seen[:2] == [None, None] and len(set(seen[2:])) > 3
        assert seen[2:] == pytest.approx([9.0] * len(seen[2:]), abs=1.5)
    else:
        assert set(seen) == {None if told == "nothing" else 9.0}


def test_frames_and_not_messages_are_in_flight(link):
    mask = {"kind": "theory", "reference_snr_db": 6, "margin": 0}
    whole, split = (
        [one.masked_symbols for one in outcomes(WaveformLevel(link("utf8", mask=mask, phy=phy)), 12.0)]
        for phy in ({}, {"max_frame_symbols": 64})
    )
    assert [masked > 0 for masked in whole[:3]] == [False, False, True]
    assert [masked > 0 for masked in split[:3]] == [False, True, True]  # of the first one's frames but one is known


def test_what_is_kept_of_what_was_encoded_is_bounded(link, monkeypatch):
    monkeypatch.setattr(qa_waveform, "KEPT", 5)
    level = WaveformLevel(link())
    outcomes(level, 25.0)
    assert level._encoder._encoded.cache_info().currsize == 5 < len({line.text for line in LINES})


def test_what_is_lost_is_not_understood_though_it_was_sent(link):
    for one in outcomes(WaveformLevel(link(channel="noise_only")), 30.0):
        assert (one.status, one.received, one.understanding) == ("lost", "", Understanding())
        assert one.payload_symbols > 0 and one.overhead_symbols > 0
        assert (one.payload_symbols + one.overhead_symbols) / 52 == one.air_samples / 80


@pytest.mark.parametrize(
    ("channel", "snr_db", "memory"),
    [("awgn", 0.0, {}), ("rayleigh", 9.0, {}), ("rayleigh", 9.0, {"entries": 3, "rule": "correlation"})],
)
def test_an_outcome_is_one_of_its_seed_alone(channel, snr_db, memory, link):
    settings = link(channel=channel, **memory)
    level = WaveformLevel(settings)
    first, other, again = (outcomes(level, snr_db, seed) for seed in (1, 2, 1))
    assert first == again == outcomes(WaveformLevel(settings), snr_db, 1)
    assert [one.understanding for one in first] != [one.understanding for one in other]
    assert [one.air_samples for one in first] == [one.air_samples for one in other]


def test_several_memories_hear_the_very_same_and_each_comes_to_what_it_would_alone(link):
    links = [link(channel="rayleigh", **memory) for memory in ({}, {"entries": 3}, {"entries": 0})]
    asked = qa.Asked(STORIES, 1, (9.0, 3.0), "waveform", 4)
    together = qa.compare(asked, links, "rayleigh", quiet=True)
    alone = [qa.run(asked, one, "rayleigh", quiet=True) for one in links]
    for one, other in zip(together, alone, strict=True):
        assert one["points"] == other["points"]
        assert one["run"]["error_free"] == other["run"]["error_free"]
    assert len({json.dumps(one["points"]) for one in together}) == 3
    with pytest.raises(ValueError, match="differ in their memories alone"):
        qa.compare(asked, [links[0], link()], "rayleigh", quiet=True)


def test_a_fading_channel_loses_some_and_spoils_some(link):
    found = counted(outcomes(WaveformLevel(link(channel="rayleigh")), 6.0))
    assert found.keys() == {"delivered", "corrupted", "lost"}


def test_how_many_are_decoded_together_changes_nothing(link, monkeypatch):
    level = WaveformLevel(link(channel="rayleigh", entries=3))
    whole = outcomes(level, 9.0)
    monkeypatch.setattr(qa_waveform, "TOGETHER", 7)
    assert outcomes(level, 9.0) == whole


def test_without_a_memory_every_question_of_one_wording_has_one_answer(link):
    forgetful = outcomes(WaveformLevel(link(entries=0)), 25.0)
    answers = {}
    for line, one in zip(LINES, forgetful, strict=True):
        if line.question:
            answers.setdefault(line.text, set()).add(one.understanding.answer)
    assert len(answers) > 2 and all(len(said) == 1 for said in answers.values())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mask": {"kind": "theory"}}, "codec 'huffman' does not say at which SNR it needs all of its symbols"),
        ({"reader": "nowhere"}, "no reader in 'nowhere'"),
        ({"codec": "morse"}, "morse"),
    ],
)
def test_what_cannot_be_had_is_told_before_anything_is_sent(changes, sentence, link):
    with pytest.raises(ConfigError, match=sentence):
        WaveformLevel(link(**changes))
