"""`semcom train`."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors, validated
from semcom_ota.training.recipes import RECIPES, presets

_WIDTH = max(map(len, RECIPES))
HELP = "\n\n".join(
    (
        "Train by a recipe; writes a checkpoint with its model card. A run that was stopped goes on where it was.",
        "\b\nRecipes:\n" + "\n".join(f"  {name:{_WIDTH}}  {entry.summary}" for name, entry in RECIPES.items()),
        "Several GPUs: torchrun --nproc-per-node N -m semcom_ota.cli train ... (docs/training.md)",
    )
)


@clear_errors
def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help=", ".join(RECIPES))],
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="SEMCOM_DATA", help="folder of the data sets (docs/data.md)")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="training folder; a run that is there goes on")],
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help=f"the recipe's settings: a YAML file, or one that ships: {', '.join(presets())}"
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="optimiser steps in all")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ...")] = None,
    precision: Annotated[str | None, typer.Option(metavar="NAME", help="auto, fp32 or bf16")] = None,
    batch_tokens: Annotated[int | None, typer.Option(metavar="N", min=64, help="tokens in a batch")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="of everything random in training")] = None,
) -> None:
    """See `HELP`."""
    from semcom_ota.experiments.model_card import export
    from semcom_ota.training import processes, recipes
    from semcom_ota.training.corpus import load_test_captions

    entry = recipes.recipe(recipe)
    settings = recipes.read_settings(config) if config else {}
    given = {"steps": steps, "device": device, "precision": precision, "batch_tokens": batch_tokens, "seed": seed}
    settings |= {name: value for name, value in given.items() if value is not None}
    checked = validated(entry.settings_class(), settings)
    load_test_captions(data)  # the model card needs them: better missed now than after the training
    entry.train()(data, out, checked)
    if processes.is_main():
        typer.echo("trained; now measuring what the model card says, on texts held out (minutes)")
        typer.echo(f"checkpoint and model card: {export(recipe, out, data)}")
