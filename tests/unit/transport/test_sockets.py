"""Client and server over real sockets, both in this process."""

import os
import socket
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
import zmq

from semcom_ota.config import ConfigError, TransportConfig
from semcom_ota.transport import endpoint as endpoints
from semcom_ota.transport import sockets
from semcom_ota.transport.endpoint import check_endpoint, ipc_endpoint
from semcom_ota.transport.sockets import ReplyServer, RequestClient
from semcom_ota.transport.wire import Packet, WireError

CONFIG = TransportConfig(credit=4, heartbeat_ms=50)
PATIENCE = 400  # polls of 50 ms: 20 s, on a busy machine


@pytest.fixture
def endpoint(tmp_path):
    return ipc_endpoint(tmp_path, "test")


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(endpoints, "TAKEOVER_S", 0.1)
    monkeypatch.setattr(sockets, "TAKEOVER_S", 0.1)


def until(condition, *steps):
    for _ in range(PATIENCE):
        if condition():
            return
        for step in steps:
            step()
    raise AssertionError("it never happened")


def connect(client, server):
    until(lambda: client.credit, lambda: client.poll(0.05), lambda: server.poll(0.0))


def echo(server, timeout=0.0):
    for request in server.poll(timeout):
        server.reply(request, request.packet)


def test_requests_are_answered_with_their_own_reply(endpoint):
    with ReplyServer(endpoint, CONFIG) as server, RequestClient(endpoint, CONFIG) as client:
        connect(client, server)
        sent = {key: np.full(1000, key, np.complex64) for key in range(4)}
        for key, array in sent.items():
            assert client.submit(key, Packet("echo", {"key": key}, {"x": array}))
        replies = []
        until(lambda: len(replies) == 4, lambda: echo(server), lambda: replies.extend(client.poll(0.05)))
        assert [reply.key for reply in replies] == [0, 1, 2, 3]
        assert all(np.array_equal(reply.packet.arrays["x"], sent[reply.key]) for reply in replies)


def test_without_credit_a_request_is_refused(endpoint):
    with RequestClient(endpoint, CONFIG) as client:
        assert not client.submit("early", Packet("echo"))
        with ReplyServer(endpoint, CONFIG) as server:
            connect(client, server)
            assert [client.submit(key, Packet("echo")) for key in range(5)] == [True] * 4 + [False]
            assert client.credit == 0


def test_answers_may_come_in_any_order_and_a_second_one_is_ignored(endpoint):
    with ReplyServer(endpoint, CONFIG) as server, RequestClient(endpoint, CONFIG) as client:
        connect(client, server)
        for key in range(3):
            client.submit(key, Packet("echo"))
        requests = []
        until(lambda: len(requests) == 3, lambda: requests.extend(server.poll(0.05)))
        for request in reversed(requests):
            server.reply(request, Packet("first"))
            server.reply(request, Packet("second"))
        replies = []
        until(lambda: len(replies) == 3, lambda: replies.extend(client.poll(0.05)))
        assert [(reply.key, reply.packet.kind) for reply in replies] == [(2, "first"), (1, "first"), (0, "first")]
        assert client.poll(0.2) == []


def test_a_server_that_comes_back_gets_what_it_had_not_answered(endpoint):
    with RequestClient(endpoint, CONFIG) as client:
        with ReplyServer(endpoint, CONFIG) as server:
            connect(client, server)
            for key in range(4):
                client.submit(key, Packet("echo"))
            requests = []
            until(lambda: len(requests) == 4, lambda: requests.extend(server.poll(0.05)))
            server.reply(requests[0], Packet("by the first server"))
            replies = []
            until(lambda: replies, lambda: replies.extend(client.poll(0.05)))
        until(lambda: not client._connected, lambda: client.poll(0.05))
        assert client.submit(4, Packet("echo"))  # while nobody is there
        with ReplyServer(endpoint, CONFIG) as server:
            until(lambda: len(replies) == 5, lambda: echo(server), lambda: replies.extend(client.poll(0.05)))
        assert [reply.key for reply in replies] == [0, 1, 2, 3, 4]


def test_notices_arrive_and_want_no_reply(endpoint):
    with ReplyServer(endpoint, CONFIG) as server, RequestClient(endpoint, CONFIG) as client:
        assert not client.notify(Packet("early"))
        connect(client, server)
        assert client.notify(Packet("report", {"snr_db": 3.0}))
        requests = []
        until(lambda: requests, lambda: requests.extend(server.poll(0.05)))
        assert requests[0].is_notice and requests[0].packet.fields == {"snr_db": 3.0}
        server.reply(requests[0], Packet("nobody waits for this"))
        assert client.poll(0.2) == []


