"""The calls of gr-uhd's usrp_block, as the software twin answers them: one line each."""

from typing import Any

from gnuradio import gr
from semcom_flowgraphs.radio.twin_types import (
    meta_range,
    sensor_value,
    stream_args,
    time_spec,
    tune_request,
    tune_result,
)

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client import TwinDevice, TwinError, open_device


class UsrpCalls(gr.sync_block):
    """What source and sink have in common: the calls of gr-uhd's usrp_block. `chan` counts in `stream_args.channels`.

    Without its device a block goes on and nothing more comes, as with gr-uhd, whose `work` times out for ever or raises
    in a thread that ends by that.
    """

    direction: str
    """rx or tx."""

    def _open(self, address: str, arguments: stream_args) -> None:
        if arguments.cpu_format != "fc32":
            raise TwinError(f"ValueError: Cannot convert to {arguments.cpu_format}")
        if arguments.channels not in ([], [0]):
            raise TwinError(f"LookupError: IndexError: multi_usrp: {self.direction} channel out of range")
        self._device: TwinDevice = open_device(address)

    def _ask(self, name: str, *arguments: Any) -> Any:
        """A call of multi_usrp, whose names carry the direction where gr-uhd's do not."""
        return self._device.call(name.format(self.direction), *arguments)

    def _range(self, name: str) -> meta_range:
        return meta_range(*self._ask(name))

    def set_subdev_spec(self, spec: str, mboard: int = 0) -> None:
        """Choose the daughterboard and its front end."""
        self._ask("set_{}_subdev_spec", spec)

    def get_clock_rate(self, mboard: int = 0) -> float:
        """The master clock, in Hz."""
        return self._ask("get_master_clock_rate")

    def set_clock_source(self, source: str, mboard: int = 0) -> None:
        """Choose where the reference comes from."""
        self._ask("set_clock_source", source)

    def get_clock_source(self, mboard: int) -> str:
        """Where the reference comes from."""
        return self._ask("get_clock_source")

    def get_clock_sources(self, mboard: int) -> list[str]:
        """What it could come from."""
        return self._ask("get_clock_sources")

    def set_time_source(self, source: str, mboard: int = 0) -> None:
        """Choose where PPS comes from."""
        self._ask("set_time_source", source)

    def get_time_source(self, mboard: int) -> str:
        """Where PPS comes from."""
        return self._ask("get_time_source")

    def get_time_sources(self, mboard: int) -> list[str]:
        """What it could come from."""
        return self._ask("get_time_sources")

    def get_time_now(self, mboard: int = 0) -> time_spec:
        """The device's time."""
        return time_spec(*self._ask("get_time_now"))

    def get_time_last_pps(self, mboard: int = 0) -> time_spec:
        """The device's time at the last PPS edge."""
        return time_spec(*self._ask("get_time_last_pps"))

    def set_time_now(self, time_spec: time_spec, mboard: int = 0) -> None:
        """Set the device's time at once."""
        self._ask("set_time_now", TimeSpec(time_spec.get_full_secs(), time_spec.get_frac_secs()))

    def set_time_next_pps(self, time_spec: time_spec) -> None:
        """Set the device's time at the next PPS edge."""
        self._ask("set_time_next_pps", TimeSpec(time_spec.get_full_secs(), time_spec.get_frac_secs()))

    def get_mboard_sensor_names(self, mboard: int = 0) -> list[str]:
        """Sensors of the device."""
        return self._ask("get_mboard_sensor_names")

    def get_mboard_sensor(self, name: str, mboard: int = 0) -> sensor_value:
        """What such a sensor says."""
        return sensor_value(self._ask("get_mboard_sensor", name)["value"])

    def get_sensor_names(self, chan: int = 0) -> list[str]:
        """Sensors of the front end."""
        return self._ask("get_{}_sensor_names")

    def get_sensor(self, name: str, chan: int = 0) -> sensor_value:
        """What such a sensor says."""
        return sensor_value(self._ask("get_{}_sensor", name)["value"])

    def get_usrp_info(self, chan: int = 0) -> dict[str, str]:
        """Who the device is."""
        return self._ask("get_usrp_{}_info")

    def set_samp_rate(self, rate: float) -> None:
        """Ask for a sample rate."""
        self._ask("set_{}_rate", rate)

    def get_samp_rate(self) -> float:
        """The sample rate that it has."""
        return self._ask("get_{}_rate")

    def set_center_freq(self, freq: tune_request, chan: int = 0) -> tune_result:
        """Tune."""
        return tune_result(**self._ask("set_{}_freq", freq.target_freq, freq.rf_freq - freq.target_freq))

    def get_center_freq(self, chan: int = 0) -> float:
        """The frequency that it has."""
        return self._ask("get_{}_freq")

    def get_freq_range(self, chan: int = 0) -> meta_range:
        """Which frequencies it can have."""
        return self._range("get_{}_freq_range")

    def set_gain(self, gain: float, chan: int = 0) -> None:
        """Ask for a gain, in dB."""
        self._ask("set_{}_gain", gain)

    def get_gain(self, chan: int = 0) -> float:
        """The gain that it has."""
        return self._ask("get_{}_gain")

    def get_gain_range(self, chan: int = 0) -> meta_range:
        """Which gains it can have."""
        return self._range("get_{}_gain_range")

    def set_antenna(self, ant: str, chan: int = 0) -> None:
        """Choose a connector."""
        self._ask("set_{}_antenna", ant)

    def get_antenna(self, chan: int = 0) -> str:
        """The connector."""
        return self._ask("get_{}_antenna")

    def get_antennas(self, chan: int = 0) -> list[str]:
        """The connectors that there are."""
        return self._ask("get_{}_antennas")

    def set_bandwidth(self, bandwidth: float, chan: int = 0) -> None:
        """Ask for a bandwidth of the analog filter."""
        self._ask("set_{}_bandwidth", bandwidth)

    def get_bandwidth(self, chan: int = 0) -> float:
        """The bandwidth that it has."""
        return self._ask("get_{}_bandwidth")
