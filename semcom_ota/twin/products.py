"""What each product can do: ranges and names as UHD reports them, levels as measured ones are, give or take 3 dB."""

from dataclasses import dataclass

Range = tuple[float, float, float]
"""Least, greatest and step; step 0 is continuous."""


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of USRP with its daughterboard.

    Levels: a sample of magnitude 1 leaves the transmitter with `tx_full_scale_dbm` at its greatest gain, and less by as
    much as the gain is less. It is the receiver's full scale at `rx_full_scale_dbm` with gain 0, and at as much less as
    there is gain.
    """

    clocks_hz: tuple[float, ...]  # master clocks: the default, then others; two ends if `clock_is_continuous`
    clock_is_continuous: bool
    frequencies_hz: Range
    tx_gains_db: Range
    rx_gains_db: Range
    bandwidths_hz: Range
    lo_step_hz: float  # of the synthesizer; digital mixing does the rest
    tx_full_scale_dbm: float
    rx_full_scale_dbm: float
    adc_bits: int
    largest_divider: int  # of the master clock, for the sample rate
    tx_antennas: tuple[str, ...] = ("TX/RX",)
    rx_antennas: tuple[str, ...] = ("RX2", "TX/RX")  # the default first
    subdev: str = "A:A"
    taken: str = "RuntimeError: Failed to claim device"


_USB_TAKEN = (
    "AssertionError: libusb_claim_interface(this->get(), interface) == 0\n"
    "  in virtual void libusb_device_handle_impl::claim_interface(int)\n"
)

PRODUCTS = {
    # A B210's clock is free within its range. 40 MHz divides into the rates of all air interfaces that ship.
    "B210": Product(
        clocks_hz=(40e6, 5e6, 61.44e6),
        clock_is_continuous=True,
        frequencies_hz=(50e6, 6e9, 0.0),
        tx_gains_db=(0.0, 89.75, 0.25),
        rx_gains_db=(0.0, 76.0, 1.0),
        bandwidths_hz=(200e3, 56e6, 0.0),
        lo_step_hz=2.4,
        tx_full_scale_dbm=10.0,
        rx_full_scale_dbm=-15.0,
        adc_bits=12,
        largest_divider=512,
        taken=_USB_TAKEN,
    ),
    "X310": Product(  # with a UBX-160
        clocks_hz=(200e6, 184.32e6),
        clock_is_continuous=False,
        frequencies_hz=(10e6, 6e9, 0.0),
        tx_gains_db=(0.0, 31.5, 0.5),
        rx_gains_db=(0.0, 31.5, 0.5),
        bandwidths_hz=(160e6, 160e6, 0.0),
        lo_step_hz=1e3,
        tx_full_scale_dbm=20.0,
        rx_full_scale_dbm=-15.0,
        adc_bits=14,
        largest_divider=1024,
        subdev="A:0",
    ),
}


def nearest(value: float, allowed: Range) -> float:
    """The value of a range that is nearest to what was asked for, as the real device takes it."""
    least, greatest, step = allowed
    bounded = min(max(value, least), greatest)
    return min(least + step * round((bounded - least) / step), greatest) if step else bounded
