"""Supervision of small children that do what the tests want."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from semcom_ota.services import process as processes
from semcom_ota.services.process import MAX_RESTARTS, ServiceFailed, SupervisedProcess

PATIENCE_S = 20


def child(code: str, on_failure=None) -> SupervisedProcess:
    return SupervisedProcess([sys.executable, "-c", code], "the child", on_failure)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")


SLEEP = "import sys; sys.stdin.read()"


def test_a_killed_child_is_started_again_and_ended_on_close():
    with child(SLEEP) as supervised:
        first = supervised.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervised.restarts == 1 and supervised.pid != first)
        supervised.check()
        second = supervised.pid
        assert alive(second) and not alive(first)
    assert not alive(second)
    supervised.close()


def test_exit_status_2_is_final_and_its_last_line_is_the_reason():
    given_up = threading.Event()
    code = "import sys; print('noise\\nthe checkpoint is damaged\\n', file=sys.stderr); sys.exit(2)"
    with child(code, given_up.set) as supervised:
        assert given_up.wait(PATIENCE_S)
        with pytest.raises(ServiceFailed, match=r"^the child: the checkpoint is damaged$"):
            supervised.check()
        assert supervised.restarts == 0


def test_restarts_are_bounded():
    given_up = threading.Event()
    with child("import os; os._exit(3)", given_up.set) as supervised:
        assert given_up.wait(PATIENCE_S)
        assert supervised.restarts == MAX_RESTARTS
        with pytest.raises(ServiceFailed, match="6 times within a minute: exit status 3"):
            supervised.check()


@pytest.mark.parametrize(("last", "added"), [("", ""), ("Out of luck.", ", having said last: Out of luck.")])
def test_a_signal_is_named_and_the_last_line_does_not_hide_it(last, added):
    given_up = threading.Event()
    code = f"import os, sys; print({last!r}, file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    with child(code, given_up.set) as supervised:
        assert given_up.wait(PATIENCE_S)
        assert supervised.error.endswith(f"within a minute: killed by signal 9{added}")


def test_restarts_of_long_ago_do_not_count(monkeypatch):
    monkeypatch.setattr(processes, "RESTART_WINDOW_S", 0.0)
    with child("import os; os._exit(3)") as supervised:
        wait_until(lambda: supervised.restarts > 2 * MAX_RESTARTS)
        supervised.check()


def test_a_traceback_ends_in_a_sentence():
    given_up = threading.Event()
    with child("raise RuntimeError('no such thing')", given_up.set) as supervised:
        assert given_up.wait(PATIENCE_S)
        with pytest.raises(ServiceFailed, match=r"RuntimeError: no such thing$"):
            supervised.check()


def test_a_child_that_will_not_end_is_killed():
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', file=sys.stderr, flush=True)\ntime.sleep(3600)"
    )
    supervised = child(code)
    supervised.start()
    pid = supervised.pid
    supervised.close(timeout=0.2)
    assert not alive(pid)


def test_a_flood_on_stderr_neither_blocks_the_child_nor_fills_memory():
    given_up = threading.Event()
    code = "import sys; sys.stderr.write('x' * 10_000_000 + '\\nlast words\\n'); sys.exit(2)"
    with child(code, given_up.set) as supervised:
        assert given_up.wait(PATIENCE_S)
        assert supervised.error == "the child: last words"


def test_a_program_that_is_not_there_is_named():
    supervised = SupervisedProcess(["/nonexistent/program"], "the child")
    with pytest.raises(ServiceFailed, match="cannot be started: No such file or directory"):
        supervised.start()
    with pytest.raises(ServiceFailed, match="not been started"):
        _ = supervised.pid
    supervised.close()
