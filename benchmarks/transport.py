"""Round-trip time and throughput of the transport, between two processes over ipc.

    python benchmarks/transport.py [--requests 2000] [--credit 8]

Round trip: one request under way. Throughput: as many as the credit allows; counted one way, the reply is as large.
Sizes are of the payload array, complex64. Nothing here is random, so there is no seed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from semcom_ota.config import TransportConfig
from semcom_ota.services.process import SupervisedProcess
from semcom_ota.services.worker import end_with_parent
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.sockets import ReplyServer, RequestClient
from semcom_ota.transport.wire import Packet

SIZES = (64, 4096, 65536)  # bytes


def serve(endpoint: str, config: TransportConfig) -> None:
    """Echo until the parent is gone."""
    end_with_parent()
    with ReplyServer(endpoint, config) as server:
        while True:
            for request in server.poll(60.0):
                server.reply(request, request.packet)


def round_trips(client: RequestClient, packet: Packet, count: int) -> np.ndarray:
    """Seconds of each round trip, (count,)."""
    times = np.empty(count)
    for index in range(count):
        start = time.perf_counter()
        client.submit(index, packet)
        while not client.poll(1.0):
            pass
        times[index] = time.perf_counter() - start
    return times


def throughput(client: RequestClient, packet: Packet, count: int) -> float:
    """Requests answered in a second."""
    start = time.perf_counter()
    sent = answered = 0
    while answered < count:
        while sent < count and client.submit(sent, packet):
            sent += 1
        answered += len(client.poll(1.0))
    return count / (time.perf_counter() - start)


def main() -> None:
    """Start a server process, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--credit", type=int, default=8)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    config = TransportConfig(credit=options.credit)
    if options.serve:
        return serve(options.serve, config)
    with tempfile.TemporaryDirectory() as directory:
        endpoint = ipc_endpoint(Path(directory), "echo")
        arguments = [sys.executable, __file__, "--serve", endpoint, "--credit", str(options.credit)]
        with RequestClient(endpoint, config) as client, SupervisedProcess(arguments, "echo server") as server:
            while not client.credit:
                client.poll(1.0)
                server.check()
            print(f"credit {options.credit}, {options.requests} requests of each size")
            print(f"{'bytes':>8} {'p50 µs':>8} {'p99 µs':>8} {'requests/s':>11} {'MB/s':>8} {'MS/s':>8}")
            for size in SIZES:
                packet = Packet("echo", {"stream": 0}, {"x": np.zeros(size // 8, np.complex64)})
                round_trips(client, packet, 100)  # warm up
                p50, p99 = np.percentile(round_trips(client, packet, options.requests), [50, 99]) * 1e6
                rate = throughput(client, packet, options.requests)
                print(f"{size:8d} {p50:8.0f} {p99:8.0f} {rate:11.0f} {rate * size / 1e6:8.1f} {rate * size / 8e6:8.1f}")


if __name__ == "__main__":
    main()
