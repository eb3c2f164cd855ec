"""The protocol without sockets, under every order of loss, reconnection and death that hypothesis can think of."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.config import TransportConfig
from semcom_ota.transport.delivery import MAX_SESSIONS, Inbox, Outbox, Request
from semcom_ota.transport.messages import Failure, from_packet
from semcom_ota.transport.wire import Envelope, Packet, Role, WireError, pack, pack_envelope

CREDIT = 3
CONFIG = TransportConfig(credit=CREDIT)


class Link:
    """A client, a server and what is on its way between them. A new connection loses what was on its way."""

    def __init__(self):
        self.outbox = Outbox(b"session0", 2**20)
        self.answers = []  # (key, echoed value)
        self.executed = Counter()  # within the life of one server
        self.connection = 0
        self.submitted = 0
        self.start_server()

    def start_server(self):
        self.inbox = Inbox(CONFIG)
        self.waiting = []
        self.executed.clear()
        self.connect()

    def connect(self):
        self.connection += 1
        self.to_server = [self.outbox.hello()]
        self.to_client = []
        self.send()

    def send(self):
        self.to_server += list(self.outbox.unsent(self.connection))

    def submit(self):
        if self.outbox.credit:
            self.outbox.add(self.submitted, Packet("echo", {"value": self.submitted}))
            self.submitted += 1
            self.send()

    def to_server_arrives(self):
        if self.to_server:
            taken = self.inbox.take([b"route", *self.to_server.pop(0)])
            if isinstance(taken, Request):
                self.executed[taken.sequence] += 1
                self.waiting.append(taken)
            elif taken is not None:
                self.to_client.append(taken[1:])

    def server_answers(self, which=0):
        if self.waiting:
            request = self.waiting.pop(which % len(self.waiting))
            message = self.inbox.reply(request, request.packet)
            if message is not None:
                self.to_client.append(message[1:])

    def to_client_arrives(self):
        if self.to_client:
            reply = self.outbox.take(self.to_client.pop(0))
            if reply is not None:
                self.answers.append((reply.key, reply.packet.fields["value"]))
            self.send()


steps = st.lists(
    st.sampled_from(["submit", "submit", "to_server", "to_server", "answer", "answer_last", "to_client", "to_client"])
    | st.sampled_from(["reconnect", "kill"]),
    max_size=80,
)


@settings(max_examples=300)
@given(steps)
def test_each_request_is_answered_exactly_once(schedule):
    link = Link()
    actions = {
        "submit": link.submit,
        "to_server": link.to_server_arrives,
        "answer": link.server_answers,
        "answer_last": lambda: link.server_answers(-1),
        "to_client": link.to_client_arrives,
        "reconnect": link.connect,
        "kill": link.start_server,
    }
    for step in schedule:
        actions[step]()
        kept = link.inbox._sessions.get(b"session0")
        assert kept is None or len(kept.replies) + len(kept.pending) <= CREDIT
        assert all(times == 1 for times in link.executed.values())
    for _ in range(4 * CREDIT):
        link.to_server_arrives()
        link.server_answers()
        link.to_client_arrives()
    assert sorted(link.answers) == [(key, key) for key in range(link.submitted)]
    assert link.outbox.keys == []


def test_there_is_no_credit_before_the_server_was_heard_and_none_beyond_its_window():
    link = Link()
    assert link.outbox.credit == 0
    link.to_server_arrives()
    link.to_client_arrives()
    for left in (3, 2, 1, 0):
        assert link.outbox.credit == left
        link.submit()
    for _ in range(3):
        link.to_server_arrives()
    link.server_answers(1)  # the oldest is still unanswered: the window does not move
    link.to_client_arrives()
    assert link.outbox.credit == 0 and link.outbox.keys == [0, 2]
    link.server_answers(0)
    link.to_client_arrives()
    assert link.outbox.credit == 2


def test_a_restarted_server_with_less_credit_gets_its_fill_and_no_more():
    link = Link()
    link.to_server_arrives()
    link.to_client_arrives()
    for _ in range(3):
        link.submit()
    link.outbox.window = 1
    link.connect()
    assert len(link.to_server) == 2  # the greeting and the oldest request
    link.to_server_arrives()
    link.to_server_arrives()
    link.server_answers()
    link.outbox.take(link.to_client.pop())
    assert len(list(link.outbox.unsent(link.connection))) == 1


def test_a_request_outside_the_window_is_not_carried_out():
    inbox = Inbox(CONFIG)
    request = [b"route", pack_envelope(Envelope(Role.REQUEST, b"session0", CREDIT, 0)), pack(Packet("echo"))]
    assert inbox.take(request) is None


def test_a_request_that_cannot_be_read_is_answered_so():
    inbox = Inbox(CONFIG)
    answer = inbox.take([b"route", pack_envelope(Envelope(Role.REQUEST, b"session0", 0, 0)), b"junk"])
    outbox = Outbox(b"session0", 2**20)
    outbox.window = 1
    outbox.add("key", Packet("echo"))
    failure = from_packet(outbox.take(answer[1:]).packet)
    assert isinstance(failure, Failure) and failure.reason == "bad_request"


def test_a_reply_that_cannot_be_read_still_answers():
    outbox = Outbox(b"session0", 2**20)
    outbox.add("key", Packet("echo"))
    reply = outbox.take([pack_envelope(Envelope(Role.REPLY, b"session0", 0)), b"junk"])
    assert reply.key == "key" and from_packet(reply.packet).reason == "failed"


def test_clients_that_were_never_heard_again_are_forgotten():
    inbox = Inbox(CONFIG)
    for number in range(10 * MAX_SESSIONS):
        inbox.take([b"route", pack_envelope(Envelope(Role.HELLO, number.to_bytes(8, "little"))), b""])
    assert len(inbox._sessions) == MAX_SESSIONS


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_strangers_bytes_are_refused(message):
    for take in (Inbox(CONFIG).take, Outbox(b"session0", 2**20).take):
        with pytest.raises(WireError):
            take(message)


@pytest.mark.parametrize(
    "fields", [{}, {"credit": "8", "max_packet_bytes": 1}, {"credit": None, "max_packet_bytes": 1}]
)
def test_a_welcome_of_junk_is_refused(fields):
    outbox = Outbox(b"session0", 2**20)
    with pytest.raises(WireError):
        outbox.take([pack_envelope(Envelope(Role.WELCOME, b"session0")), pack(Packet("welcome", fields))])
    assert outbox.credit == 0


def test_a_packet_larger_than_the_server_takes_is_refused_before_it_is_sent():
    outbox = Outbox(b"session0", 2**20)
    fields = {"credit": 8, "max_packet_bytes": 100}
    outbox.take([pack_envelope(Envelope(Role.WELCOME, b"session0")), pack(Packet("welcome", fields))])
    with pytest.raises(WireError, match="more than the 100 allowed"):
        outbox.add("key", Packet("echo", {"text": "x" * 100}))
    assert outbox.keys == []
