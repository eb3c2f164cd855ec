"""How a radio process that answers requests ends."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from semcom_flowgraphs.serve import serve

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.transport.endpoint import ipc_endpoint


@pytest.mark.parametrize(("error", "stopped"), [(ConfigError("the device is gone"), False), (SystemExit(0), True)])
def test_only_an_end_in_order_waits_for_the_flowgraph(tmp_path: Path, error: BaseException, stopped: bool):
    """Blocks that wait for a device that is gone may never stop; the process ends without them."""
    calls = []

    def watch() -> None:
        raise error

    noted = {name: lambda name=name: calls.append(name) for name in ("start", "stop", "wait")}
    flowgraph = SimpleNamespace(desk=SimpleNamespace(busy=False), ready=True, watch=watch, **noted)
    with pytest.raises(type(error)):
        serve(flowgraph, ipc_endpoint(tmp_path, "radio"), LinkConfig())
    assert calls == ["start", *(["stop", "wait"] if stopped else [])]
