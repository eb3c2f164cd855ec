import time

import numpy as np
import pytest
import zmq

from semcom_ota.config import ConfigError
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.keys import make_keys
from semcom_ota.transport.messages import Failure, to_packet
from semcom_ota.transport.way_back import ReportPublisher, ReportSubscriber
from semcom_ota.transport.wire import pack
from semcom_ota.types import LinkReport

pytestmark = pytest.mark.timeout(30)


def report(message: int) -> LinkReport:
    return LinkReport(1, message, 0, message + 1, 6.5, -20.0, np.arange(52, dtype=np.float32))


def first(subscriber: ReportSubscriber, publisher: ReportPublisher) -> LinkReport:
    """The first report that is heard: until a subscription is in, none is."""
    for message in range(1000):
        publisher.publish(report(message))
        if heard := subscriber.poll(0.02):
            return heard[0]
    raise AssertionError("nothing was heard")


def same(one: LinkReport, other: LinkReport) -> bool:
    return to_packet(one).fields == to_packet(other).fields and bool((one.carrier_snr_db == other.carrier_snr_db).all())


def test_reports_arrive_in_order_and_also_after_the_receiver_was_away(tmp_path):
    endpoint = ipc_endpoint(tmp_path, "reports")
    with ReportSubscriber(endpoint) as subscriber:
        assert subscriber.poll(0.01) == []
        for _ in range(2):
            with ReportPublisher(endpoint) as publisher:
                began = first(subscriber, publisher)
                assert same(began, report(began.message))
                for message in range(1000, 1010):
                    publisher.publish(report(message))
                heard = []
                while not heard or heard[-1].message < 1009:
                    heard += subscriber.poll(1.0)
                assert [one.message for one in heard if one.message >= 1000] == list(range(1000, 1010))
        assert subscriber.dropped == 0


def free_port() -> int:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        return socket.bind_to_random_port("tcp://127.0.0.1")


def test_beyond_this_machine_only_who_has_the_key_is_heard(tmp_path):
    secret, public = make_keys(tmp_path / "lab")
    _, strange = make_keys(tmp_path / "stranger")
    port = free_port()
    publisher = ReportPublisher(f"tcp://*:{port}", secret)
    subscribers = [ReportSubscriber(f"tcp://127.0.0.1:{port}", key) for key in (public, strange, None)]
    with publisher, subscribers[0], subscribers[1], subscribers[2]:
        heard = first(subscribers[0], publisher)
        assert same(heard, report(heard.message))
        for _ in range(20):
            publisher.publish(report(2000))
            time.sleep(0.01)
        assert subscribers[0].poll(1.0)
        assert subscribers[1].poll(0.2) == subscribers[2].poll(0.0) == []


@pytest.mark.parametrize("endpoint", ["tcp://*:5590", "tcp://192.168.1.7:5590", "tcp://host:0", "udp://127.0.0.1:1"])
def test_without_a_key_nothing_leaves_this_machine(endpoint, tmp_path):
    for end in (ReportPublisher, ReportSubscriber):
        with pytest.raises(ConfigError, match="endpoint"):
            end(endpoint)
    with pytest.raises(ConfigError, match="endpoint"):
        ReportSubscriber("tcp://host:70000", make_keys(tmp_path / "lab")[1])


def test_an_endpoint_that_is_taken_is_one_sentence():
    port = free_port()
    with ReportPublisher(f"tcp://127.0.0.1:{port}"), pytest.raises(ConfigError, match="cannot be published at"):
        ReportPublisher(f"tcp://127.0.0.1:{port}")


def test_what_is_no_report_is_dropped(tmp_path):
    endpoint, good = ipc_endpoint(tmp_path, "reports"), pack(to_packet(report(7)))
    nonsense = to_packet(report(8))
    nonsense.arrays["carrier_snr_db"] = np.array([1.0, np.nan], np.float32)
    bad = [b"", b"nonsense", good[:-1], good + b"x", pack(nonsense), pack(to_packet(Failure("failed", "no")))]
    with ReportSubscriber(endpoint) as subscriber, zmq.Context() as context, context.socket(zmq.PUB) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.bind(endpoint)
        heard: list[LinkReport] = []
        while not heard:
            stranger.send(good)
            heard = subscriber.poll(0.02)
        assert subscriber.dropped == 0
        for one in bad:
            stranger.send(one)
        stranger.send_multipart([good, good])
        while subscriber.dropped < len(bad) + 1:
            assert {one.message for one in subscriber.poll(0.1)} <= {7}
        stranger.send(bytes(2**21))  # who sends so much is not listened to any more
        stranger.send(good)
        assert subscriber.poll(0.5) == []
