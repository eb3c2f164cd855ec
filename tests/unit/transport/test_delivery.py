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


def keys(outbox: Outbox) -> list:
    """Keys of the requests without a reply."""
    return [item.key for item in outbox._outstanding.values()]


class Link:
    """A client, a server and what is on its way between them.

    A new connection loses what was on its way, but for replies that the client's own socket may already hold.
    """

    def __init__(self):
        self.outbox = Outbox(b"session0", 2**20)
        self.answers = []  # (key, echoed value)
        self.executed = Counter()  # within the life of one server
        self.connection = 0
        self.to_client = []
        self.submitted = 0
        self.start_server()

    def start_server(self):
        self.inbox = Inbox(CONFIG)
        self.waiting = []
        self.executed.clear()
        self.connect()

    def connect(self, held=0):
        self.connection += 1
        self.to_server = [self.outbox.hello()]
        self.to_client = self.to_client[:held]
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
            taken = self.inbox.take([b"route %d" % self.connection, *self.to_server.pop(0)])
            if isinstance(taken, Request):
                self.executed[taken.sequence] += 1
                self.waiting.append(taken)
            elif taken is not None:
                self.server_sends(taken)

    def all_arrive_at_server(self):
        while self.to_server:
            self.to_server_arrives()

    def server_sends(self, message):
        if message[0] == b"route %d" % self.connection:  # else it goes to a connection that is no more
            self.to_client.append(message[1:])

    def server_answers(self, which=0):
        if self.waiting:
            request = self.waiting.pop(which)
            message = self.inbox.reply(request, request.packet)
            if message is not None:
                self.server_sends(message)

    def to_client_arrives(self):
        if self.to_client:
            reply = self.outbox.take(self.to_client.pop(0))
            if reply is not None:
                self.answers.append((reply.key, reply.packet.fields["value"]))
            self.send()

    def settle(self):
        for _ in range(4 * CREDIT):
            self.all_arrive_at_server()
            self.server_answers()
            self.to_client_arrives()


@pytest.fixture
def link():
    """A link whose client has been welcomed."""
    link = Link()
    link.settle()
    return link


ACTIONS = {
    "submit": Link.submit,
    "one arrives at the server": Link.to_server_arrives,
    "all arrive at the server": Link.all_arrive_at_server,
    "the server answers the oldest": Link.server_answers,
    "the server answers the newest": lambda link: link.server_answers(-1),
    "one arrives at the client": Link.to_client_arrives,
    "a new connection": Link.connect,
    "a new connection, with a reply in hand": lambda link: link.connect(held=1),
    "kill -9": Link.start_server,
}


@settings(max_examples=500)
@given(st.booleans(), st.lists(st.sampled_from(list(ACTIONS)), max_size=60))
def test_each_request_is_answered_exactly_once(welcomed, schedule):
    link = Link()
    if welcomed:
        link.settle()
    for step in schedule:
        ACTIONS[step](link)
        kept = link.inbox._sessions.get(b"session0")
        assert kept is None or len(kept.replies) + len(kept.pending) <= CREDIT
        assert all(times == 1 for times in link.executed.values())
    link.settle()
    assert sorted(link.answers) == [(key, key) for key in range(link.submitted)]
    assert keys(link.outbox) == []


@pytest.mark.parametrize("answered", [False, True])
def test_a_request_that_comes_again_is_not_carried_out_again(link, answered):
    link.submit()
    link.submit()
    link.all_arrive_at_server()
    if answered:
        link.server_answers()  # the reply is lost with the connection
    link.connect()
    link.all_arrive_at_server()
    link.settle()
    assert link.executed == {0: 1, 1: 1} and link.answers == [(0, 0), (1, 1)]


def test_the_reply_to_the_oldest_request_is_kept_when_the_window_moves(link):
    link.submit()
    link.submit()
    link.all_arrive_at_server()
    link.server_answers()
    link.to_client_arrives()
    link.server_answers()  # lost with the connection; the request comes again and says that it is the oldest now
    link.connect()
    link.settle()
    assert link.executed == {0: 1, 1: 1} and link.answers == [(0, 0), (1, 1)]


def test_a_reply_that_comes_twice_answers_once(link):
    link.submit()
    link.all_arrive_at_server()
    link.server_answers()
    link.connect(held=1)
    link.settle()
    assert link.answers == [(0, 0)]


def test_replies_that_arrived_are_forgotten(link):
    for _ in range(20):
        link.submit()
        link.settle()
    assert len(link.answers) == 20 and list(link.inbox._sessions[b"session0"].replies) == [19]


def test_there_is_no_credit_before_the_server_was_heard_and_none_beyond_its_window():
    link = Link()
    assert link.outbox.credit == 0
    link.settle()
    for left in (3, 2, 1, 0):
        assert link.outbox.credit == left
        link.submit()
    for _ in range(3):
        link.to_server_arrives()
    link.server_answers(1)  # the oldest is still unanswered: the window does not move
    link.to_client_arrives()
    assert link.outbox.credit == 0 and keys(link.outbox) == [0, 2]
    link.server_answers(0)
    link.to_client_arrives()
    assert link.outbox.credit == 2 and link.answers == [(1, 1), (0, 0)]


def test_a_restarted_server_with_less_credit_gets_its_fill_and_no_more(link):
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


def test_a_notice_is_small():
    small, large = Packet("report", {"x": "y" * 60_000}), Packet("report", {"x": "y" * 70_000})
    outbox, inbox = Outbox(b"session0", 2**20), Inbox(CONFIG)
    assert inbox.take([b"route", *outbox.notice(small)]).packet == small
    with pytest.raises(WireError, match="more than the 65536 allowed"):
        outbox.notice(large)
    with pytest.raises(WireError, match="more than the 65536 allowed"):
        inbox.take([b"route", pack_envelope(Envelope(Role.NOTICE, b"session0")), pack(large)])


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
    assert keys(outbox) == []
