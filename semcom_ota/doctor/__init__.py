"""`semcom doctor`: is this machine ready, and if not, what exactly to do.

Each check is a function of facts (software.py, usrp.py, host.py), so that it can be tested; examination.py gathers the
facts; report.py says what they come to. What could crash, or would load a large library (GNU Radio, torch, zmq), is
tried in a process of its own.
"""

from rich.console import Console

from semcom_ota.doctor.examination import examine
from semcom_ota.doctor.report import report


def main() -> int:
    """`semcom doctor`."""
    return report(examine(), Console())
