"""``sweeper report``: a sweep in the form that somebody else's page wants."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweeper.compose import SweepView
    from sweeper.store.engine import Store

__all__ = ["report"]

_MODEL_CARD = "model-card"
_BY_ENDING = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}


@click.command()
@click.argument("sweep", metavar="SWEEP")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "md", "json", _MODEL_CARD]),
    help="html (default): one page that holds everything; md: Markdown; json: as `show --json`; "
    "model-card: the block co2_eq_emissions of a Hugging Face model card, in grams.",
)
@click.option(
    "--training-type",
    type=click.Choice(["pre-training", "fine-tuning"]),
    help="What was trained; for model-card.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output.")
@click.option("--store", metavar="URL", help="Read this store instead of the usual one.")
def report(
    sweep: str,
    *,
    form: str | None,
    training_type: str | None,
    output: str | None,
    store: str | None,
) -> None:
    """Write a report of a sweep: what it found, what it cost, what grid search would have cost.

    SWEEP is the handle that `run` prints, a uid, or `last`. The page of `-o report.html` needs no
    network and can be sent to somebody. A model card has the emissions of the whole sweep, with its
    failed and pruned trials and the workers' overhead; where they are unknown nothing is written.
    """
    from sweeper.compose import open_store, view
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    chosen = form or _BY_ENDING.get("" if output is None else Path(output).suffix.lower(), "html")
    if chosen == "html" and output is None and sys.stdout.isatty():
        raise click.UsageError("a page is no text for a terminal; give -o report.html")
    with closing(open_store(store, existing=True)) as opened:
        seen = view(opened, find_sweep(opened, sweep, who=opened.who or user()))
        text = _written(opened, seen, chosen, training_type)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(Path(output), text)


def _written(store: Store, seen: SweepView, form: str, training_type: str | None) -> str:
    from sweeper import __version__

    if form == _MODEL_CARD:
        return _model_card(seen, training_type)
    if form == "json":
        from sweeper.reporting.documents import sweep_json

        document = sweep_json(seen.history, seen.summary)
        return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"
    from sweeper.compose.reporting import surroundings_of

    around = surroundings_of(store, seen, version=__version__, now=time.time())
    if form == "md":
        from sweeper.reporting.markdown import markdown_report

        return markdown_report(seen.history, seen.summary, around)
    from sweeper.reporting.page.document import sweep_page

    return sweep_page(seen.history, seen.summary, around)


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
