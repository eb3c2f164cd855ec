"""What is claimed of the air interface, and whether a run's figures bear it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from semcom_ota.experiments.bench.exchange import AWGN, RAYLEIGH, TDL_A
from semcom_ota.experiments.bench.figures import Figure

Conditions = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """Of all figures of this name that meet the conditions: the worst is at most (or at least) the target."""

    sentence: str
    name: str
    target: float
    where: Callable[[Conditions], bool] = lambda conditions: True
    at_least: bool = False
    around: float | None = None  # the distance from here is what must not exceed the target
    as_counted: bool = False  # the claim is of what was seen, whatever its interval

    def judge(self, figures: Sequence[Figure]) -> "Verdict":
        """The verdict on a run's figures."""
        meant = [figure for figure in figures if figure.name == self.name and self.where(figure.conditions)]
        known = [figure for figure in meant if figure.value is not None]
        if not known or len(known) < len(meant):
            return Verdict(self, None, None, None)
        worst = max(known, key=lambda figure: self._excess(figure.value))
        holds = self._excess(worst.value) <= 0
        bounds = [self._excess(bound) <= 0 for bound in (worst.low, worst.high) if bound is not None]
        return Verdict(self, worst, holds, self.as_counted or all(bound == holds for bound in bounds))

    def _excess(self, value: float | None) -> float:
        assert value is not None
        if self.around is not None:
            return abs(value - self.around) - self.target
        return self.target - value if self.at_least else value - self.target


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim holds; None where it was not measured, or not at every point that it speaks of."""

    claim: Claim
    worst: Figure | None
    holds: bool | None
    surely: bool | None  # its whole interval says so

    def __str__(self) -> str:
        """One line."""
        claim = self.claim
        if claim.around is not None:
            target = f"{claim.around:g} +- {claim.target:g}"
        else:
            target = f"at {'least' if claim.at_least else 'most'} {claim.target:g}"
        if self.worst is None:
            return f"not measured  {claim.sentence}: {target}"
        word = ("holds" if self.holds else "FAILS") + ("" if self.surely else "?")
        where = _where(self.worst.conditions)
        return f"{word:<13} {claim.sentence}: {target}; worst {self.worst}" + (f" ({where})" if where else "")


def _where(conditions: Conditions) -> str:
    named = {name: conditions[name] for name in _TELLING if name in conditions}
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in named.items()
    )


_TELLING = (
    "channel", "snr_db", "symbols", "share", "block_error_rate", "information_bits", "payload", "decile", "frames",
    "samples", "inputs", "chunk_samples",
)  # fmt: skip


def _at(channel: str, snr_db: float) -> Callable[[Conditions], bool]:
    return lambda conditions: conditions["channel"] == channel and conditions["snr_db"] == snr_db


def _still(channel: str) -> Callable[[Conditions], bool]:
    return lambda conditions: conditions["channel"] == channel and "oscillators" not in conditions


def _drifting(conditions: Conditions) -> bool:
    return "oscillators" in conditions


def _channel(channel: str) -> Callable[[Conditions], bool]:
    return lambda conditions: conditions["channel"] == channel


PHY_CLAIMS = (
    Claim("headers missed in AWGN at -2 dB", "header_missed", 1e-3, _at(AWGN, -2.0)),
    Claim("headers missed in AWGN at -4 dB", "header_missed", 1e-2, _at(AWGN, -4.0)),
    Claim("header behind the genie's, TDL-A, 1 us", "header_loss", 1.0, _channel(TDL_A)),
    Claim("header behind the genie's, flat Rayleigh", "header_loss", 1.0, _channel(RAYLEIGH)),
    Claim("headers passed from noise alone", "noise_headers", 0.0, as_counted=True),
    Claim("payload loss in AWGN", "payload_loss", 0.3, _still(AWGN)),
    Claim("payload loss in TDL-A, 1 us", "payload_loss", 0.7, _still(TDL_A)),
    Claim("payload loss with drifting oscillators", "payload_loss", 1.0, _drifting),
    Claim("calibration in AWGN", "calibration", 0.1, _still(AWGN), around=1.0),
    Claim("calibration in fading", "calibration", 0.2, _still(TDL_A), around=1.0),
    Claim("calibration in AWGN, every decile", "calibration_worst_decile", 0.1, _still(AWGN), around=1.0),
    Claim("calibration in fading, every decile", "calibration_worst_decile", 0.2, _still(TDL_A), around=1.0),
    Claim("uncoded QPSK and 16-QAM on the closed form", "uncoded_largest_z", 3.08),
    Claim("uncoded loss with estimated CSI in AWGN", "uncoded_loss", 0.3, _channel(AWGN)),
    Claim("uncoded loss with estimated CSI in TDL-A, 1 us", "uncoded_loss", 0.7, _channel(TDL_A)),
    Claim("uncoded loss with estimated CSI in flat Rayleigh", "uncoded_loss", 0.7, _channel(RAYLEIGH)),
    Claim("channel code behind an independent implementation", "code_loss", 0.3),
    Claim("receiver on frames, one core", "receiver_speed", 10.0, at_least=True),
    Claim("receiver on noise, one core", "receiver_noise_speed", 30.0, at_least=True),
    Claim("receiver in its GNU Radio block", "frame_rx_speed", 8.0, at_least=True),
    Claim("transmitter, one core", "transmitter_speed", 20.0, at_least=True),
    Claim("frames that differ with the chunking", "chunking_differences", 0.0, as_counted=True),
    Claim("growth of memory", "memory_growth", 10.0),
    Claim("errors raised by malformed input", "malformed_raised", 0.0, as_counted=True),
    Claim("headers passed from malformed input", "malformed_headers", 1.0, as_counted=True),
    Claim("OFDM symbols of preamble and header", "overhead_symbols", 16.0),
)
