"""`semcom doctor`: what every use needs, what it says at the end, and that a look at this machine never raises."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from semcom_ota.doctor import check as asking
from semcom_ota.doctor import examination, software
from semcom_ota.doctor.check import ALWAYS, COMPANION, SOAPY, SPEED, USRP, Check, Finished, Probe
from semcom_ota.doctor.report import abilities, report

GOOD, BAD = Probe(True, "fine"), Probe(False, "ModuleNotFoundError: No module named 'x'")


@pytest.mark.parametrize(
    "good, bad",
    [
        (software.check_python((3, 11)), software.check_python((3, 13))),
        (software.check_python((3, 12)), software.check_python((3, 10))),
        (software.check_numpy("1.26.4"), software.check_numpy("2.1.0")),
        (software.check_numpy("1.26.4"), software.check_numpy(None)),
        (software.check_probe("zmq", GOOD, "install it"), software.check_probe("zmq", BAD, "install it")),
        (software.check_device(Probe(True, "torch 2.13.0 on CPU"), False), software.check_device(BAD, False)),
        (
            software.check_device(Probe(True, "torch 2.13.0 on NVIDIA H100"), True),
            software.check_device(Probe(True, "torch 2.13.0 on CPU"), True),
        ),
        (
            software.check_grc(Path("/a/grc"), "/b:/a/grc", True),
            software.check_grc(Path("/a/grc"), "/b:/a/grc/deeper", True),
        ),
        (software.check_grc(Path("/a/grc"), "/a/grc", True), software.check_grc(None, "/a/grc", True)),
        (software.check_grc(Path("/a/grc"), "/a/grc", True), software.check_grc(Path("/a/grc"), "/a/grc", False)),
        (software.check_disk(Path("/x"), 2**31), software.check_disk(Path("/x"), 2**20)),
    ],
)
def test_each_check_tells_good_from_bad_and_names_a_fix(good: Check, bad: Check) -> None:
    assert good.ok and not good.fix
    assert not bad.ok and bad.fix
    assert good.name == bad.name and good.group == bad.group


def test_a_bad_library_is_quoted() -> None:
    assert software.check_probe("GNU Radio", BAD, "install it").detail == BAD.said


def test_probe_reports_last_line_or_the_error() -> None:
    assert asking.probe("print('noise'); print('1.2')") == Probe(True, "1.2")
    failed = asking.probe("import no_such_module_of_ours")
    assert not failed.ok and "no_such_module_of_ours" in failed.said
    assert asking.probe("import os; os._exit(3)") == Probe(False, "ended with status 3")
    assert not asking.probe("import os; os.abort()").ok
    assert "no answer" in asking.probe("import time; time.sleep(60)", 0.2).said


def test_a_program_that_is_not_there_or_never_ends_is_no_exception() -> None:
    assert asking.run(["semcom-no-such-program"], 1.0) is None
    done = asking.run(["sleep", "60"], 0.1)
    assert done is not None and done.timed_out and not done.ok
    assert asking.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 10.0) == Finished(3, "out\n", "err\n")


def test_torch_and_the_checkpoint_are_told_apart() -> None:
    torch, checkpoint = software.inference(Finished(0, "torch 2.13.0 on CPU\nloads\n", ""))
    assert (torch, checkpoint) == (Probe(True, "torch 2.13.0 on CPU"), Probe(True, "loads"))
    torch, checkpoint = software.inference(Finished(1, "torch 2.13.0 on CPU\n", "Traceback\nSafetensorError: bad\n"))
    assert (torch.ok, checkpoint) == (True, Probe(False, "SafetensorError: bad"))
    torch, checkpoint = software.inference(Finished(1, "", "ModuleNotFoundError: No module named 'torch'\n"))
    assert not torch.ok and "No module named 'torch'" in torch.said
    assert checkpoint is None and "without torch" in software.check_checkpoint(Path("x"), checkpoint).detail
    assert not software.inference(None)[0].ok


def test_checkpoint_missing_damaged_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    assert "missing" in software.check_checkpoint(file, GOOD).detail
    file.write_bytes(b"abc")
    assert not software.check_checkpoint(file, BAD).ok
    whole = software.check_checkpoint(file, GOOD)
    assert whole.ok and "ba7816bf8f01cfea" in whole.detail  # FIPS 180-2, example B.1


def test_numba_cache_needs_one_writable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert software.check_numba_cache([tmp_path / "not" / "yet" / "made"]).ok
    monkeypatch.setattr(software.os, "access", lambda path, mode: False)
    assert software.check_numba_cache([tmp_path]).fix.startswith("export NUMBA_CACHE_DIR=")


def test_report_shows_every_fix_unwrapped_and_fails_only_for_what_is_needed() -> None:
    long = "sudo do 'this' [now] " + "and that " * 20
    fine, optional = Check("a", True, "there"), Check("b", False, "[bold]absent", long, USRP)
    text = io.StringIO()
    assert report([fine, optional], Console(file=text, width=60)) == 0
    assert long in text.getvalue()
    assert "[bold]absent" in text.getvalue()
    assert report([fine, Check("c", False, "gone", "do that")], Console(file=io.StringIO())) == 2


def test_two_checks_with_the_same_fix_name_it_once() -> None:
    text = io.StringIO()
    report([Check("c", False, "gone", "do that"), Check("d", False, "gone", "do that", SOAPY)], Console(file=text))
    assert text.getvalue().count("do that") == 1 and "c, d:" in text.getvalue()


def test_what_a_machine_can_do_follows_from_the_groups_of_its_checks() -> None:
    checks = [
        Check("torch", True, "fine"),
        Check("inference", False, "slow", "buy", SPEED),
        Check("GRC", True, "fine", group=COMPANION),
        Check("USRPs", False, "UHD finds none: at all", "connect it", USRP),
        Check("gr-soapy", True, "fine", group=SOAPY),
    ]
    able = {ability.what.split(",")[0]: ability for ability in abilities(checks)}
    assert able["loopback"].ok and able["GNU Radio Companion"].ok and able["a Pluto"].ok
    assert able["a USRP"].failed == ("USRPs",)
    broken = abilities([*checks, Check("zmq", False, "no", "install", ALWAYS)])
    assert not any(ability.ok for ability in broken)


def test_this_machine_is_looked_at_once_and_in_groups() -> None:
    checks = examination.examine()
    names = [check.name for check in checks]
    assert len(set(names)) == len(names) >= 22
    assert all(check.ok or check.fix for check in checks)
    assert all(check.ok for check in checks if check.name in {"Python", "numpy", "GNU Radio", "torch", "zmq", "gr-uhd"})
    groups = [check.group for check in checks]
    assert groups == sorted(groups, key=list(dict.fromkeys(groups)).index)
    assert groups[0] == ALWAYS
