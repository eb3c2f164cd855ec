"""What a host may call on an open device: the methods of UHD's multi_usrp that we use, by their names."""

from collections.abc import Callable
from typing import Any

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client_streams import TwinError
from semcom_ota.twin.device_clock import CLOCK_SOURCES, TIME_SOURCES, DeviceClock
from semcom_ota.twin.lab_config import LabDevice
from semcom_ota.twin.port import Port
from semcom_ota.twin.products import nearest


class DeviceCalls:
    """Calls on the clock and the two ports of a device. Each method takes the true time `now` first."""

    def __init__(self, serial: str, device: LabDevice, clock: DeviceClock, rx: Port, tx: Port):
        """For this device.

        Args:
            serial: its serial number.
            device: what it is.
            clock: its clock.
            rx: its receiver.
            tx: its transmitter.
        """
        self._serial = serial
        self._device = device
        self._clock = clock
        self._ports = (rx, tx)
        calls: dict[str, Callable[..., Any]] = {
            "get_num_mboards": lambda now: 1,
            "get_mboard_name": lambda now, mboard=0: device.product,
            "get_master_clock_rate": lambda now, mboard=0: rx.clock_hz,
            "set_master_clock_rate": self._set_master_clock_rate,
            "get_time_now": lambda now, mboard=0: clock.time(now),
            "get_time_last_pps": lambda now, mboard=0: clock.last_pps(now),
            "set_time_now": lambda now, time, mboard=0: clock.set_now(_time(time), now),
            "set_time_next_pps": lambda now, time, mboard=0: clock.set_next_pps(_time(time), now),
            "get_clock_source": lambda now, mboard=0: clock.clock_source,
            "get_clock_sources": lambda now, mboard=0: clock.sources(CLOCK_SOURCES),
            "set_clock_source": self._set_clock_source,
            "get_time_source": lambda now, mboard=0: clock.time_source,
            "get_time_sources": lambda now, mboard=0: clock.sources(TIME_SOURCES),
            "set_time_source": self._set_time_source,
            "get_mboard_sensor_names": lambda now, mboard=0: list(self._sensors(now)),
            "get_mboard_sensor": self._mboard_sensor,
        }
        for port in self._ports:
            calls |= self._of_port(port)
        self._calls = calls

    def call(self, name: str, arguments: list[Any], now: float) -> Any:
        """Carry out one call; what it answers can be put into JSON, times being `TimeSpec`.

        Raises:
            TwinError: there is no such call, it has other arguments, or the device refuses.
        """
        if name not in self._calls:
            raise TwinError(f"RuntimeError: NotImplementedError: the twin has no '{name}'")
        try:
            return self._calls[name](now, *arguments)
        except (TypeError, ValueError, AttributeError) as error:
            raise TwinError(f"RuntimeError: '{name}' does not take these arguments") from error

    def _of_port(self, port: Port) -> dict[str, Callable[..., Any]]:
        d = port.direction

        def channel(number: Any) -> None:
            if number != 0:
                raise TwinError(
                    f"LookupError: IndexError: multi_usrp: {d.upper()} channel {number} out of range for configured"
                    f" {d.upper()} frontends"
                )

        def on_channel(do: Callable[..., Any], most: int) -> Callable[..., Any]:
            """With so many arguments at most, and a channel behind them, which may be left out."""

            def called(now: float, *arguments: Any) -> Any:
                channel(arguments[most] if len(arguments) > most else 0)
                return do(*arguments[:most])

            return called

        return {
            f"get_{d}_num_channels": lambda now: 1,
            f"set_{d}_rate": on_channel(port.set_rate, 1),
            f"get_{d}_rate": on_channel(lambda: port.rate, 0),
            f"get_{d}_rates": on_channel(port.rates, 0),
            f"set_{d}_freq": on_channel(port.set_freq, 2),
            f"get_{d}_freq": on_channel(lambda: port.carrier_hz, 0),
            f"get_{d}_lo_freq": on_channel(lambda: port.lo_hz, 0),
            f"get_{d}_freq_range": on_channel(lambda: port.product.frequencies_hz, 0),
            f"set_{d}_gain": on_channel(port.set_gain, 1),
            f"get_{d}_gain": on_channel(lambda: port.gain_db, 0),
            f"get_{d}_gain_range": on_channel(lambda: port.gains_db, 0),
            f"set_{d}_antenna": on_channel(port.set_antenna, 1),
            f"get_{d}_antenna": on_channel(lambda: port.antenna, 0),
            f"get_{d}_antennas": on_channel(lambda: list(port.antennas), 0),
            f"set_{d}_bandwidth": on_channel(port.set_bandwidth, 1),
            f"get_{d}_bandwidth": on_channel(lambda: port.bandwidth_hz, 0),
            f"get_{d}_bandwidth_range": on_channel(lambda: port.product.bandwidths_hz, 0),
            f"set_{d}_subdev_spec": lambda now, subdev, mboard=0: port.set_subdev_spec(subdev),
            f"get_{d}_subdev_spec": lambda now, mboard=0: port.subdev,
            f"get_{d}_sensor_names": on_channel(lambda: ["lo_locked"], 0),
            f"get_{d}_sensor": on_channel(_lo_sensor, 1),
            f"get_usrp_{d}_info": on_channel(lambda: self._info(port), 0),
        }

    def _info(self, port: Port) -> dict[str, str]:
        d = port.direction
        return {
            "mboard_id": self._device.product,
            "mboard_name": self._device.name,
            "mboard_serial": self._serial,
            f"{d}_id": "unknown",
            f"{d}_serial": "",
            f"{d}_subdev_name": "FE-TX1" if d == "tx" else "FE-RX2",
            f"{d}_subdev_spec": port.subdev,
            f"{d}_antenna": port.antenna,
        }

    def _set_master_clock_rate(self, now: float, clock_hz: float, mboard: int = 0) -> float:
        model = self._device.model
        if model.clock_is_continuous:
            actual = nearest(float(clock_hz), (model.clocks_hz[1], model.clocks_hz[2], 0.0))
        else:
            actual = min(model.clocks_hz, key=lambda one: abs(one - clock_hz))
        for port in self._ports:
            port.set_clock(actual)
        return actual

    def _set_clock_source(self, now: float, source: str, mboard: int = 0) -> None:
        known = self._clock.sources(CLOCK_SOURCES)
        if source not in known:
            raise TwinError(f"ValueError: Clock source option not supported: {source}. The options are: {known}")
        self._clock.set_clock_source(source, now)

    def _set_time_source(self, now: float, source: str, mboard: int = 0) -> None:
        known = self._clock.sources(TIME_SOURCES)
        if source not in known:
            raise TwinError(f"ValueError: Time source option not supported: {source}. The options are: {known}")
        self._clock.time_source = source

    def _sensors(self, now: float) -> dict[str, dict[str, str]]:
        locked = self._clock.ref_locked(now)
        sensors = {"ref_locked": _sensor("Ref", locked, "locked", "unlocked")}
        if self._device.gpsdo:
            sensors["gps_locked"] = _sensor("GPS lock status", True, "locked", "unlocked")
        return sensors

    def _mboard_sensor(self, now: float, name: str, mboard: int = 0) -> dict[str, str]:
        sensors = self._sensors(now)
        if name not in sensors:
            raise TwinError(f"LookupError: Path not found in tree: /mboards/0/sensors/{name}")
        return sensors[name]


def _lo_sensor(name: str) -> dict[str, str]:
    if name != "lo_locked":
        raise TwinError(f"LookupError: Path not found in tree: /mboards/0/dboards/A/sensors/{name}")
    return _sensor("LO", True, "locked", "unlocked")


def _sensor(name: str, value: bool, if_true: str, if_false: str) -> dict[str, str]:
    return {"name": name, "value": "true" if value else "false", "unit": if_true if value else if_false}


def _time(value: Any) -> TimeSpec:
    if not isinstance(value, TimeSpec):
        raise TypeError("a time is a TimeSpec")
    return value
