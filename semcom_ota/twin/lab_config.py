"""What a lab is: devices, the paths between them, and what goes wrong. One YAML file; some ship in `labs/`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from semcom_ota.air_config import Frozen
from semcom_ota.config import ConfigError, first_problem, read_yaml
from semcom_ota.twin.faults import Fade, Fault, Overflow, RandomFaults, Serial, Vanish, drawn
from semcom_ota.twin.products import PRODUCTS, Product

LABS = Path(__file__).parent / "labs"


class LabDevice(Frozen):
    """One device. Its serial number is its key in `devices`."""

    product: Literal["B210", "X310"] = "B210"
    name: str = Field("", max_length=32, pattern=r"^[\x20-\x7e]*$")
    oscillator_ppm: float | None = Field(None, ge=-100, le=100, description="None is drawn within tolerance_ppm")
    tolerance_ppm: float = Field(2.5, ge=0, le=100)
    drift_ppm: float = Field(0.2, ge=0, le=10, description="the most by which it drifts about oscillator_ppm")
    drift_period_s: float = Field(60.0, ge=1, le=1e5, description="of the slowest part of the drift")
    reference: bool = Field(True, description="the lab's 10 MHz and PPS are plugged in")
    gpsdo: bool = False
    lock_s: float = Field(1.0, ge=0, le=600, description="what it takes to lock to a reference")
    noise_figure_db: float = Field(8.0, ge=0, le=40)
    dc_dbfs: float | None = Field(-45.0, ge=-100, le=0, description="spur of the receiver at its LO; None: none")
    leakage_dbfs: float | None = Field(-50.0, ge=-100, le=0, description="of the transmitter's LO in a burst")
    iq_gain_db: float = Field(0.1, ge=-6, le=6, description="imbalance of the receiver's mixer")
    iq_phase_deg: float = Field(0.7, ge=-45, le=45, description="imbalance of the receiver's mixer")
    transient_dbfs: float | None = Field(-20.0, ge=-100, le=0, description="DC when a stream starts; it settles")
    transient_ms: float = Field(0.3, gt=0, le=100, description="time constant of that")
    buffer_ms: float = Field(100.0, ge=1, le=5000, description="what device and transport hold if nobody reads")
    opens: bool = Field(True, description="false: it answers discovery, and then fails")

    @property
    def model(self) -> Product:
        """What the product can do."""
        return PRODUCTS[self.product]


class Tap(Frozen):
    """One more way from transmitter to receiver."""

    delay_s: float = Field(ge=0, le=1e-3, description="later than the first one")
    loss_db: float = Field(ge=0, le=200, description="more than the first one")
    phase_deg: float = Field(0.0, ge=-360, le=360)


class AirPath(Frozen):
    """From a transmitter to a receiver."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    transmitter: Serial = Field(alias="from")
    receiver: Serial = Field(alias="to")
    loss_db: float = Field(60.0, ge=0, le=250)
    delay_s: float = Field(0.0, ge=0, le=1e-3)
    taps: tuple[Tap, ...] = Field((), max_length=16)


class LabConfig(Frozen):
    """The lab. All that is random in it comes from the seed."""

    seed: int = Field(0, ge=0, lt=2**63)
    devices: dict[Serial, LabDevice] = Field({"A": LabDevice(), "B": LabDevice()}, min_length=1, max_length=16)
    paths: tuple[AirPath, ...] = Field((), max_length=256)
    faults: tuple[Fault, ...] = Field((), max_length=10_000)
    random_faults: RandomFaults | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        used = [name for path in self.paths for name in (path.transmitter, path.receiver)]
        used += [name for fault in self.faults for name in _devices(fault)]
        if self.random_faults is not None:
            used += [self.random_faults.transmitter, self.random_faults.receiver]
        for name in used:
            if name not in self.devices:
                raise ValueError(f"there is no device '{name}': use one of {', '.join(self.devices)}")
        joined = [(path.transmitter, path.receiver) for path in self.paths]
        if len(set(joined)) < len(joined):
            raise ValueError("paths: one for each pair at most; what else arrives is its taps")
        if any(isinstance(fault, Fade) and (fault.burst is None) == (fault.after_s is None) for fault in self.faults):
            raise ValueError("faults: a fade has either burst or after_s")
        if self.random_faults is not None and (problem := self.random_faults.problem()):
            raise ValueError(f"random_faults: {problem}")
        return self

    def script(self) -> tuple[Fault, ...]:
        """All faults, those that are drawn included."""
        return (*self.faults, *(drawn(self.random_faults) if self.random_faults is not None else ()))


def _devices(fault: Fault) -> tuple[str, ...]:
    if isinstance(fault, Overflow):
        return (fault.receiver,)
    if isinstance(fault, Vanish):
        return (fault.device,)
    return (fault.transmitter, fault.receiver) if isinstance(fault, Fade) else (fault.transmitter,)


def load_lab(name_or_file: str) -> LabConfig:
    """A lab by the name of a file in `labs/` (`pair`, `faulty`) or by the path of a YAML file.

    Raises:
        ConfigError: no such name or file, or the file does not describe a lab.
    """
    named = {file.stem: file for file in LABS.glob("*.yml")}
    path = named.get(name_or_file, Path(name_or_file))
    if name_or_file not in named and not path.suffix:
        raise ConfigError(
            f"unknown lab '{name_or_file}': use one of {', '.join(sorted(named))}, or the path of a YAML file"
        )
    try:
        return LabConfig.model_validate(read_yaml(path) or {})
    except ValidationError as error:
        raise ConfigError(f"'{path}': {first_problem(error)}") from error
