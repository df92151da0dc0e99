"""``sweeper report``: a sweep in the form that somebody else's page wants."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweeper.compose import SweepView

__all__ = ["report"]

_MODEL_CARD = "model-card"


@click.command()
@click.argument("sweep", metavar="SWEEP")
@click.option(
    "--format",
    "form",
    type=click.Choice([_MODEL_CARD]),
    required=True,
    help="model-card: the block co2_eq_emissions of a Hugging Face model card, in grams.",
)
@click.option(
    "--training-type",
    type=click.Choice(["pre-training", "fine-tuning"]),
    help="What was trained; for model-card.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output.")
@click.option("--store", metavar="URL", help="Read this store instead of the usual one.")
def report(
    sweep: str, *, form: str, training_type: str | None, output: str | None, store: str | None
) -> None:
    """Write a report of a sweep.

    SWEEP is the handle that `run` prints, a uid, or `last`. Emissions are those of the whole sweep,
    with its failed and pruned trials and the workers' overhead; where they are unknown nothing is
    written.
    """
    from sweeper.compose import open_store, view
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    with closing(open_store(store, existing=True)) as opened:
        seen = view(opened, find_sweep(opened, sweep, who=opened.who or user()))
    text = {_MODEL_CARD: _model_card}[form](seen, training_type)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(Path(output), text)


def _model_card(seen: SweepView, training_type: str | None) -> str:
    from sweeper import __version__
    from sweeper.compose.reading import trained_cpu
    from sweeper.reporting.model_card import TrainingType, model_card

    return model_card(
        seen.history,
        seen.summary,
        version=__version__,
        training_type=None if training_type is None else TrainingType(training_type),
        cpu=trained_cpu(seen.history),
    )


def _write(file: Path, text: str) -> None:
    from sweeper.errors import SweeperError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SweeperError(f"{file}: cannot be written: {error.strerror or error}") from error
