"""What the encoder and the decoder worker share: arguments, the serve loop, and a clean end."""

import argparse
import os
import select
import signal
import stat
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from semcom_ota.codecs.base import Codec, DoesNotFit
from semcom_ota.config import ConfigError, ReceiverConfig, TransmitterConfig
from semcom_ota.services.process import WRONG_USE
from semcom_ota.transport.messages import Failure, to_packet
from semcom_ota.transport.sockets import ReplyServer, Request
from semcom_ota.transport.wire import Packet, WireError

END_WITHIN_S = 1.5
_IDLE_S = 60.0
_SENTENCE_CHARACTERS = 300

Config = TypeVar("Config", TransmitterConfig, ReceiverConfig)
Model = TypeVar("Model", bound=BaseModel)


class Service(Protocol):
    """One kind of worker."""

    def warm_up(self) -> None:
        """Do once what a request will take, so that none waits for a compiler or a lazy import.

        Raises:
            ConfigError: it does not work.
        """
        ...

    def answer(self, packet: Packet) -> Packet:
        """Carry out a request. An exception becomes the error reply of this request alone."""
        ...

    def notice(self, packet: Packet) -> None:
        """Take a one-way packet."""
        ...


def end_with_parent() -> None:
    """End this process on SIGTERM, SIGINT, and when its parent is gone. To be called first, from the main thread.

    The parent is gone when stdin, if it is a pipe, reaches its end. `SystemExit` is raised in the main thread. If the
    process has not ended `END_WITHIN_S` later, because it computes or waits in foreign code, the kernel ends it.
    """
    # A child of a GNU Radio block's thread inherits its priority, and its mask, which holds all of these back.
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGALRM))
    signals, written_by_handler = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(written_by_handler, warn_on_full_buffer=False)
    leaving = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        if not leaving.is_set():
            leaving.set()
            sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    watched = [signals, 0] if stat.S_ISFIFO(os.fstat(0).st_mode) else [signals]
    threading.Thread(target=_watch, args=(watched, leaving), name="end", daemon=True).start()


def run(
    config_class: type[Config], make: Callable[[Config], Service], arguments: Sequence[str] | None = None
) -> NoReturn:
    """The life of a worker: `--endpoint E --config FILE.json`. Exit status 2 and a sentence if it cannot start."""
    end_with_parent()
    parser = argparse.ArgumentParser(description=make.__doc__)
    parser.add_argument("--endpoint", required=True, help="ipc:///path or tcp://127.0.0.1:port to listen at")
    parser.add_argument("--config", required=True, type=Path, help=f"{config_class.__name__} as JSON")
    options = parser.parse_args(arguments)
    status = 0
    try:
        config = load_config(config_class, options.config)
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # read by torch when a codec first imports it
            os.environ[variable] = str(config.device.threads)
        with ReplyServer(options.endpoint, config.transport) as server:  # first: an endpoint in use shows at once
            service = make(config)
            service.warm_up()
            _serve(server, service)
    except ConfigError as error:
        print(error, file=sys.stderr)
        status = WRONG_USE
    except SystemExit:  # from `end_with_parent`
        pass
    sys.stderr.flush()
    os._exit(status)  # all is closed; to take down torch in good order would cost a second more


def load_config(config_class: type[Model], file: Path) -> Model:
    """A configuration that the process's parent wrote as JSON.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        return config_class.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read '{file}': {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"'{file}', {where}: {first['msg']}") from error


def _serve(server: ReplyServer, service: Service) -> NoReturn:
    """Answer one request at a time. Notices keep their place: what a request may know is what came before it."""
    waiting: deque[Request] = deque()
    while True:
        waiting.extend(server.poll(0 if waiting else _IDLE_S))
        if waiting:
            request = waiting.popleft()
            if request.is_notice:
                _notice(service, request.packet)
                continue
            reply = _answer(service, request.packet)
            try:
                server.reply(request, reply)
            except WireError as error:
                server.reply(request, to_packet(Failure("failed", str(error))))


def try_out(codec: Codec, decode: bool) -> None:
    """Encode one letter with a codec, if it can carry one, and decode it if asked to.

    Raises:
        ConfigError: the codec raised an exception.
    """
    try:
        encoded = codec.encode("a")
        if decode:
            codec.decode(encoded.symbols, np.full(len(encoded.symbols), 0.1, np.float32), encoded.parameters)
    except DoesNotFit:
        return
    except Exception as error:  # a user's own code, a library's own errors: all of them end the start
        reason = f"{type(error).__name__}: {_sentence(error)}"
        raise ConfigError(f"codec '{codec.name}' fails on the text 'a': {reason}") from error


def _answer(service: Service, packet: Packet) -> Packet:
    try:
        return service.answer(packet)
    except WireError as error:
        failure = Failure("bad_request", _sentence(error))
    except DoesNotFit as error:
        failure = Failure("does_not_fit", _sentence(error))
    except Exception as error:  # one request's trouble is not the next one's
        traceback.print_exc()
        failure = Failure("failed", f"{type(error).__name__}: {_sentence(error)}")
    return to_packet(failure)


def _notice(service: Service, packet: Packet) -> None:
    try:
        service.notice(packet)
    except WireError:
        traceback.print_exc()


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:_SENTENCE_CHARACTERS]


def _watch(watched: list[int], leaving: threading.Event) -> None:
    """Wait for a signal or the end of stdin, and see to it that the process ends.

    One signal is not enough: it may reach another thread, or the main thread just before it blocks, and either way
    Python would run the handler only when that has returned. So the main thread is interrupted until it leaves.
    """
    while True:
        ready = select.select(watched, [], [])[0][0]
        if os.read(ready, 4096) == b"" or ready != 0:
            break
    signal.setitimer(signal.ITIMER_REAL, END_WITHIN_S)  # the default action of SIGALRM needs no Python
    while not leaving.wait(0.05):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
