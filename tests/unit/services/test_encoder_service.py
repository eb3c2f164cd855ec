"""The encoder worker's answers, without its process."""

import numpy as np
import pytest

from semcom_ota.codecs.base import DoesNotFit, Encoded
from semcom_ota.config import CodecConfig, ConfigError, MaskConfig, PhyConfig, TransmitterConfig
from semcom_ota.services.encoder import EncoderService, to_frames
from semcom_ota.transport.messages import EncodeReply, EncodeRequest, Masked, from_packet, to_packet
from semcom_ota.transport.wire import Packet, WireError, pack, unpack
from semcom_ota.types import LinkReport, Task

CONFIG = TransmitterConfig(codec=CodecConfig(names=("letters", "fives")), phy=PhyConfig(max_frame_symbols=64))


@pytest.fixture
def service(fake_codecs):
    return EncoderService(CONFIG)


def encode(service, *args, **kwargs) -> EncodeReply:
    reply = service.answer(to_packet(EncodeRequest(*args, **kwargs)))
    return from_packet(unpack(pack(reply), 2**20))


def test_a_text_becomes_frames_of_unit_power(service):
    reply = encode(service, "x" * 150, "letters", stream=3, message=77)
    headers = [frame.header for frame in reply.frames]
    assert [header.frame_symbols for header in headers] == [50, 50, 50]
    assert {(header.codec, header.stream, header.message, header.message_symbols) for header in headers} == {
        (200, 3, 77, 150)
    }
    assert [header.fragment for header in headers] == [0, 1, 2]
    for frame in reply.frames:
        assert np.mean(np.abs(frame.symbols.astype(np.complex128)) ** 2) == pytest.approx(1, abs=1e-6)
    assert reply.encode_ms >= 0


@pytest.mark.parametrize("task", [*Task, 15])
def test_every_frame_says_what_its_message_is_for(service, task):
    headers = [frame.header for frame in encode(service, "x" * 150, "letters", task=task).frames]
    assert [header.task for header in headers] == [task] * 3


def test_the_number_of_symbols_is_kept(service):
    assert encode(service, "ab", "letters", match="fives").frames[0].header.message_symbols == 5
    assert encode(service, "ab", "letters").frames[0].header.message_symbols == 2
    assert encode(service, "ab", "letters", match="fives", n_symbols=7).frames[0].header.message_symbols == 7


def test_a_text_that_does_not_fit_is_said_so(service):
    with pytest.raises(DoesNotFit, match="6 bytes need more than 5"):
        encode(service, "abcdef", "letters", match="fives")


