"""The types of gr-uhd's Python module, as the software twin has them: what we use of them, and no more."""

from dataclasses import dataclass, field

from semcom_ota.radio.time_spec import TimeSpec

device_addr = str  # gr-uhd takes a string wherever it takes its own type


@dataclass
class stream_args:
    """How samples cross the border between host and device."""

    cpu_format: str = ""
    otw_format: str = ""
    args: str = ""
    channels: list[int] = field(default_factory=list)


class tune_request:
    """A frequency, and by how much the LO is to be beside it."""

    def __init__(self, target_freq: float = 0.0, lo_offset: float = 0.0):
        """In Hz."""
        self.target_freq, self.rf_freq = target_freq, target_freq + lo_offset


@dataclass
class tune_result:
    """What became of a tune request, in Hz."""

    clipped_rf_freq: float = 0.0
    target_rf_freq: float = 0.0
    actual_rf_freq: float = 0.0
    target_dsp_freq: float = 0.0
    actual_dsp_freq: float = 0.0


class time_spec:
    """A time of the device's clock."""

    def __init__(self, full_secs: float = 0, frac_secs: float = 0.0):
        """Whole seconds and a fraction, or one float."""
        self._time = TimeSpec.of(full_secs).after(frac_secs)

    def get_full_secs(self) -> int:
        """Whole seconds."""
        return self._time.seconds

    def get_frac_secs(self) -> float:
        """The fraction, in 0 .. 1."""
        return self._time.fraction

    def get_real_secs(self) -> float:
        """As one float."""
        return float(self._time)


class sensor_value:
    """What a sensor says."""

    def __init__(self, value: str):
        """As UHD has it, in a string: `true`, `41.5`, or words."""
        self._value = value

    def to_bool(self) -> bool:
        """For a sensor such as ref_locked."""
        return self._value == "true"

    def to_real(self) -> float:
        """For a sensor such as temp.

        Raises:
            ValueError: it says something else.
        """
        return float(self._value)


class meta_range:
    """A range of values."""

    def __init__(self, start: float, stop: float, step: float = 0.0):
        """From, to, and in steps of."""
        self._start, self._stop, self._step = start, stop, step

    def start(self) -> float:
        """The least value."""
        return self._start

    def stop(self) -> float:
        """The greatest value."""
        return self._stop

    def step(self) -> float:
        """The step; 0 is none."""
        return self._step
