"""A radio process and its client for tests: what `transmit` and `transceive` are given."""

from dataclasses import dataclass, field

from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.services.process import ServiceFailed
from semcom_ota.transport.radio import BurstReply, TransmitReply
from semcom_ota.transport.sockets import Reply
from semcom_ota.transport.wire import Packet, pack, unpack

PORT = PortSettings(device="B210 [31F5A2C]", sample_rate=2e6, frequency_hz=2.45e9, gain_db=10, gain_range_db=(0, 89.75))
SETTINGS = RadioSettings(
    kind="uhd", level="air", transmitter=PORT, clock_source="external", sensors={"ref_locked": "1"}
)
CODECS = ("text-jscc", "huffman")


def reply(stream: int, message: int, fate: str = "acknowledged", at: int = 0, **fields: object) -> TransmitReply:
    burst = BurstReply(tx_time=(7, at / 1000), samples=2000, fragment=0, fate=fate, limited=3)
    status = "failed" if fate == "sequence_error" else fate
    known = {"codec": CODECS[stream], "stream": stream, "message": message, "bursts": [burst]}
    spent = {"payload_symbols": 40, "overhead_symbols": 800, "air_samples": 1400, "mean_symbol_energy": 1.0}
    return TransmitReply(**{"status": status, "health": {"late": 1}, **known, **spent, **fields})


@dataclass
class FakeTransmitter:
    """Answers each request at once; after `break_after` answers it raises. It is its own client, with its own clock."""

    replies: list[TransmitReply]
    break_after: int = 10**9
    error: type[BaseException] = ServiceFailed
    credit: int = 3
    now: float = 100.0
    settings: RadioSettings = SETTINGS
    waiting: list[tuple[int, dict]] = field(default_factory=list)
    submitted: list[tuple[float, dict]] = field(default_factory=list)
    answered: int = 0

    @property
    def client(self) -> "FakeTransmitter":
        return self

    def check(self) -> None:
        if self.answered >= self.break_after:
            raise self.error("the device is gone")

    def submit(self, key: int, packet: Packet) -> bool:
        if len(self.waiting) == self.credit:
            return False
        self.waiting.append((key, packet.fields))
        self.submitted.append((self.now, packet.fields))
        return True

    def poll(self, timeout: float) -> list[Reply]:
        if not self.waiting:
            self.now += timeout
            return []
        key, _ = self.waiting.pop(0)
        self.answered += 1
        fields = unpack(pack(Packet("result", self.replies[key].model_dump())), 2**20).fields
        return [Reply(key, Packet("result", fields))]
