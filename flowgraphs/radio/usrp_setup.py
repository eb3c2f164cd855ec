"""A USRP's source or sink, set as the link file says: one step a function, in words of gr-uhd's usrp_block.

`usrp` is a `usrp_source` or `usrp_sink` of whichever driver, `who` names device and end in a sentence.
"""

import time
from typing import Any

from semcom_ota.config import ConfigError
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio_config import Port, UhdRadio

RATE_TOLERANCE = 1e-4
"""Relative, of the sample rate: beyond it the receiver's clock tracking would spend itself on the setting."""
FREQUENCY_TOLERANCE_HZ = 100.0
LO_TIMEOUT_S = 2.0
PPS_TIMEOUT_S = 3.0
PPS_PERIOD_S = 1.1
"""With some room."""
_POLL_S = 0.02


def set_references(usrp: Any, radio: UhdRadio, who: str) -> None:
    """Choose clock and time source, and wait until the device has locked to a clock from outside.

    Raises:
        ConfigError: the device has no such source, or does not lock.
    """
    for what, wanted, known, choose in (
        ("clock", radio.clock_source, usrp.get_clock_sources(0), usrp.set_clock_source),
        ("time", radio.time_source, usrp.get_time_sources(0), usrp.set_time_source),
    ):
        if wanted not in known:
            raise ConfigError(f"{who} has no {what} source '{wanted}': use one of {', '.join(known)}")
        choose(wanted, 0)
    sensor = "mimo_locked" if radio.clock_source == "mimo" else "ref_locked"
    if radio.clock_source == "internal" or sensor not in usrp.get_mboard_sensor_names(0):
        return
    if not _becomes_true(lambda: usrp.get_mboard_sensor(sensor, 0).to_bool(), radio.lock_timeout_s):
        raise ConfigError(
            f"{who} has not locked to its {radio.clock_source} clock in {radio.lock_timeout_s:g} s: check that a cable"
            " brings 10 MHz to its REF IN, or set radio.clock_source to internal"
        )


def set_rate(usrp: Any, rate: float, who: str) -> None:
    """Set the sample rate.

    Raises:
        ConfigError: the device's nearest is another one.
    """
    usrp.set_samp_rate(rate)
    actual = usrp.get_samp_rate()
    if abs(actual - rate) > RATE_TOLERANCE * rate:
        raise ConfigError(
            f"{who} cannot have {rate / 1e6:g} MS/s, its nearest is {actual / 1e6:.6g} MS/s: set phy.sample_rate to"
            " that at both ends, or radio.clock_rate_hz to a whole multiple of the rate"
        )


def set_time(usrp: Any, driver: Any, radio: UhdRadio, who: str) -> None:
    """Set the device's time to 0, at an edge of PPS if there is one.

    After the rate is set, because a device that changes its master clock for a rate loses its time.

    Raises:
        ConfigError: no PPS comes.
    """
    zero = driver.time_spec(0.0)
    if radio.time_source == "none":
        usrp.set_time_now(zero, 0)
        return
    before = usrp.get_time_last_pps(0).get_real_secs()
    if not _becomes_true(lambda: usrp.get_time_last_pps(0).get_real_secs() != before, PPS_TIMEOUT_S):
        raise ConfigError(
            f"{who} sees no PPS from its {radio.time_source} time source: check the cable to its PPS IN, or set"
            " radio.time_source to none"
        )
    started = time.monotonic()
    usrp.set_time_next_pps(zero)  # just after an edge, so that there is no doubt which one is the next
    time.sleep(PPS_PERIOD_S)
    if usrp.get_time_now(0).get_real_secs() > time.monotonic() - started:
        raise ConfigError(f"{who} did not take its time at an edge of PPS: check that one comes every second")


