"""`semcom qa`: questions about stories that were sent over the air."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from semcom_ota.cli.application import Quiet, check_codecs, clear_errors, decibels, fail, validated

MASK_OPTIONS = {"share": "fixed", "reference_snr_db": "theory", "semantic_snr_db": "theory", "checkpoint": "learned"}
"""Of which mask each is."""


class LevelName(StrEnum):
    """Where the stories are sent."""

    flowgraph = "flowgraph"
    waveform = "waveform"


@clear_errors
def qa(
    task: Annotated[int, typer.Option(metavar="N", min=1, max=20, help="of bAbI, such as 2: two supporting facts")],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR|FILE", help="stories in bAbI's format  [default: stories are generated]"),
    ] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="of the files in a folder: test, valid or train")] = "test",
    snr: Annotated[
        str, typer.Option(metavar="LIST", help="Es/N0 of a data subcarrier in dB, such as --snr=-3,0,3")
    ] = "0,6,12",
    channel: Annotated[str, typer.Option(metavar="NAME|FILE", help="such as awgn, tdl-a; or a YAML file")] = "awgn",
    memory: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="what goes when it is full: fifo, freshness, value, correlation, several as "
            "value=1,fifo=0.5; or none: no memory",
        ),
    ] = "fifo",
    mask: Annotated[
        str, typer.Option(metavar="NAME", help="which symbols are left out: none, fixed, theory, learned")
    ] = "none",
    mask_share: Annotated[
        float | None, typer.Option(metavar="SHARE", help="of the symbols that the mask fixed sends  [default: 0.5]")
    ] = None,
    mask_reference: Annotated[
        float | None,
        typer.Option(
            metavar="DB",
            help="of the mask theory: SNR at which all symbols are just needed  [default: what the codec says]",
        ),
    ] = None,
    mask_semantic: Annotated[
        float | None,
        typer.Option(metavar="DB", help="of the mask theory: unit power over the codec's own error  [default: 60]"),
    ] = None,
    mask_checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="folder of the mask learned  [default: what ships]")
    ] = None,
    size: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="entries that the memory holds")] = 128,
    decode_with: Annotated[
        int, typer.Option(metavar="N", min=0, max=256, help="of them, the newest, that lam-prior decodes with")
    ] = 0,
    questions: Annotated[int, typer.Option(metavar="N", min=1, help="so many, from the first story on")] = 2000,
    codec: Annotated[str, typer.Option(metavar="NAME", help="that carries the sentences")] = "lam-prior",
    level: Annotated[
        LevelName, typer.Option(help="through GNU Radio and sockets, or through the same receiver in one process")
    ] = LevelName.flowgraph,
    reader: Annotated[Path | None, typer.Option(metavar="DIR", help="who answers  [default: what ships]")] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**62, help="of the channel, and of stories that are generated")
    ] = 0,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="also write the figures to this file")] = None,
    quiet: Quiet = False,
) -> None:
    """Send stories, a sentence a message, and ask the receiver, which answers from its memory."""
    from semcom_ota.codecs import registry
    from semcom_ota.config import ConfigError, LinkConfig, load_channel
    from semcom_ota.experiments import qa as experiment
    from semcom_ota.experiments.qa_console import show
    from semcom_ota.experiments.run_folder import check_writable, write_json
    from semcom_ota.tasks.generator import generate
    from semcom_ota.tasks.stories import load_stories

    check_codecs([codec])
    if decode_with and not registry.has_memory(codec):
        able = ", ".join(filter(registry.has_memory, registry.names()))
        fail(f"--decode-with: '{codec}' decodes without memory: use --codec with one of {able}")
    stories = load_stories(data, task, split) if data else generate(task, questions, seed)
    stories = experiment.first_questions(stories, questions)
    if not any(story.questions for story in stories):
        raise ConfigError("there is no question in these stories: name others with --data")
    if json is not None:
        check_writable(json)
    link: dict[str, Any] = {
        "codec": {"names": [codec]},
        "radio": {"channel": load_channel(channel).model_dump()},
        "mask": _mask(mask, mask_share, mask_reference, mask_semantic, mask_checkpoint),
        "memory": _memory(memory, size)
        | {"reader": reader.resolve() if reader else "shipped", "decode_with": decode_with},
    }
    asked = experiment.Asked(stories, task, list(dict.fromkeys(decibels(snr))), level.value, seed)
    figures = experiment.run(asked, validated(LinkConfig, link), channel, quiet)
    if json is not None:
        write_json(json, figures)
    show(figures)


def _mask(
    kind: str, share: float | None, reference: float | None, semantic: float | None, checkpoint: Path | None
) -> dict[str, Any]:
    """As in a link; what another mask than this would need is the end."""
    folder = checkpoint.resolve() if checkpoint else None
    settings: dict[str, Any] = dict(zip(MASK_OPTIONS, (share, reference, semantic, folder), strict=True))
    said = {name: value for name, value in settings.items() if value is not None}
    for name in said:
        if kind != MASK_OPTIONS[name]:
            fail(f"--mask-{name.removesuffix('_snr_db')} is for --mask {MASK_OPTIONS[name]}, not for --mask {kind}")
    return {"kind": kind} | said


def _memory(rule: str, size: int) -> dict[str, Any]:
    """`none`, the name of a rule, or several with weights, as in a link."""
    if rule == "none":
        return {"entries": 0}
    parts = [part.partition("=") for part in rule.split(",")]
    return {"entries": size, "rule": {name.strip(): weight or 1.0 for name, _, weight in parts}}
