"""`semcom train`."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors, fail, validated


@clear_errors
def train(
    recipe: Annotated[str, typer.Argument(help="which recipe: text-jscc")],
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="SEMCOM_DATA", help="folder of the data sets (docs/data.md)")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="training folder; a run that is there goes on")],
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file of the recipe's settings")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="optimiser steps in all")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ...")] = None,
    precision: Annotated[str | None, typer.Option(metavar="NAME", help="auto, fp32 or bf16")] = None,
    batch_tokens: Annotated[int | None, typer.Option(metavar="N", min=64, help="tokens in a batch")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="of everything random in training")] = None,
) -> None:
    """Train a codec by its recipe; writes checkpoint and model card."""
    if recipe != "text-jscc":
        fail(f"unknown recipe '{recipe}': there is text-jscc")
    from semcom_ota.config import read_yaml
    from semcom_ota.experiments.model_card import export
    from semcom_ota.training.corpus import load_test_captions
    from semcom_ota.training.text_jscc import TextTraining, train

    settings = (read_yaml(config) if config else {}) or {}
    if not isinstance(settings, dict):
        fail(f"'{config}' must hold settings by name, such as 'steps: 5000'")
    given = {"steps": steps, "device": device, "precision": precision, "batch_tokens": batch_tokens, "seed": seed}
    settings |= {name: value for name, value in given.items() if value is not None}
    load_test_captions(data)  # the model card needs them: better missed now than after the training
    train(data, out, validated(TextTraining, settings))
    typer.echo(f"checkpoint and model card: {export(out, data)}")
