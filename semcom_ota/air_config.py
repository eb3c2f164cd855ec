"""The configuration of the air interface and of the simulated channel. All the rest is in config.py."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

TDL_LONGEST_DELAY = {"tdl-a": 9.6586, "tdl-b": 4.7834, "tdl-c": 8.6523}  # in delay spreads; phy/fading.py has it all


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

    # The paths.
    fading: Literal["none", "rayleigh", "rician"] = "none"
    rician_k_db: float = Field(10.0, ge=-60, le=60)
    profile: Literal["taps", "tdl-a", "tdl-b", "tdl-c"] = Field("taps", description="own taps, or those of TR 38.901")
    tap_delays_s: tuple[Annotated[float, Field(ge=0, le=1e-3)], ...] = Field((0.0,), min_length=1, max_length=64)
    tap_powers_db: tuple[Annotated[float, Field(ge=-100, le=100)], ...] = Field((0.0,), min_length=1, max_length=64)
    delay_spread_s: float = Field(0.0, ge=0, le=1e-4, description="RMS delay spread of a tdl profile")
    max_doppler_hz: float = Field(0.0, ge=0, le=1e4, description="Doppler shift of Jakes' spectrum; 0: the paths stand")
    message_interval_s: float = Field(
        0.0, ge=0, le=60, description="moving paths go on from message to message, so long after one another; 0: anew"
    )
    max_delay_samples: float = Field(0.0, ge=0, le=1000, description="delay uniform in 0 .. this, fractional")
    noise_only: bool = Field(False, description="the signal is replaced by noise of the same power: nothing may pass")
    # The clocks and oscillators of both ends.
    max_cfo_subcarriers: float = Field(0.0, ge=0, le=4, description="CFO uniform in +- this share of a subcarrier")
    oscillator_ppm: float = Field(0.0, ge=0, le=100, description="tolerance of each end's oscillator: CFO and SRO")
    carrier_hz: float = Field(2.4e9, gt=0, le=1e11, description="carrier frequency, for oscillator_ppm")
    sro_ppm: float = Field(0.0, ge=0, le=200, description="sampling-rate offset of this size, of either sign")
    phase_noise_hz: float = Field(0.0, ge=0, le=1e4, description="linewidth; 0.63 is -90 dBc/Hz at 10 kHz")
    # The front ends.
    clip_db: float | None = Field(None, ge=0, le=30, description="transmitter's saturation over the mean sample power")
    gain_step_db: float | None = Field(None, gt=0, le=40, description="the receiver's gain changes by +- this, once")
    iq_gain_db: float = Field(0.0, ge=-6, le=6, description="gain imbalance of the receiver's mixer")
    iq_phase_deg: float = Field(0.0, ge=-45, le=45, description="phase imbalance of the receiver's mixer")
    dc_dbc: float | None = Field(None, ge=-100, le=20, description="DC at the receiver over the mean signal power")

    @model_validator(mode="before")
    @classmethod
    def _tdl_fades(cls, values: Any) -> Any:
        """A tdl profile is Rayleigh fading and need not say so."""
        if isinstance(values, dict) and values.get("profile", "taps") != "taps":
            return {"fading": "rayleigh"} | values
        return values

    @model_validator(mode="after")
    def _paths_make_sense(self) -> Self:
        own_taps = (self.tap_delays_s, self.tap_powers_db) != ((0.0,), (0.0,))
        if len(self.tap_powers_db) != len(self.tap_delays_s):
            raise ValueError("tap_delays_s and tap_powers_db must have the same length")
        if self.profile == "taps" and self.delay_spread_s:
            raise ValueError("delay_spread_s belongs to a tdl profile; the taps have their delays in tap_delays_s")
        if self.profile != "taps" and own_taps:
            raise ValueError(f"profile {self.profile} has its own taps: leave out tap_delays_s and tap_powers_db")
        if self.profile != "taps" and not self.delay_spread_s:
            raise ValueError(f"profile {self.profile} needs delay_spread_s, the RMS delay spread in seconds, above 0")
        if self.profile != "taps" and self.fading != "rayleigh":
            raise ValueError(f"profile {self.profile} is Rayleigh fading: leave out fading, or say rayleigh")
        if self.max_doppler_hz and self.fading == "none":
            raise ValueError("max_doppler_hz needs fading rayleigh or rician: without fading a path stands still")
        if self.message_interval_s and not self.max_doppler_hz:
            raise ValueError("message_interval_s needs max_doppler_hz: paths that stand still do not go on")
        return self

    @property
    def longest_delay_s(self) -> float:
        """How much later than the first possible moment the last path arrives, without `max_delay_samples`."""
        if self.profile == "taps":
            return max(self.tap_delays_s)
        return TDL_LONGEST_DELAY[self.profile] * self.delay_spread_s

    def largest_cfo_hz(self, phy: PhyConfig) -> float:
        """The largest carrier frequency offset that this channel draws, the Doppler shift of a path included."""
        by_oscillators = 2e-6 * self.oscillator_ppm * self.carrier_hz
        return self.max_cfo_subcarriers * phy.sample_rate / phy.fft_size + by_oscillators + self.max_doppler_hz
