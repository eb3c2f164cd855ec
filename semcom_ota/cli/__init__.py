"""The `semcom` command. Everything heavy is imported by the command that needs it: `--help` answers at once."""

from semcom_ota.cli import (
    bench,
    codecs,
    loopback,
    memory,
    probe,
    qa,
    receive,
    replay,
    report,
    sweep,
    tools,
    training,
    transceive,
    transmit,
    twin,
)
from semcom_ota.cli.application import app, main

__all__ = ["app", "main"]

app.command()(loopback.loopback)
app.command()(loopback.demo)
app.command()(replay.replay)
app.command()(transmit.tx)
app.command()(receive.rx)
app.command()(transceive.trx)
app.command()(transceive.score)
app.command()(probe.probe)
app.command()(sweep.sweep)
app.command()(qa.qa)
app.command()(report.report)
app.add_typer(bench.bench, name="bench")
app.add_typer(memory.memory, name="memory")
app.command()(twin.twin)
app.command()(tools.doctor)
app.command()(tools.keys)
app.add_typer(codecs.codecs, name="codecs")
app.command(help=training.HELP)(training.train)
app.command()(tools.grc_path)  # typer writes it grc-path
