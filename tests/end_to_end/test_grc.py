"""Every flowgraph of grc/ opens, compiles, runs, and does what it says."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from semcom_ota.config import LinkConfig
from semcom_ota.services.process import worker_process
from semcom_ota.transport.endpoint import ipc_endpoint

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]
FLOWGRAPHS = sorted((ROOT / "grc").glob("*.grc"))
OPTIONS = {file.stem: yaml.safe_load(file.read_text())["options"]["parameters"] for file in FLOWGRAPHS}
TEXTS = 8
Run = Callable[..., "Running"]
each_flowgraph = pytest.mark.parametrize("flowgraph", FLOWGRAPHS, ids=lambda file: file.stem)


class Running:
    """A flowgraph as GRC runs it: the Python file that grcc made of it. What it has printed so far is in `printed`."""

    def __init__(self, script: Path, arguments: tuple[str, ...], environment: dict[str, str]):
        command = [sys.executable, "-W", "error::DeprecationWarning:__main__", str(script), *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=environment, text=True, **pipes)
        self.printed = ""

    def until(self, pattern: str, times: int = 1) -> None:
        """Read on until a line has come so many times; pytest-timeout bounds it."""
        for line in self.process.stdout:
            self.printed += line
            times -= re.search(pattern, line) is not None
            if not times:
                return
        raise AssertionError(f"{self.printed}\n{self.process.stderr.read()}")

    def end(self) -> str:
        """All that it printed, once it has ended by itself with status 0."""
        rest, errors = self.process.communicate()
        self.printed += rest
        assert self.process.returncode == 0, self.printed + errors
        return self.printed

    def terminate(self) -> str:
        """All that it printed, once it has ended with status 0 because it was told to."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()


@pytest.fixture(scope="module", autouse=True)
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An encoder and a decoder worker for all flowgraphs, from the start: to load the models is what takes time."""
    folder, link = tmp_path_factory.mktemp("workers"), LinkConfig()
    endpoints = {name: ipc_endpoint(folder, name) for name in ("encoder", "decoder")}
    with (
        worker_process("encoder", endpoints["encoder"], link.transmitter, folder),
        worker_process("decoder", endpoints["decoder"], link.receiver, folder),
    ):
        yield endpoints


@pytest.fixture(scope="module")
def scripts(grc_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what grcc makes of all flowgraphs."""
    folder = tmp_path_factory.mktemp("scripts")
    environment = os.environ | {"GRC_BLOCKS_PATH": str(ROOT / "grc"), "HOME": str(grc_home)}
    command = ["grcc", "-o", str(folder), *map(str, FLOWGRAPHS)]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert made.returncode == 0, made.stdout + made.stderr
    assert ">>> Warning" not in made.stdout
    assert ">>> Error" not in made.stdout
    assert sorted(file.stem for file in folder.glob("*.py")) == sorted(options["id"] for options in OPTIONS.values())
    return folder


@pytest.fixture
def run(scripts: Path, workers: dict[str, str], tmp_path: Path) -> Iterator[Run]:
    """Starts a flowgraph."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    with contextlib.ExitStack() as started:

        def start(name: str, *arguments: str) -> Running:
            script = scripts / f"{OPTIONS[name]['id']}.py"
            takes = script.read_text()
            shared = [f"--{role}={endpoint}" for role, endpoint in workers.items() if f'"--{role}"' in takes]
            running = Running(script, (*shared, *arguments), environment)
            started.callback(running.process.wait)
            started.callback(running.process.kill)
            return running

        yield start


def link_file(folder: Path, radio: dict[str, Any]) -> str:
    """Bursts are handed over long before their time: none is late on a busy machine."""
    file = folder / "link.yml"
    file.write_text(yaml.safe_dump({"radio": radio | {"bursts": {"lead_ms": 500}}}))
    return f"--link={file}"


def all_arrived(printed: str) -> bool:
    """Whether a Result Sink has had everything, and intact."""
    count = f"received {TEXTS} of {TEXTS} messages, {TEXTS} of them intact"
    return count in printed and printed.count(" intact  '") == TEXTS


def all_sent(printed: str) -> bool:
    """Whether a Burst Sink says that everything is on the air."""
    return f"sent {TEXTS} of {TEXTS} messages: {TEXTS} acknowledged" in printed


def test_all_are_there():
    headless = {name for name, options in OPTIONS.items() if options["generate_options"] == "no_gui"}
    assert headless == {"loopback", "replay", "rx", "trx", "tx"}
    assert OPTIONS.keys() - headless == {"class", "loopback_qt", "rx_qt"}


@each_flowgraph
def test_it_opens_in_grc(grc: Any, flowgraph: Path):
    opened = grc.make_flow_graph()
    opened.grc_file_path = str(flowgraph)
    assert opened.import_data(grc.parse_flow_graph(str(flowgraph))) is False  # nothing is missing
    opened.rewrite()
    opened.validate()
    assert opened.is_valid(), opened.get_error_messages()
    assert not [block for block in opened.blocks if block.flags.deprecated]
    # GRC's own Python is the system's, where we are not: the one on the PATH is that of the environment.
    assert opened.get_run_command("x.py") == "python3 -u x.py"
    notes = [block.params["comment"].value for block in opened.blocks if block.key == "note"]
    assert len(max(notes, key=len)) > 100


@each_flowgraph
def test_no_thread_but_that_of_the_screen_touches_the_screen(flowgraph: Path):
    """GRC's Function Probe does, and ends in a segmentation fault if it does so while PyQt takes the window apart."""
    if OPTIONS[flowgraph.stem]["generate_options"] == "qt_gui":
        used = {block["id"] for block in yaml.safe_load(flowgraph.read_text())["blocks"]}
        assert "variable_function_probe" not in used


