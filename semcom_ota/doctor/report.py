"""The checks as a person reads them, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from semcom_ota.doctor.check import ALWAYS, COMPANION, SOAPY, USRP, Check


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that can be done with this project, and whether this machine can do it today."""

    what: str
    failed: tuple[str, ...]  # checks that it needs; none: it can

    @property
    def ok(self) -> bool:
        """Whether it can be done."""
        return not self.failed


def abilities(checks: Sequence[Check]) -> list[Ability]:
    """What this machine can do today: each use needs all of its groups of checks."""
    uses = (
        ("loopback, replay, training", (ALWAYS,)),
        ("twin: two radios in software", (ALWAYS,)),
        ("GNU Radio Companion", (ALWAYS, COMPANION)),
        ("a USRP", (ALWAYS, USRP)),
        ("a Pluto, LimeSDR or HackRF", (ALWAYS, SOAPY)),
    )
    return [
        Ability(what, tuple(check.name for check in checks if check.group in groups and not check.ok))
        for what, groups in uses
    ]


def report(checks: Sequence[Check], console: Console) -> int:
    """Print the checks, their fixes and what they come to; the exit status is 0 if all that is needed is there, else 2.

    A fix stands on a line of its own that is never wrapped, so that it can be copied.
    """
    for group, members in groupby(checks, key=lambda check: check.group):
        console.print(f"\n[bold]{group}")
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(width=8)
        table.add_column(width=18, no_wrap=True)
        table.add_column(overflow="fold")
        for check in members:
            mark = "[green]ok" if check.ok else "[red]FAILS" if check.needed else "[yellow]to do"
            table.add_row(mark, escape(check.name), escape(check.detail))
        console.print(table)
    fixes: dict[str, list[str]] = {}
    for check in checks:
        if not check.ok:
            fixes.setdefault(check.fix, []).append(check.name)
    if fixes:
        console.print("\n[bold]what to do")
    for fix, names in fixes.items():
        console.print(f" {', '.join(names)}:", style="yellow", markup=False, highlight=False)
        console.print(f"   {fix}", markup=False, highlight=False, soft_wrap=True)
    console.print("\n[bold]what this machine can do today")
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(width=28, no_wrap=True)
    table.add_column(overflow="fold")
    for ability in abilities(checks):
        answer = "[green]yes" if ability.ok else f"[yellow]no[/]: see {escape(', '.join(ability.failed))}"
        table.add_row(ability.what, answer)
    console.print(table)
    return 0 if all(check.ok or not check.needed for check in checks) else 2
