import numpy as np
import pytest

from semcom_ota.memory.csi_coding import BANDS, CSI_FEATURES, HISTORY
from semcom_ota.training import story_reception
from semcom_ota.training.story_reception import CLEAN, heard_story

VOCABULARY = np.arange(100, 1100)
SENTENCES = [list(range(place, place + 5)) for place in range(20)]
HISTORIC, BAND = slice(1, 1 + HISTORY), slice(1 + HISTORY, 1 + HISTORY + BANDS)


def said(rng):
    return list(zip(SENTENCES, heard_story(rng, SENTENCES, VOCABULARY), strict=True))


@pytest.fixture
def through(monkeypatch):
    """Stories through channels of one mean SNR: (sent, heard) of every sentence."""

    def heard(snr_db, fading=0.0, stories=60):
        monkeypatch.setattr(story_reception, "CLEAN_SHARE", 0.0)
        monkeypatch.setattr(story_reception, "BURST_SHARE", 0.0)
        monkeypatch.setattr(story_reception, "FADING_SHARE", fading)
        monkeypatch.setattr(story_reception, "LOWEST_DB", snr_db)
        monkeypatch.setattr(story_reception, "HIGHEST_DB", snr_db)
        rng = np.random.default_rng(1)
        return [pair for _ in range(stories) for pair in said(rng)]

    return heard


def lost(pairs):
    return np.mean([heard is None for _, heard in pairs])


def right(pairs):
    return np.concatenate([heard.tokens == sent for sent, heard in pairs if heard is not None])


def test_at_a_high_snr_hardly_anything_is_lost_or_taken_for_something_else(through):
    pairs = through(18.0)
    assert lost(pairs) < 0.01 and right(pairs).mean() > 0.99


def test_of_a_fading_channel_more_is_lost(through):
    assert lost(through(6.0, fading=1.0)) > lost(through(6.0)) + 0.02


def test_the_worse_the_channel_the_more_is_lost_and_mistaken(through):
    figures = [(lost(pairs), 1 - right(pairs).mean()) for pairs in map(through, (6.0, 0.0, -3.0, -6.0))]
    assert figures == sorted(figures) and [wrong for _, wrong in figures] == sorted(wrong for _, wrong in figures)
    assert figures[-1][0] > 0.5 and figures[-1][1] > 0.3


@pytest.mark.parametrize("snr_db", [1.0, -1.0, -4.0])
def test_the_decoder_is_as_sure_as_it_should_be(through, snr_db):
    pairs = through(snr_db)
    trust = np.concatenate([heard.trust for _, heard in pairs if heard is not None])
    correct, sure = right(pairs), trust > 0.8
    assert trust.mean() == pytest.approx(correct.mean(), abs=0.03)
    assert correct[sure].mean() > correct[~sure].mean()


@pytest.mark.parametrize("fading", [0.0, 1.0])
def test_the_channel_that_is_told_is_the_one_it_came_through(through, fading):
    pairs = [(sent, heard) for sent, heard in through(2.0, fading) if heard is not None]
    rows = np.stack([heard.csi for _, heard in pairs])
    assert rows.shape == (len(pairs), CSI_FEATURES) and rows.dtype == CLEAN.dtype and np.isfinite(rows).all()
    assert all(len(set(heard.trust.tolist())) == 1 and 0 < heard.trust[0] <= 1 for _, heard in pairs)
    wrong = np.array([(heard.tokens != sent).mean() for sent, heard in pairs])
    if fading:
        assert np.corrcoef(rows[:, 0], wrong)[0, 1] < -0.2
        assert rows[:, BAND].std() > 0.1 and rows[:, HISTORIC].std() > 0.1
    else:
        assert rows[:, 0] * 20 == pytest.approx(np.full(len(rows), 2.0), abs=2.5)
        assert rows[:, BAND].std() < 0.03 and rows[:, HISTORIC].std() < 0.05


def test_what_is_mistaken_is_taken_for_a_word_that_there_is(through):
    for sent, heard in through(-4.0):
        if heard is not None:
            assert all(token == said or token in VOCABULARY for token, said in zip(heard.tokens, sent, strict=True))


def test_the_same_seed_gives_the_same_story():
    def told(seed):
        return [heard and (heard.tokens.tolist(), heard.csi.tolist()) for _, heard in said(np.random.default_rng(seed))]

    assert told(3) == told(3) != told(4)


def test_nothing_said_is_nothing_heard():
    assert heard_story(np.random.default_rng(0), [], VOCABULARY) == []


def test_now_and_then_sentences_in_a_row_are_lost_over_a_good_channel(monkeypatch):
    monkeypatch.setattr(story_reception, "CLEAN_SHARE", 1.0)
    rng = np.random.default_rng(2)
    stories = [[heard is None for _, heard in said(rng)] for _ in range(400)]
    with_loss = [lost for lost in stories if any(lost)]
    assert 20 < len(with_loss) < 60
    for lost in with_loss:
        first, last = lost.index(True), len(lost) - 1 - lost[::-1].index(True)
        assert all(lost[first : last + 1]) and last - first < story_reception.LONGEST_BURST
    assert max(map(sum, with_loss)) > 4