def tune(usrp: Any, driver: Any, frequency_hz: float, lo_offset_hz: float, who: str) -> float:
    """Set the carrier frequency, and wait until the local oscillator has locked.

    Returns:
        By how much the oscillator is beside the carrier, in Hz.

    Raises:
        ConfigError: the device cannot, or its oscillator does not lock.
    """
    reach = usrp.get_freq_range(0)
    if not reach.start() <= frequency_hz <= reach.stop():
        raise ConfigError(
            f"{who} tunes from {reach.start() / 1e6:g} to {reach.stop() / 1e6:g} MHz and not to"
            f" {frequency_hz / 1e6:g} MHz: change radio.frequency_hz"
        )
    result = usrp.set_center_freq(driver.tune_request(frequency_hz, lo_offset_hz), 0)
    actual = usrp.get_center_freq(0)
    if abs(actual - frequency_hz) > FREQUENCY_TOLERANCE_HZ:
        raise ConfigError(
            f"{who} was asked for {frequency_hz / 1e6:g} MHz and is at {actual / 1e6:.6f} MHz: choose a smaller"
            " lo_offset_hz, or another radio.frequency_hz"
        )
    if "lo_locked" in usrp.get_sensor_names(0) and not _becomes_true(
        lambda: usrp.get_sensor("lo_locked", 0).to_bool(), LO_TIMEOUT_S
    ):
        raise ConfigError(
            f"the local oscillator of {who} does not lock at {frequency_hz / 1e6:g} MHz: choose another"
            " radio.frequency_hz, or check the reference clock"
        )
    return result.actual_rf_freq - actual


def set_front_end(usrp: Any, port: Port, who: str) -> None:
    """Set gain, antenna and analog bandwidth.

    Raises:
        ConfigError: the device has no such gain or antenna. UHD would take the nearest gain: full power, perhaps.
    """
    gains = usrp.get_gain_range(0)
    gain_db = gains.start() if port.gain_db is None else port.gain_db
    if not gains.start() <= gain_db <= gains.stop():
        raise ConfigError(f"{who} has no gain of {gain_db:g} dB: give one from {gains.start():g} to {gains.stop():g}")
    usrp.set_gain(gain_db, 0)
    if port.antenna:
        antennas = usrp.get_antennas(0)
        if port.antenna not in antennas:
            raise ConfigError(f"{who} has no antenna '{port.antenna}': use one of {', '.join(antennas)}")
        usrp.set_antenna(port.antenna, 0)
    if port.bandwidth_hz is not None:
        usrp.set_bandwidth(port.bandwidth_hz, 0)


def device_name(usrp: Any) -> str:
    """Product and serial number, for people."""
    info = usrp.get_usrp_info(0)
    return " ".join(part for part in (info.get("mboard_id", ""), info.get("mboard_serial", "")) if part) or "USRP"


def port_settings(usrp: Any, lo_offset_hz: float) -> PortSettings:
    """What this end is set to, asked of the device."""
    gains = usrp.get_gain_range(0)
    return PortSettings(
        device=device_name(usrp),
        sample_rate=usrp.get_samp_rate(),
        frequency_hz=usrp.get_center_freq(0),
        lo_offset_hz=lo_offset_hz,
        gain_db=usrp.get_gain(0),
        gain_range_db=(gains.start(), gains.stop()),
        antenna=usrp.get_antenna(0),
        bandwidth_hz=usrp.get_bandwidth(0),
    )


def sensors(usrp: Any, end: str) -> dict[str, str]:
    """What the sensors of device and front end say. Those of a GPS are left out: they wait for it, a second each."""
    said = {}
    for prefix, names, read in (
        ("", usrp.get_mboard_sensor_names(0), usrp.get_mboard_sensor),
        (f"{end}_", usrp.get_sensor_names(0), usrp.get_sensor),
    ):
        for name in names:
            if name.startswith("gps_"):
                continue
            try:
                value = read(name, 0)
                said[prefix + name] = str(value.to_bool()) if name.endswith("_locked") else f"{value.to_real():g}"
            except (RuntimeError, ValueError):  # a sensor of words, or one that has nothing to say now
                continue
    return said


def _becomes_true(condition: Any, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True
