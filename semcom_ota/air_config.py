"""The configuration of the air interface and of the simulated channel. All the rest is in config.py."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Frozen(BaseModel):
    """What every part of a configuration is: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PhyConfig(Frozen):
    """The air interface. Both ends need the same one; `phy/numerology.py` refuses what cannot work.

    Named ones are YAML files in `numerologies/`; the defaults are those of `indoor`.
    """

    fft_size: int = Field(64, ge=64, le=1024)
    cp_length: int = Field(16, ge=4, le=256)
    used_carriers: int = Field(52, ge=8, le=1000, description="carriers in use, half on each side of the null at DC")
    pilot_spacing: int = Field(13, ge=2, le=64, description="carriers from one pilot of an OFDM symbol to the next")
    pilot_step: int = Field(3, ge=1, le=63, description="carriers by which the pilots move on from symbol to symbol")
    sample_rate: float = Field(1e6, gt=0, le=1e8, description="samples/s")
    max_cfo_hz: float = Field(18e3, ge=0, le=1e6, description="carrier frequency offset that the receiver looks for")
    max_frame_symbols: int = Field(4096, ge=64, le=8192, description="payload symbols in one frame at most")
    messages_per_frame: int = Field(1, ge=1, le=8, description="short messages that may share a frame at most")
    precoding: Literal["none", "dft"] = Field("none", description="dft: lower peaks, every symbol on all carriers")


class ChannelConfig(Frozen):
    """A simulated channel (phy/impairments.py), without its SNR. Named ones are YAML files in `channels/`."""

    fading: Literal["none", "rayleigh", "rician"] = "none"
    rician_k_db: float = Field(10.0, ge=-60, le=60)
    tap_delays_s: tuple[Annotated[float, Field(ge=0, le=1e-3)], ...] = Field((0.0,), min_length=1, max_length=64)
    tap_powers_db: tuple[Annotated[float, Field(ge=-100, le=100)], ...] = Field((0.0,), min_length=1, max_length=64)
    max_cfo_subcarriers: float = Field(0.0, ge=0, le=4, description="CFO uniform in +- this share of a subcarrier")
    max_delay_samples: float = Field(0.0, ge=0, le=1000, description="delay uniform in 0 .. this, fractional")
    oscillator_ppm: float = Field(0.0, ge=0, le=100, description="tolerance of each end's oscillator: CFO and SRO")
    carrier_hz: float = Field(2.4e9, gt=0, le=1e11, description="carrier frequency, for oscillator_ppm")
    noise_only: bool = Field(False, description="the signal is replaced by noise of the same power: nothing may pass")

    @model_validator(mode="after")
    def _one_power_a_tap(self) -> Self:
        if len(self.tap_powers_db) != len(self.tap_delays_s):
            raise ValueError("tap_delays_s and tap_powers_db must have the same length")
        return self

    def largest_cfo_hz(self, phy: PhyConfig) -> float:
        """The largest carrier frequency offset that this channel draws."""
        by_oscillators = 2e-6 * self.oscillator_ppm * self.carrier_hz
        return self.max_cfo_subcarriers * phy.sample_rate / phy.fft_size + by_oscillators
