"""What a radio asks of the host so that no sample is lost: cores, priority, buffers, clocks. And what SoapySDR has."""

import re
from dataclasses import dataclass

from semcom_ota.doctor.check import LIVE, SOAPY, Check, Finished, Probe

SOCKET_BUFFER_BYTES = 33_554_432  # UHD's host tuning notes for a USRP on 10 Gbit/s Ethernet
GR_SOAPY_PROBE = "from gnuradio import soapy; soapy.source; print('loads')"
REAL_TIME_PROBE = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)); print('allowed')"
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit")
FREE_CORES = 2
"""One for the radio process, one for a worker."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Processor cores that this process may use, and how many are busy."""

    count: int
    busy: float  # load average over the last minute


def check_cores(cores: Cores) -> Check:
    """A radio process and two workers run at the same time."""
    free = cores.count - cores.busy
    detail = f"{cores.count}, of which {max(0.0, free):.1f} are free"
    if free >= FREE_CORES * 0.75:
        return Check("cores", True, detail, group=LIVE)
    if cores.count < FREE_CORES:
        return Check("cores", False, f"{detail}: too few for a radio", "use a machine with two cores or more", LIVE)
    fix = "end what else runs: ps -eo pcpu,pid,args --sort=-pcpu | head"
    return Check("cores", False, f"{detail}: too few for a radio", fix, LIVE)


def check_governor(governors: set[str]) -> Check:
    """A core that clocks down makes a radio underflow."""
    if governors <= {"performance"}:
        return Check("CPU governor", True, "performance" if governors else "not adjustable here", group=LIVE)
    fix = "sudo apt-get install linux-cpupower && sudo cpupower frequency-set -g performance"
    return Check("CPU governor", False, ", ".join(sorted(governors)), fix, LIVE)


def check_real_time(trial: Probe, has_limits: bool, in_group: bool) -> Check:
    """The scheduler lets the radio's threads go first.

    Args:
        trial: of a process that asked for it.
        has_limits: a file in /etc/security/limits.d lets the group usrp have it, as that of Debian's uhd-host does.
        in_group: this user is in the group usrp.
    """
    name = "real-time priority"
    if trial.ok:
        return Check(name, True, trial.said, group=LIVE)
    if in_group and has_limits:
        return Check(name, False, "not allowed yet", "log out and in again: the group usrp has it", LIVE)
    fix = 'sudo groupadd --force usrp && sudo usermod --append --groups usrp "$USER"  # then log in again'
    if not has_limits:
        fix = f"echo '@usrp - rtprio 99' | sudo tee /etc/security/limits.d/usrp.conf && {fix}"
    detail = "not allowed: UHD will say 'Unable to set the thread priority'"
    return Check(name, False, detail, fix, LIVE)


def check_socket_buffers(receive: int | None, send: int | None) -> Check:
    """Largest socket buffers in bytes. A network USRP at high rates loses samples with the kernel's default."""
    name = "socket buffers"
    if receive is None or send is None:
        return Check(name, False, "net.core.rmem_max cannot be read", "run on Linux", LIVE)
    detail = f"receive {receive}, send {send} bytes"
    if min(receive, send) >= SOCKET_BUFFER_BYTES:
        return Check(name, True, detail, group=LIVE)
    file = "/etc/sysctl.d/60-usrp.conf"
    lines = rf"printf 'net.core.%s={SOCKET_BUFFER_BYTES}\n' rmem_max wmem_max"
    fix = f"{lines} | sudo tee {file} && sudo sysctl --load={file}"
    return Check(name, False, f"{detail}: small for a USRP on 10 Gbit/s Ethernet", fix, LIVE)


def check_clock(synchronised: bool | None) -> Check:
    """The system's clock, by which the run folders of two machines are put side by side."""
    name = "system clock"
    if synchronised is None:
        return Check(name, True, "whether a time server sets it cannot be told here", group=LIVE)
    if synchronised:
        return Check(name, True, "set by a time server", group=LIVE)
    detail = "no time server sets it: times in the run folders of two machines will not agree"
    return Check(name, False, detail, "sudo apt-get install chrony", LIVE)


def check_clock_source(source: str | None) -> Check:
    """What the kernel reads the time from: some take a microsecond, and a radio process reads it all the time."""
    name = "clock source"
    if source in SLOW_CLOCKS:
        fix = "sudo dmesg | grep -i -e tsc -e clocksource  # why not tsc; a new BIOS helps, or tsc=reliable"
        return Check(name, False, f"{source}, which is slow", fix, LIVE)
    return Check(name, True, source or "not told here", group=LIVE)


def check_gr_soapy(loading: Probe) -> Check:
    """GNU Radio's blocks for SoapySDR."""
    fix = "" if loading.ok else "sudo apt-get install gnuradio"
    return Check("gr-soapy", loading.ok, loading.said, fix, SOAPY)


def soapy_drivers(done: Finished) -> tuple[str, ...]:
    """Drivers that `SoapySDRUtil --info` names."""
    listed = re.search(r"^Available factories\.\.\. ?(.*)$", done.out, re.MULTILINE)
    names = listed[1].split(",") if listed and "No factories" not in listed[1] else []
    return tuple(name.strip() for name in names if name.strip() and name.strip() != "null")


def check_soapy_drivers(drivers: tuple[str, ...] | None) -> Check:
    """The part of SoapySDR that knows a device. None: its tool is not there, so that nobody can say."""
    name = "SoapySDR drivers"
    if drivers:
        return Check(name, True, ", ".join(drivers), group=SOAPY)
    modules = "soapysdr-module-lms7 soapysdr-module-hackrf  # a Pluto's, SoapyPlutoSDR, has no package in Debian 12"
    if drivers is None:
        fix = f"sudo apt-get install soapysdr-tools {modules}"
        return Check(name, False, "SoapySDRUtil, which lists them, is not there", fix, SOAPY)
    return Check(name, False, "none", f"sudo apt-get install {modules}", SOAPY)
