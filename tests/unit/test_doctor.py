"""`semcom doctor`: each check tells good facts from bad ones, and says what to do."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from semcom_ota import doctor
from semcom_ota.doctor import Check, Probe

GOOD, BAD = Probe(True, "fine"), Probe(False, "ModuleNotFoundError: No module named 'x'")


@pytest.mark.parametrize(
    "good, bad",
    [
        (doctor.check_python((3, 11)), doctor.check_python((3, 13))),
        (doctor.check_python((3, 12)), doctor.check_python((3, 10))),
        (doctor.check_numpy("1.26.4"), doctor.check_numpy("2.1.0")),
        (doctor.check_numpy("1.26.4"), doctor.check_numpy(None)),
        (doctor.check_probe("zmq", GOOD, "install it"), doctor.check_probe("zmq", BAD, "install it")),
        (doctor.check_device(Probe(True, "torch 2.13.0 on CPU"), False), doctor.check_device(BAD, False)),
        (
            doctor.check_device(Probe(True, "torch 2.13.0 on NVIDIA H100"), True),
            doctor.check_device(Probe(True, "torch 2.13.0 on CPU"), True),
        ),
        (
            doctor.check_grc(Path("/a/grc"), "/b:/a/grc", True),
            doctor.check_grc(Path("/a/grc"), "/b:/a/grc/deeper", True),
        ),
        (doctor.check_grc(Path("/a/grc"), "/a/grc", True), doctor.check_grc(None, "/a/grc", True)),
        (doctor.check_grc(Path("/a/grc"), "/a/grc", True), doctor.check_grc(Path("/a/grc"), "/a/grc", False)),
        (doctor.check_socket_buffers(2**26, 2**26), doctor.check_socket_buffers(2**26, 212992)),
        (doctor.check_socket_buffers(2**26, 2**26), doctor.check_socket_buffers(None, 2**26)),
        (doctor.check_governor({"performance"}), doctor.check_governor({"performance", "powersave"})),
        (doctor.check_governor(set()), doctor.check_governor({"schedutil"})),
        (doctor.check_disk(Path("/x"), 2**31), doctor.check_disk(Path("/x"), 2**20)),
    ],
)
def test_each_check_tells_good_from_bad_and_names_a_fix(good: Check, bad: Check) -> None:
    assert good.ok and not good.fix
    assert not bad.ok and bad.fix
    assert good.name == bad.name


def test_a_bad_library_is_quoted() -> None:
    assert doctor.check_probe("GNU Radio", BAD, "install it").detail == BAD.said


def test_probe_reports_last_line_or_the_error() -> None:
    assert doctor.probe("print('noise'); print('1.2')") == Probe(True, "1.2")
    failed = doctor.probe("import no_such_module_of_ours")
    assert not failed.ok and "no_such_module_of_ours" in failed.said
    assert doctor.probe("import os; os._exit(3)") == Probe(False, "ended with status 3")
    assert not doctor.probe("import os; os.abort()").ok


def test_probe_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PROBE_TIMEOUT_S", 0.2)
    assert not doctor.probe("import time; time.sleep(60)").ok


def test_checkpoint_missing_damaged_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    assert "missing" in doctor.check_checkpoint(file, GOOD).detail
    file.write_bytes(b"abc")
    assert not doctor.check_checkpoint(file, BAD).ok
    whole = doctor.check_checkpoint(file, GOOD)
    assert whole.ok and "ba7816bf8f01cfea" in whole.detail  # FIPS 180-2, example B.1


def test_uhd_wants_tools_and_images(tmp_path: Path) -> None:
    assert not doctor.check_uhd(False, tmp_path).ok
    assert not doctor.check_uhd(True, None).ok
    assert not doctor.check_uhd(True, tmp_path).ok
    (tmp_path / "usrp_b200_fpga.bin").touch()
    assert doctor.check_uhd(True, tmp_path).ok


def test_numba_cache_needs_one_writable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_numba_cache([tmp_path / "not" / "yet" / "made"]).ok
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert doctor.check_numba_cache([tmp_path]).fix.startswith("export NUMBA_CACHE_DIR=")


def test_report_shows_every_fix_and_fails_only_for_what_is_needed() -> None:
    fine, optional = Check("a", True, "there"), Check("b", False, "[bold]absent", "do 'this' [now]", needed=False)
    text = io.StringIO()
    assert doctor.report([fine, optional], Console(file=text, width=60)) == 0
    assert "b: do 'this' [now]" in text.getvalue()
    assert doctor.report([fine, Check("c", False, "gone", "do that")], Console(file=io.StringIO())) == 2


def test_run_checks_looks_at_everything_once() -> None:
    checks = doctor.run_checks()
    names = [check.name for check in checks]
    assert len(set(names)) == len(names) == 13
    assert all(check.ok or check.fix for check in checks)
    assert all(check.ok for check in checks if check.name in {"Python", "numpy", "GNU Radio", "torch", "zmq"})
