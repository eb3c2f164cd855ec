"""What all commands share: the application, one sentence for each error, options that several commands read."""

import signal
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from semcom_ota import __version__
from semcom_ota.radio.caution import CAUTION

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip


Checkpoint = Annotated[Path | None, typer.Option(metavar="DIR", help="folder of text-jscc weights")]
RunFolder = Annotated[Path | None, typer.Option(metavar="DIR", help="run folder; by default a new one below runs/")]
Summary = Annotated[Path | None, typer.Option(metavar="FILE", help="also write the summary to this file")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bar, no table of messages")]


LinkFile = Annotated[Path, typer.Argument(metavar="LINK", help="b210, zmq, ... (those in links/), or a YAML file")]
Texts = Annotated[list[str] | None, typer.Option(metavar="TEXT", help="a sentence to send; may be given several times")]
TextFile = Annotated[Path | None, typer.Option(metavar="FILE", help="a UTF-8 file, one sentence a line")]
SentCodecs = Annotated[
    str | None, typer.Option(metavar="A,B", help="codecs; the first sets the symbols  [default: those of the link]")
]
GrantedSnr = Annotated[
    float | None,
    typer.Option(metavar="DB", min=-30, max=60, help="what coded codecs take for granted of the link  [default: 10]"),
]
Repeat = Annotated[int, typer.Option(metavar="N", min=1, help="send everything so many times")]
Every = Annotated[float, typer.Option(metavar="SECONDS", min=0, help="at least so long from one message to the next")]
Device = Annotated[
    str | None, typer.Option(metavar="ARGS", help="the device's address, such as serial=31F5A2C or type=twin,serial=A")
]
Frequency = Annotated[float | None, typer.Option(metavar="HZ", help="carrier frequency, such as 2.45e9")]
ReceiveGain = Annotated[
    str | None, typer.Option(metavar="DB|auto", help="the receiver's gain, or that it follows the level")
]
TransmitGain = Annotated[float | None, typer.Option(metavar="DB", help="the transmitter's gain")]
Transmit = Annotated[bool, typer.Option("--transmit", help="let a device transmit; without it, what to mind is said")]

REFUSAL = f"nothing was sent: a device transmits only with --transmit. Before you give it, {CAUTION}"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"semcom-ota {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="say which version this is")
    ] = False,
) -> None:
    """Large-model semantic communication on the air."""


def fail(sentence: object) -> NoReturn:
    """Say what was wrong in one sentence and end with exit status 2."""
    typer.echo(f"semcom: {sentence}", err=True)
    raise SystemExit(2)


def clear_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What a user did wrong becomes one sentence; a bug keeps its traceback."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        from semcom_ota.config import ConfigError
        from semcom_ota.services.process import ServiceFailed

        try:
            command(*args, **kwargs)
        except (ConfigError, ServiceFailed) as error:
            fail(error)
        except KeyboardInterrupt as stop:
            typer.echo(f"semcom: {str(stop) or 'stopped'}", err=True)
            raise SystemExit(130) from None

    return guarded


def codec_names(text: str) -> list[str]:
    """The value of `--codec`: names, each once."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        fail("--codec names no codec: see 'semcom codecs'")
    return list(dict.fromkeys(names))


def decibels(text: str) -> list[float]:
    """The SNRs of `--snr`; ends here if one is none."""
    from semcom_ota.config import MAX_SNR_DB, MIN_SNR_DB

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        fail(f"--snr '{text}' is not a list of numbers: write it as --snr=-3,0,3")
    for number in numbers:
        if not MIN_SNR_DB <= number <= MAX_SNR_DB:  # nor is nan
            fail(f"--snr: each must be from {MIN_SNR_DB} to {MAX_SNR_DB} dB, not {number:g}")
    return numbers


def check_codecs(names: Iterable[str]) -> None:
    """End here if a codec is not installed."""
    from semcom_ota.codecs import registry

    for name in names:
        if name not in registry.names():
            fail(f"unknown codec '{name}': use one of {', '.join(registry.names())}")


def with_codecs(link: Any, codec: str | None) -> Any:
    """A link with the codecs that `--codec` names, if it does."""
    if codec is None:
        return link
    changes: dict[str, Any] = link.model_dump()
    changes["codec"]["names"] = codec_names(codec)
    return validated(type(link), changes)


def validated(model: Any, values: dict[str, Any]) -> Any:
    """A pydantic model of what the user said; if it makes no sense, that is the end."""
    from pydantic import ValidationError

    from semcom_ota.config import first_problem

    try:
        return model.model_validate(values)
    except ValidationError as error:
        fail(first_problem(error))


def with_radio_options(
    link: Any,
    *,
    ends: tuple[str, ...],
    device: str | None = None,
    frequency: float | None = None,
    transmit_gain: float | None = None,
    receive_gain: str | None = None,
) -> Any:
    """A link with what the user said of its radio; if that makes no sense, that is the end.

    Args:
        link: a LinkConfig.
        ends: those that `device` is for: `transmitter`, `receiver` or both.
        device: address of the device.
        frequency: of the carrier, Hz.
        transmit_gain: in dB.
        receive_gain: in dB, or `auto`: it follows the level, from the gain in the link file on.
    """
    values: dict[str, Any] = link.model_dump()
    radio = values["radio"]
    said = {"--device": device, "--frequency": frequency, "--gain": receive_gain or transmit_gain}
    for option, value in said.items():
        if value is not None and "receiver" not in radio:
            fail(f"{option} is for a link with a tuned radio, and this link has a radio of kind {radio['kind']}")
    if device is not None:
        for end in ends:
            radio[end]["device"] = device
    if frequency is not None:
        radio["frequency_hz"] = frequency
    if transmit_gain is not None:
        radio["transmitter"]["gain_db"] = transmit_gain
    if receive_gain == "auto":
        radio["receiver"]["automatic_gain"] = True
    elif receive_gain is not None:
        try:
            radio["receiver"] |= {"gain_db": float(receive_gain), "automatic_gain": False}
        except ValueError:
            fail(f"--gain '{receive_gain}' is neither a number of dB nor 'auto'")
    return validated(type(link), values)


def check_permission(link: Any, transmit: bool) -> None:
    """End here if this link's radio puts out power and the user has not allowed it."""
    if link.radio.radiates and not transmit:
        fail(REFUSAL)


def end_of_run(summary: dict[str, Any], stopped: bool) -> None:
    """How a command that sends ends: 130 if the user stopped it, 2 if it ended early, 1 if a message failed, else 0."""
    if stopped:
        raise KeyboardInterrupt
    if failure := summary["run"].get("failure"):
        fail(f"the run ended early: {failure}")
    if any(point["failed"] for point in summary["points"]):
        raise SystemExit(1)


def main() -> None:
    """Entry point of the `semcom` command. A request to terminate is met as Ctrl-C is: in order."""
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell script starts what is in the background deaf to SIGINT
        signal.signal(number, signal.default_int_handler)
    app(prog_name="semcom")
