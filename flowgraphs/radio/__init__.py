"""The radios, one file a backend, behind one interface (interface.py)."""

from importlib import import_module

from semcom_flowgraphs.radio.interface import ASYNC_PORT, LENGTH_TAG, Radio

from semcom_ota.config import LinkConfig

__all__ = ["ASYNC_PORT", "LENGTH_TAG", "Radio", "open_radio"]


def open_radio(link: LinkConfig, *, transmit: bool = False, receive: bool = False) -> Radio:
    """The radio of this link, opened and set, streaming once its flowgraph starts.

    Args:
        link: `radio.kind` names the backend, which is the module of that name in this package and its `open_radio`.
        transmit: whether it gets an input.
        receive: whether it gets an output.

    Raises:
        ConfigError: the device is not there, is taken, cannot do what is asked, or fails; one sentence says so.
    """
    backend = import_module(f"semcom_flowgraphs.radio.{link.radio.kind}_radio")
    radio: Radio = backend.open_radio(link, transmit=transmit, receive=receive)
    return radio