@pytest.mark.parametrize(
    "packet",
    [
        to_packet(EncodeRequest("x", "utf8")),
        to_packet(EncodeRequest("x", "letters", match="utf8")),
        Packet("received"),
        to_packet(LinkReport(0, 0, 0, 0, 0.0, 0.0, np.zeros(1, np.float32))),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(service, packet):
    with pytest.raises(WireError):
        service.answer(packet)


def test_a_codec_that_cannot_encode_ends_the_start_with_one_sentence(service, monkeypatch):
    service.warm_up()
    codec = service._codecs["fives"]
    monkeypatch.setattr(codec, "encode", lambda text: codec.missing)
    with pytest.raises(ConfigError, match=r"^codec 'fives' fails on the text 'a': AttributeError: .*missing'$"):
        service.warm_up()


def masked(kind, **settings) -> EncoderService:
    mask = MaskConfig(kind=kind, reference_snr_db=0.0, **settings)
    return EncoderService(CONFIG.model_copy(update={"mask": mask}))


def heard(service, message, snr_db, lost_samples=0):
    report = LinkReport(0, message, 0, 1, snr_db, 0.0, np.full(4, snr_db, np.float32), lost_samples)
    service.notice(to_packet(report))


def test_more_is_masked_the_better_the_channel_was_reported(fake_codecs):
    service, sent = masked("theory", in_flight=1, margin=0), []
    for message, snr_db in enumerate((0.0, 6.0, 12.0, 18.0)):
        reply = encode(service, "ab", "letters", message=message, n_symbols=60)
        sent.append((reply.frames[0].header.message_symbols, reply.masked))
        heard(service, message, snr_db)
    assert sent[0] == (60, Masked(0, "unknown", None))
    assert [count + known.symbols for count, known in sent] == [60] * 4
    assert sent[1][0] == 60 and sent[1][1].snr_db == pytest.approx(0, abs=1e-4)
    assert 60 > sent[2][0] > sent[3][0] and sent[3][1].outlook == "reported"


def test_without_news_of_the_channel_nothing_is_masked(fake_codecs):
    service = masked("theory", in_flight=1, stale_frames=2)
    encode(service, "ab", "letters", message=0, n_symbols=60)
    heard(service, 0, 20.0)
    known = [encode(service, "ab", "letters", message=message, n_symbols=60).masked for message in (1, 2, 3)]
    assert [mask.outlook for mask in known] == ["reported", "reported", "stale"]
    assert known[0].symbols == known[1].symbols > 30 and known[2].symbols == 0
    heard(service, 3, 20.0)
    assert encode(service, "ab", "letters", message=4, n_symbols=60).masked.symbols > 30
    heard(service, 3, 20.0, lost_samples=100)
    assert encode(service, "ab", "letters", message=5, n_symbols=60).masked == Masked(0, "stale", None)


def test_a_mask_leaves_what_the_text_needs(fake_codecs):
    service = masked("fixed", share=0.1)
    assert encode(service, "abc", "letters", n_symbols=100).frames[0].header.message_symbols == 10
    assert encode(service, "x" * 15, "letters", n_symbols=100).frames[0].header.message_symbols == 20
    assert encode(service, "x" * 90, "letters").frames[0].header.message_symbols == 90
    with pytest.raises(DoesNotFit):
        encode(service, "x" * 90, "letters", n_symbols=50)


@pytest.fixture
def told(monkeypatch):
    """What a service's codec is told of the channel."""

    def of(service):
        codec, seen = service._codecs["letters"], []
        own = codec.encode
        monkeypatch.setattr(codec, "encode", lambda text, **known: seen.append(known["snr_db"]) or own(text, **known))
        return seen

    return of


def test_a_known_snr_goes_before_what_reports_say(fake_codecs, told):
    service = masked("fixed", in_flight=1)
    seen = told(service)
    encode(service, "ab", "letters", message=0, n_symbols=40, snr_db=7.0)
    heard(service, 0, 12.0)
    encode(service, "ab", "letters", message=1, n_symbols=40, snr_db=7.0)
    encode(service, "ab", "letters", message=2, n_symbols=40)
    assert seen == [7.0, 7.0, pytest.approx(12.0, abs=1e-4)]


def test_where_the_mask_follows_the_channel_the_codec_knows_what_is_reported_and_not_the_truth(fake_codecs, told):
    service = masked("theory", in_flight=1, stale_frames=2)
    seen = told(service)
    encode(service, "ab", "letters", message=0, n_symbols=40, snr_db=7.0)
    heard(service, 0, 12.34)
    for message in (1, 2, 3):  # the third comes when the report is stale
        encode(service, "ab", "letters", message=message, n_symbols=40, snr_db=7.0)
    assert seen == [None, 12.3, 12.3, None]


def test_what_a_codec_needs_has_to_be_known(fake_codecs):
    config = CONFIG.model_copy(update={"mask": MaskConfig(kind="theory")})
    with pytest.raises(ConfigError, match=r"^codec 'letters' does not say .* set mask.reference_snr_db"):
        EncoderService(config)


def test_a_notice_of_another_kind_is_refused(service):
    with pytest.raises(WireError):
        service.notice(to_packet(EncodeRequest("x", "letters")))


def test_frames_are_as_few_as_possible_and_as_even():
    symbols = np.arange(1, 1002).astype(np.complex64)
    symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
    frames = to_frames(Encoded(symbols * np.float32(1.0004), 9), 1, 2, 3, 500)
    assert [len(frame.symbols) for frame in frames] == [334, 334, 333]
    for frame in frames:
        start, stop = frame.header.symbol_range()
        assert np.allclose(frame.symbols, symbols[start:stop])
    energy = sum(np.sum(np.abs(frame.symbols.astype(np.complex128)) ** 2) for frame in frames)
    assert energy == pytest.approx(1001, abs=1e-3)


@pytest.mark.parametrize("count", [2**18, 257 * 64])
def test_more_symbols_than_a_header_can_tell_do_not_fit(count):
    with pytest.raises(DoesNotFit):
        to_frames(Encoded(np.ones(count, np.complex64), 0), 1, 0, 0, 64 if count < 2**18 else 8192)


@pytest.mark.parametrize(
    "encoded",
    [
        Encoded(np.zeros(0, np.complex64), 0),
        Encoded(np.zeros(5, np.complex64), 0),
        Encoded(2 * np.ones(5, np.complex64), 0),  # four times the energy of every other codec
        Encoded(np.array([1, np.nan], np.complex64), 0),
        Encoded(np.ones(5, np.complex64), 2**24),
        Encoded(np.ones(5, np.complex64), -1),
    ],
)
def test_what_no_codec_should_make_is_refused(encoded):
    with pytest.raises(ValueError):
        to_frames(encoded, 1, 0, 0, 64)