def test_parts_that_no_message_of_ours_has_are_not_read(endpoint):
    with ReplyServer(endpoint, CONFIG) as server, RequestClient(endpoint, CONFIG) as client:
        connect(client, server)
        client._socket.send_multipart([*client._outbox.notice(Packet("many parts")), b"x", b"y"])
        assert client.notify(Packet("two parts"))
        requests = []
        until(lambda: requests, lambda: requests.extend(server.poll(0.05)))
        assert [request.packet.kind for request in requests] == ["two parts"]


@pytest.mark.parametrize("side", ["client", "server"])
def test_another_thread_can_wake_a_poll(endpoint, side):
    with ReplyServer(endpoint, CONFIG) as server, RequestClient(endpoint, CONFIG) as client:
        connect(client, server)
        sleeper = client if side == "client" else server
        timer = threading.Timer(0.1, sleeper.wake)
        timer.start()
        assert sleeper.poll(3600) == []
        timer.join()
    sleeper.wake()  # of no use after close, and harmless


def test_bytes_of_strangers_do_no_harm(endpoint):
    with ReplyServer(endpoint, CONFIG) as server, RequestClient(endpoint, CONFIG) as client:
        context = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.set(zmq.LINGER, 0)
        stranger.connect(endpoint)
        for message in ([b""], [b"x" * 8], [b"SCEN" + b"\x01" * 26, b"junk"], [b""] * 5, [b"x" * 1000] * 5000):
            stranger.send_multipart(message)
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(endpoint.removeprefix("ipc://"))
            raw.sendall(b"\x07" * 100_000)
        connect(client, server)
        client.submit("key", Packet("echo"))
        replies = []
        until(lambda: replies, lambda: echo(server), lambda: replies.extend(client.poll(0.05)))
        assert replies[0].key == "key"
        context.destroy(linger=0)


def test_a_packet_that_is_too_large_is_refused_on_both_sides(endpoint):
    small = CONFIG.model_copy(update={"max_packet_bytes": 4096})
    large = Packet("echo", {}, {"x": np.zeros(5000, np.uint8)})
    with ReplyServer(endpoint, small) as server, RequestClient(endpoint, CONFIG) as client:
        connect(client, server)
        with pytest.raises(WireError, match="more than the 4096 allowed"):
            client.submit("large", large)
        client.submit("small", Packet("echo"))
        requests = []
        until(lambda: requests, lambda: requests.extend(server.poll(0.05)))
        with pytest.raises(WireError, match="more than the 4096 allowed"):
            server.reply(requests[0], large)
        server.reply(requests[0], Packet("sorry"))
        replies = []
        until(lambda: replies, lambda: replies.extend(client.poll(0.05)))
        assert replies[0].packet.kind == "sorry"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://0.0.0.0:5555", "without a key"),
        ("tcp://*:5555", "without a key"),
        ("tcp://192.168.1.2:5555", "without a key"),
        ("tcp://localhost:5555", "without a key"),
        ("tcp://[::1]:5555", "without a key"),
        ("tcp://eth0:5555", "without a key"),
        ("tcp://127.0.0.1:0", "neither"),
        ("tcp://127.0.0.1:*", "neither"),
        ("tcp://127.0.0.1", "neither"),
        ("tcp://127.0.0.1:99999", "neither"),
        ("udp://127.0.0.1:5555", "neither"),
        ("inproc://x", "neither"),
        ("", "neither"),
        ("ipc://relative", "absolute path"),
        ("ipc://@abstract", "absolute path"),
        ("ipc:///" + "x" * 120, "absolute path"),
    ],
)
def test_an_endpoint_beyond_this_machine_is_refused(address, reason):
    for make in (lambda: ReplyServer(address, CONFIG), lambda: RequestClient(address, CONFIG)):
        with pytest.raises(ConfigError, match=reason):
            make()


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
def test_an_endpoint_in_use_is_named(tmp_path, scheme):
    address = ipc_endpoint(tmp_path, "test")
    if scheme == "tcp":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with ReplyServer(address, CONFIG) as server, RequestClient(address, CONFIG) as client:
        with pytest.raises(ConfigError, match="already in use"):
            ReplyServer(address, CONFIG)
        connect(client, server)  # the first one is none the worse
    with ReplyServer(address, CONFIG):
        pass


def test_an_endpoint_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be made: No such file or directory"):
        ReplyServer(ipc_endpoint(tmp_path / "missing", "test"), CONFIG)


def test_the_socket_is_its_users_own(tmp_path, endpoint):
    mask = os.umask(0)
    try:
        with ReplyServer(endpoint, CONFIG):
            assert stat.S_IMODE(Path(endpoint.removeprefix("ipc://")).stat().st_mode) == 0o600
    finally:
        os.umask(mask)


def test_loopback_and_absolute_paths_are_accepted():
    check_endpoint("tcp://127.0.0.1:5555")
    check_endpoint("tcp://127.1.2.3:1")
    check_endpoint("ipc:///tmp/x")
