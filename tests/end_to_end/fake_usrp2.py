"""A USRP2 for tests that can only be found. Its packets are those of UHD's firmware protocol (usrp2/fw_common.h)."""

import socket
import struct
import threading


class FakeUsrp2(threading.Thread):
    """A USRP2 on `address` that answers discovery, and whatever comes after it with nothing or with rubbish.

    A packet is a version, what it is (a letter), a sequence number, and 24 bytes.
    """

    PORT, VERSION = 49152, 12

    def __init__(self, address: str, rubbish: bytes = b""):
        super().__init__(daemon=True)
        self.rubbish = rubbish
        self.asked = 0  # packets that were not discovery
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, self.PORT))
        self.socket.settimeout(0.1)
        self.address = address
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                data, host = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            _, kind, sequence = struct.unpack_from(">III", data)
            if kind == ord("a"):
                answer = struct.pack(">III", self.VERSION, ord("A"), sequence) + socket.inet_aton(self.address)
                self.socket.sendto(answer + bytes(20), host)
                continue
            self.asked += 1
            if self.rubbish:
                self.socket.sendto(self.rubbish, host)

    def __enter__(self) -> "FakeUsrp2":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        self.join()
        self.socket.close()
