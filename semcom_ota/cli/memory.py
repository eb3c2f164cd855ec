"""`semcom memory`: what a receiver remembers, shown, exported, forgotten."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors, fail

memory = typer.Typer(
    no_args_is_help=True, help="Look at what a receiver remembers (memory.file of its link).", rich_markup_mode=None
)

MemoryFile = Annotated[Path, typer.Argument(metavar="FILE", help="of the memory")]
User = Annotated[int | None, typer.Option(metavar="N", min=0, max=255, help="of this user (stream) alone")]


@memory.command()
@clear_errors
def show(
    file: MemoryFile,
    user: User = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="so many entries of each user, the newest")] = 20,
) -> None:
    """Show the newest entries, the oldest first."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from semcom_ota.memory.account import Account

    with Account(file) as account:
        table = Table("user", "message", "age (frames)", "SNR (dB)", "CSI", "confidence", "value", "text", box=SIMPLE,
                      pad_edge=False)  # fmt: skip
        for entry in account.entries(user, last):
            said = entry.understood
            table.add_row(
                str(entry.user), str(entry.sent), str(account.time - entry.time), f"{entry.csi.snr_db:.1f}",
                "stale" if entry.lost_samples < account.lost_samples else "", f"{said.confidence:.2f}",
                f"{entry.value:.2f}", _line(said.text),
            )  # fmt: skip
        Console().print(table)
        typer.echo(f"{account.count(user)} entries of {len(account.users)} users, {account.time} frames seen")


@memory.command()
@clear_errors
def export(
    file: MemoryFile,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="file of JSON, one line an entry")],
    user: User = None,
) -> None:
    """Write all entries to a file that other programs can read."""
    from semcom_ota.memory.account import Account

    with Account(file) as account:
        typer.echo(f"{account.export(out, user)} entries: {out}")


@memory.command()
@clear_errors
def forget(
    file: MemoryFile,
    user: User = None,
    everything: Annotated[bool, typer.Option("--all", help="of all users")] = False,
) -> None:
    """Forget a user's entries, or all; not while a receiver writes the file."""
    from semcom_ota.memory.account import Account, forget_in

    if (user is None) != everything:
        fail("say what is to be forgotten: --user N or --all")
    with Account(file):  # that it is one
        pass
    typer.echo(f"{forget_in(file, user)} entries forgotten")


def _line(text: str) -> str:
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return shown if len(shown) <= 80 else f"{shown[:80]}..."