def test_grc_is_told_where_the_blocks_are():
    folder = ROOT / "grc"
    semcom = Path(sys.executable).with_name("semcom")
    for before, after in (("", f"{folder}"), ("/a b", f"{folder}:/a b")):
        shell = f'eval "$({semcom} grc-path)"; echo "$GRC_BLOCKS_PATH"'
        environment = os.environ | {"GRC_BLOCKS_PATH": before}
        told = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == after


def test_loopback(run: Run):
    assert all_arrived(run("loopback").end())


def test_transmitter_and_receiver_are_two_programs(run: Run, tmp_path: Path):
    endpoint = f"ipc://{tmp_path}/iq"
    link = link_file(tmp_path, {"kind": "zmq", "transmit": endpoint, "receive": endpoint})
    receiver = run("rx", link)
    screen_of_sender = run("tx", link, "--linger-s=100")  # until the receiver has all
    assert all_arrived(receiver.end())
    assert all_sent(screen_of_sender.terminate())


def test_what_was_transmitted_into_a_recording_is_replayed(run: Run, tmp_path: Path):
    recording = tmp_path / "sent.sigmf-meta"
    link = link_file(tmp_path, {"kind": "file", "transmit": str(recording)})
    assert all_sent(run("tx", link, "--linger-s=0.5").end())
    assert all_arrived(run("replay", f"--recording={recording}", f"--count={TEXTS}").end())


def test_one_program_transmits_and_receives(run: Run, tmp_path: Path):
    printed = run("trx", link_file(tmp_path, {"kind": "loopback", "snr_db": [15]})).end()
    assert all_arrived(printed)
    assert f"sent {TEXTS} messages: {TEXTS} acknowledged" in printed


@pytest.mark.parametrize("name", ["class", "loopback_qt"])
def test_a_screen_shows_texts_until_it_is_told_to_end(run: Run, name: str):
    screen = run(name)
    screen.until(" dB  (not )?intact  '", times=3)
    assert int(re.search(r"received (\d+) messages", screen.terminate()).group(1)) >= 3


def test_a_screen_shows_what_a_radio_receives(run: Run, tmp_path: Path):
    endpoint = f"ipc://{tmp_path}/iq"
    link = link_file(tmp_path, {"kind": "zmq", "transmit": endpoint, "receive": endpoint})
    screen, sender = run("rx_qt", link), run("tx", link, "--codec=utf8", "--linger-s=100")
    screen.until(" dB  intact  '", times=TEXTS)
    assert f"received {TEXTS} messages, {TEXTS} of them intact" in screen.terminate()
    assert all_sent(sender.terminate())


def test_a_device_transmits_only_when_it_may(run: Run):
    refused = run("tx", "--link=b210")
    _, errors = refused.process.communicate()
    assert refused.process.returncode == 2
    assert errors.startswith("nothing was sent: a device transmits only when it may. ")
    assert errors.count("\n") == 1


def test_the_picture_of_the_readme_can_be_made_again(workers: dict[str, str], grc_home: Path, tmp_path: Path):
    picture = tmp_path / "screen.png"
    command = [sys.executable, str(ROOT / "scripts" / "screenshot.py"), "--out", str(picture), "--messages", "2"]
    shared = [f"--{role}={endpoint}" for role, endpoint in workers.items()]
    subprocess.run([*command, *shared], env=os.environ | {"HOME": str(grc_home)}, check=True, timeout=200)
    for file in (picture, ROOT / "docs" / "images" / "loopback_qt.png"):
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert 20_000 < len(content) < 200_000  # an empty window has 5 kB
