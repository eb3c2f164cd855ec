"""What a worker does in tests of those who look after it; imports little, because each process does that anew."""

import os
import signal
from pathlib import Path

from semcom_ota.config import ConfigError
from semcom_ota.experiments.sweep_plan import Measured, Task


def obey(task: Task) -> Measured:
    """Do what the text says: `die N FILE` is killed the first N times, as FILE counts; `refuse` raises."""
    text = task.texts[0].text
    if text.startswith("die"):
        _, times, file = text.split()
        with Path(file).open("a") as stream:
            stream.write("+")
        if Path(file).stat().st_size <= int(times):
            os.kill(os.getpid(), signal.SIGKILL)
    if text == "refuse":
        raise ConfigError("it is not fair")
    return Measured(task.unit.index, [{"threads": os.environ["OMP_NUM_THREADS"]}], [])
