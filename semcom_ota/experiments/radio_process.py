"""What runs have in common that send messages through a radio process: endpoints, replies, a progress bar."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import Failure, from_packet
from semcom_ota.transport.radio import RadioReply, TransmitReply, read
from semcom_ota.transport.sockets import Reply
from semcom_ota.transport.wire import WireError

MAX_MESSAGES = 65536
"""The header's message number has 16 bits."""

FINISH_S = 30.0
"""How long what was received may take to be decoded when the run is to end."""

_Answer = TypeVar("_Answer", RadioReply, TransmitReply)


def endpoints(link: LinkConfig, private: Path, names: Iterable[str]) -> dict[str, str]:
    """Where the processes of a link meet, by name.

    Args:
        link: `transport.directory` is created if need be.
        private: the folder to use if there is none.
        names: of the processes that listen.

    Raises:
        ConfigError: the folder cannot be made, or its path is too long.
    """
    folder = link.transport.directory or private
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"no endpoints in '{folder}' ({error.strerror}): choose another folder") from error
    return {name: ipc_endpoint(folder, name) for name in names}


def answer(reply: Reply, kind: type[_Answer]) -> _Answer | str:
    """What the radio process says of a request, or the reason why it says nothing."""
    try:
        if reply.packet.kind == "result":
            return read(reply.packet, kind)
        message = from_packet(reply.packet)
    except WireError as error:
        return f"unreadable reply: {error}"
    return message.sentence if isinstance(message, Failure) else "unreadable reply"


def progress(quiet: bool) -> Progress:
    """The bar of a run; none if `quiet`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, disable=quiet, transient=True)
