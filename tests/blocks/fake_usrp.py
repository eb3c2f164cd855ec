"""A device for tests, with the calls of semcom_ota.twin.client.TwinDevice."""

import queue
import time
from collections import defaultdict
from typing import Any

import numpy as np

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client import AsyncEvent, RxPacket, TwinError

DEFAULTS = {
    "antennas": {"rx": ["TX/RX", "RX2"], "tx": ["TX/RX"]},
    "rate_step": 1.0,  # of the sample rates that there are, in Hz
    "range": {"freq": [70e6, 6e9, 1.0], "gain": [0.0, 76.0, 1.0]},
    "sensors": {"ref_locked": "true", "temp": "41.5", "gps_time": "1"},
    "lo_locked": "true",
    "pps": True,
}


class FakeDevice:
    """A device whose clock is the host's, whose settings are a dictionary and whose streams are lists."""

    def __init__(self, **changes: Any):
        self.facts = DEFAULTS | changes
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.values: dict[str, Any] = defaultdict(float, clock_source="internal", time_source="none")
        for side in ("rx", "tx"):
            self.values[f"{side}_antenna"] = self.facts["antennas"][side][0]
        self.epoch = time.monotonic() - 1000.0
        self.packets: queue.Queue[RxPacket] = queue.Queue()
        self.sent: list[tuple[np.ndarray, bool, bool, TimeSpec | None]] = []
        self.takes = 10**9  # samples that one `send` takes at most
        self.events: queue.Queue[AsyncEvent] = queue.Queue()
        self.gone, self.missed = False, 0  # how often it was called while it was gone

    def call(self, name: str, *arguments: Any) -> Any:
        """As multi_usrp."""
        self._be_there()
        self.calls.append((name, arguments))
        now = time.monotonic() - self.epoch
        side = "rx" if "_rx_" in name else "tx"
        match name:
            case "get_time_now":
                return TimeSpec.of(now)
            case "get_time_last_pps":
                return TimeSpec.of(float(int(now * 20) / 20 if self.facts["pps"] else 0))  # edges come in a hurry here
            case "set_time_now" | "set_time_next_pps":
                self.epoch += now - float(arguments[0])
                return None
            case "get_clock_sources" | "get_time_sources":
                return ["internal", "external"] + (["none"] if "time" in name else [])
            case "get_mboard_sensor_names":
                return list(self.facts["sensors"])
            case "get_mboard_sensor":
                return {"name": arguments[0], "value": self.facts["sensors"][arguments[0]], "unit": ""}
            case "get_rx_sensor_names" | "get_tx_sensor_names":
                return ["lo_locked"]
            case "get_rx_sensor" | "get_tx_sensor":
                return {"name": arguments[0], "value": self.facts["lo_locked"], "unit": ""}
            case "get_rx_antennas" | "get_tx_antennas":
                return self.facts["antennas"][side]
            case "get_rx_freq_range" | "get_tx_freq_range" | "get_rx_gain_range" | "get_tx_gain_range":
                return self.facts["range"][name.split("_")[2]]
            case "get_usrp_rx_info" | "get_usrp_tx_info":
                return {"mboard_id": "B210", "mboard_serial": "A"}
            case "get_master_clock_rate":
                return 32e6
            case "set_rx_freq" | "set_tx_freq":
                return self._tune(side, *arguments)
        what = name.split("_", 1)[1]
        if name.startswith("set_"):
            self.values[what] = self._coerced(what, arguments[0])
        return self.values[what]

    def start_rx(self, at: TimeSpec | None = None) -> None:
        self._be_there()

    def stop_rx(self) -> None:
        self._be_there()

    def recv(self, count: int, timeout: float, one_packet: bool = False) -> RxPacket:
        self._be_there()
        try:
            return self.packets.get(timeout=timeout)
        except queue.Empty:
            return RxPacket(np.zeros(0, np.complex64), TimeSpec(), "timeout")

    def send(self, samples: np.ndarray, *, start: bool, end: bool, at: TimeSpec | None, timeout: float) -> int:
        self._be_there()
        taken = samples[: self.takes].copy()
        self.sent.append((taken, start, end, at))
        return len(taken)

    def recv_async_msg(self, timeout: float) -> AsyncEvent | None:
        self._be_there()
        try:
            return self.events.get(timeout=timeout)
        except queue.Empty:
            return None

    def _be_there(self) -> None:
        if self.gone:
            self.missed += 1
            raise TwinError("EnvironmentError: IOError: usb rx6 transfer status: LIBUSB_TRANSFER_NO_DEVICE")

    def _coerced(self, what: str, value: Any) -> Any:
        if what.endswith("_rate"):
            return round(value / self.facts["rate_step"]) * self.facts["rate_step"]
        if what.endswith("_gain"):
            return float(np.clip(value, *self.facts["range"]["gain"][:2]))
        return value

    def _tune(self, side: str, target: float, lo_offset: float) -> dict[str, float]:
        reach = 20e6  # of the mixer in front of the converter
        dsp = float(np.clip(lo_offset, -reach, reach))
        self.values[f"{side}_freq"] = target + lo_offset - dsp
        return {
            "clipped_rf_freq": target,
            "target_rf_freq": target + lo_offset,
            "actual_rf_freq": target + lo_offset,
            "target_dsp_freq": -lo_offset,
            "actual_dsp_freq": -dsp,
        }
