"""One direction of a device and how it is set: what is asked for becomes what the hardware can do."""

from typing import Literal

from semcom_ota.twin.client_streams import TwinError
from semcom_ota.twin.products import Product, Range, nearest

Direction = Literal["rx", "tx"]
_DSP_STEPS = 2**32
_DEFAULT_HZ = 1e9  # where a USRP is tuned when it is opened, for all we care
_DEFAULT_RATE = 1e6


class Port:
    """The receiver or the transmitter of a device."""

    def __init__(self, direction: Direction, product: Product):
        """As it is after opening: least gain, the first antenna."""
        self.direction = direction
        self.product = product
        self.clock_hz = product.clocks_hz[0]
        self.gains_db: Range = product.rx_gains_db if direction == "rx" else product.tx_gains_db
        self.antennas = product.rx_antennas if direction == "rx" else product.tx_antennas
        self.antenna = self.antennas[0]
        self.subdev = product.subdev
        self.gain_db = self.gains_db[0]
        self.bandwidth_hz = product.bandwidths_hz[1]
        self.rate = self._on_grid(_DEFAULT_RATE)
        self.carrier_hz = 0.0
        self.lo_hz = 0.0
        self.set_freq(_DEFAULT_HZ)

    @property
    def lo_offset_hz(self) -> float:
        """The LO less the carrier."""
        return self.lo_hz - self.carrier_hz

    @property
    def amplitude(self) -> float:
        """Of a transmitter: the square root of the power in mW of a sample of magnitude 1."""
        level_dbm = self.product.tx_full_scale_dbm - self.gains_db[1] + self.gain_db
        return float(10 ** (level_dbm / 20))

    def set_clock(self, clock_hz: float) -> None:
        """Another master clock; the rate stays as near as it can."""
        self.clock_hz = clock_hz
        self.rate = self._on_grid(self.rate)

    def set_rate(self, rate: float) -> float:
        """Samples/s: the master clock over a whole number."""
        self.rate = self._on_grid(_finite(rate))
        return self.rate

    def rates(self) -> Range:
        """The least and the greatest rate."""
        return self.clock_hz / self.product.largest_divider, self.clock_hz, 0.0

    def set_gain(self, gain_db: float) -> float:
        """The nearest gain there is."""
        self.gain_db = nearest(_finite(gain_db), self.gains_db)
        return self.gain_db

    def set_bandwidth(self, bandwidth_hz: float) -> float:
        """Of the analog filter. It is reported, and has no effect: our filters are ideal."""
        self.bandwidth_hz = nearest(_finite(bandwidth_hz), self.product.bandwidths_hz)
        return self.bandwidth_hz

    def set_freq(self, target_hz: float, lo_offset_hz: float | None = None) -> dict[str, float]:
        """Tune the LO as near as it goes to target and offset, and let digital mixing do the rest.

        Returns:
            UHD's tune result. The DSP's frequency has its sign: LO less carrier in a receiver, the other way round in a
            transmitter.
        """
        target = nearest(_finite(target_hz), self.product.frequencies_hz)
        reach = self.clock_hz / 2
        offset = min(max(_finite(lo_offset_hz or 0.0), -reach), reach)
        wanted = nearest(target + offset, self.product.frequencies_hz)
        step = self.product.lo_step_hz
        self.lo_hz = step * round(wanted / step)
        dsp_step = self.clock_hz / _DSP_STEPS
        dsp = dsp_step * round((self.lo_hz - target) / dsp_step)
        self.carrier_hz = self.lo_hz - dsp
        sign = 1 if self.direction == "rx" else -1
        return {
            "clipped_rf_freq": wanted,
            "target_rf_freq": wanted,
            "actual_rf_freq": self.lo_hz,
            "target_dsp_freq": sign * (self.lo_hz - target),
            "actual_dsp_freq": sign * dsp,
        }

    def set_antenna(self, antenna: str) -> None:
        """Use this connector.

        Raises:
            TwinError: there is none of this name.
        """
        if antenna not in self.antennas:
            raise TwinError(
                f"LookupError: IndexError: multi_usrp: unknown {self.direction.upper()} antenna '{antenna}': this"
                f" device has {', '.join(self.antennas)}"
            )
        self.antenna = antenna

    def set_subdev_spec(self, subdev: str) -> None:
        """Use this subdevice.

        Raises:
            TwinError: there is none of this name.
        """
        if subdev.strip() not in ("", self.product.subdev):
            raise TwinError(f"LookupError: IndexError: there is no subdevice '{subdev}': use {self.product.subdev}")

    def _on_grid(self, rate: float) -> float:
        divider = min(max(round(self.clock_hz / rate), 1), self.product.largest_divider) if rate > 0 else 0
        return self.clock_hz / (divider or self.product.largest_divider)


def _finite(value: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e15:
        raise TwinError("RuntimeError: that is no number")
    return float(value)
