"""The decoder worker's answers, without its process."""

from types import SimpleNamespace

import numpy as np
import pytest
from readers import save_tiny_reader

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Decoded
from semcom_ota.config import CodecConfig, ConfigError, MemoryConfig, ReceiverConfig
from semcom_ota.services.decoder import DecoderService
from semcom_ota.transport.messages import EncodeRequest, from_packet, to_packet
from semcom_ota.transport.wire import Packet, WireError, pack, unpack
from semcom_ota.types import Csi, FrameHeader, ReceivedMessage, Task, Understanding

CONFIG = ReceiverConfig(codec=CodecConfig(names=("letters",)), memory=MemoryConfig(entries=3))


@pytest.fixture
def service(fake_codecs):
    return DecoderService(CONFIG)


def received(text: str, message: int = 0, codec: int = 200, lost: int = 0, task: int = Task.AUTO) -> ReceivedMessage:
    data = np.frombuffer(text.encode(), np.uint8)
    symbols = np.exp(2j * np.pi * data / 256).astype(np.complex64)
    variance = np.full(len(data), 0.1, np.float32)
    symbols[:lost], variance[:lost] = 0, np.inf
    header = FrameHeader(codec, len(data), task, message=message, message_symbols=len(data))
    csi = Csi(np.ones((2, 4), np.complex64), np.full(4, 0.1, np.float32), 10.0, 5.0, 1e6, 15625.0)
    return ReceivedMessage(header, symbols, variance, (csi,))


def test_a_message_is_decoded_and_remembered(service):
    reply = from_packet(unpack(pack(service.answer(to_packet(received("hello", message=7, lost=2)))), 2**20))
    assert (reply.decoded.text, reply.decoded.confidence, reply.decoded.intact) == ("??llo", 0.5, False)
    (entry,) = service.memory.store.stream(0)
    assert (entry.message, entry.understood.text, entry.understood.confidence, entry.understood.intact) == (
        7,
        "??llo",
        0.5,
        False,
    )
    assert not entry.reliability[:2].any() and entry.reliability[2:].all() and entry.csi.snr_db == pytest.approx(10)


def test_the_memory_is_bounded_and_a_resent_request_changes_nothing(service):
    for message in (0, 1, 2, 3, 3, 2):
        service.answer(to_packet(received(f"text {message}", message)))
    assert [entry.understood.text for entry in service.memory.store.stream(0)] == ["text 1", "text 2", "text 3"]
    assert (len(service.memory.store), service.memory.store.time) == (3, 4)


def test_without_a_reader_a_question_is_a_text_like_any_other(service):
    reply = from_packet(service.answer(to_packet(received("Where is Mary?", task=Task.ASK))))
    assert reply.understanding == Understanding(remembered=1) and len(service.memory.store) == 1


def test_a_question_is_answered_from_what_was_told_before(fake_codecs, tmp_path):
    memory = MemoryConfig(entries=3, reader=save_tiny_reader(tmp_path))
    service, replies = DecoderService(CONFIG.model_copy(update={"memory": memory})), []
    said = [("Mary went to the garden.", Task.TELL), ("Where is Mary?", Task.ASK), ("Where is Mary?", Task.TELL)]
    for message, (text, task) in enumerate(said):
        packet = service.answer(to_packet(received(text, message, task=task)))
        replies.append(from_packet(unpack(pack(packet), 2**20)))
    told, asked, told_too = (reply.understanding for reply in replies)
    assert [reply.decoded.text for reply in replies] == [text for text, _ in said]
    assert (told.answer, told_too.answer, told.answer_confidence) == (None, None, 0)
    assert told.intent and asked.intent == told_too.intent
    assert asked.answer is not None and 0 < asked.answer_confidence <= 1
    kept = [entry.understood.text for entry in service.memory.store.stream(0)]
    assert kept == ["Mary went to the garden.", "Where is Mary?"]


def test_a_codec_with_a_memory_is_told_what_was_heard_before(fake_codecs, monkeypatch):
    memory = MemoryConfig(entries=3, decode_with=2)
    service, told = DecoderService(CONFIG.model_copy(update={"memory": memory})), []

    def decode_after(message, before):
        told.append([one.text for one in before])
        return Decoded(f"after {len(before)}", 1.0, True)

    monkeypatch.setattr(type(service._codecs[200]), "decode_after", staticmethod(decode_after), raising=False)
    replies = [from_packet(service.answer(to_packet(received(text, place)))) for place, text in enumerate("abcd")]
    assert [reply.decoded.text for reply in replies] == ["a", "after 1", "after 2", "after 2"]
    assert told == [["a"], ["a", "after 1"], ["after 1", "after 2"]]


def test_a_codec_that_cannot_decode_ends_the_start_with_one_sentence(service, monkeypatch):
    service.warm_up()
    assert len(service.memory.store) == 0
    monkeypatch.setattr(service._codecs[200], "decode", lambda *_: 1 / 0)
    with pytest.raises(ConfigError, match=r"^codec 'letters' fails on the text 'a': ZeroDivisionError: .*zero$"):
        service.warm_up()


def test_a_failed_message_is_not_remembered(service):
    with pytest.raises(RuntimeError):
        service.answer(to_packet(received("!fail")))
    assert len(service.memory.store) == 0


@pytest.mark.parametrize("reads", [False, True])
def test_a_disk_that_is_full_costs_no_text_and_the_log_says_it_once(fake_codecs, tmp_path, caplog, reads):
    reader = save_tiny_reader(tmp_path / "reader") if reads else None
    memory = MemoryConfig(entries=3, file=tmp_path / "memory.db", reader=reader)
    service = DecoderService(CONFIG.model_copy(update={"memory": memory}))
    service.answer(to_packet(received("kept", 0, task=Task.TELL)))
    service.memory.store._disk._base.execute("PRAGMA query_only = ON")
    for message in (1, 2):
        reply = from_packet(service.answer(to_packet(received(f"text {message}", message, task=Task.TELL))))
        assert (reply.decoded.text, reply.decoded.intact) == (f"text {message}", True)
        assert reply.understanding.answer is None
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"cannot write the memory '{memory.file}' (attempt to write a readonly database): make room, or name another"
    ]
    service.memory.store._disk._base.execute("PRAGMA query_only = OFF")
    service.answer(to_packet(received("text 3", 3, task=Task.TELL)))
    assert [entry.understood.text for entry in service.memory.store.stream(0)] == ["kept", "text 3"]
    service.memory.store.close()


@pytest.mark.parametrize("packet", [to_packet(received("x", codec=9)), to_packet(EncodeRequest("x", "a")), Packet("x")])
def test_a_request_that_makes_no_sense_is_refused(service, packet):
    with pytest.raises(WireError):
        service.answer(packet)
    with pytest.raises(WireError):
        service.notice(packet)


def test_a_codec_is_held_to_what_it_promises(monkeypatch):
    doubtful = iter([Decoded("x", float("nan"), True), Decoded("x", 0.5, True, 1.5)])
    codec = SimpleNamespace(name="odd", number=200, decode=lambda *_: next(doubtful))
    monkeypatch.setattr(registry, "load_all", lambda *_: {"odd": codec})
    service = DecoderService(CONFIG)
    for said in ("nan", "1.5"):
        with pytest.raises(ValueError, match=f"confidence of {said}"):
            service.answer(to_packet(received("x")))
    assert len(service.memory.store) == 0
