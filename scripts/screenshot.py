"""The screen of a flowgraph with QT, as a picture: `scripts/screenshot.py [--flowgraph NAME] [--out FILE.png]`.

Without a display. The default is the picture in the README: what each message meets is a function of its number, but
which one came last depends on how fast models load. To be run with the Python of the project's environment.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from importlib import util
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOOK_MS = 50
DRAWN_MS = 400
"""After the last message, until all widgets have drawn it."""


def main() -> None:
    """Compile, run, wait for messages, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flowgraph", default="loopback_qt", help="name of one in grc/ [default: %(default)s]")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "loopback_qt.png")
    parser.add_argument("--messages", type=int, default=17, help="to be received before [default: %(default)s]")
    parser.add_argument("--size", type=int, nargs=2, default=(1100, 830), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--encoder", default="", help="endpoint of an encoder worker; one is started if not given")
    parser.add_argument("--decoder", default="", help="endpoint of a decoder worker; one is started if not given")
    arguments = parser.parse_args()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        flowgraph = compiled(arguments.flowgraph, Path(folder))
        save(flowgraph, arguments)


def compiled(name: str, folder: Path) -> Any:
    """The class that grcc makes of a flowgraph."""
    environment = os.environ | {"GRC_BLOCKS_PATH": str(ROOT / "grc")}
    subprocess.run(["grcc", "-o", folder, ROOT / "grc" / f"{name}.grc"], env=environment, check=True, stdout=sys.stderr)
    (script,) = folder.glob("*.py")
    spec = util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, script.stem)


def save(flowgraph: Any, arguments: argparse.Namespace) -> None:
    """Run it until it has received enough, and save what its window shows."""
    from PyQt5 import QtCore, QtWidgets

    application = QtWidgets.QApplication(sys.argv[:1])
    window = flowgraph(encoder=arguments.encoder, decoder=arguments.decoder)
    window.resize(*arguments.size)
    window.start()
    window.show()

    def look() -> None:
        if window.result_sink.received >= arguments.messages:
            timer.stop()
            QtCore.QTimer.singleShot(DRAWN_MS, application.quit)

    timer = QtCore.QTimer()
    timer.timeout.connect(look)
    timer.start(LOOK_MS)
    application.exec_()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    window.grab().save(str(arguments.out))
    window.stop()
    window.wait()


if __name__ == "__main__":
    main()
