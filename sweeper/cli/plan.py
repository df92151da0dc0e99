"""``sweeper check``, ``plan`` and ``schema``: what can be said before anything runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from sweeper.errors import ConfigError

if TYPE_CHECKING:
    from sweeper.model import Value

__all__ = ["check", "plan", "schema"]

_FILE = click.argument("file", type=click.Path())
_OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_FILE
@_OVERRIDES
@_JSON
def check(file: str, overrides: tuple[str, ...], *, as_json: bool) -> None:
    """Check the sweep in FILE without running it.

    Everything that can be known beforehand is looked at: keys, values, what fits together, the
    objective, what must be installed. The range of every parameter is shown. KEY=VALUE overrides a
    key of the file, as in `run`.
    """
    from sweeper.config.load import load
    from sweeper.reporting import preview

    try:
        loaded = load(file, overrides)
        from sweeper import compose

        checked = compose.check(loaded)
    except ConfigError as error:
        if as_json:
            _print_json(preview.refused_json(file, error.problems))
        raise
    notes = tuple(note for note in checked.notes if note not in loaded.warnings)
    found = preview.CheckedFile(file, checked.ranges, loaded.warnings, notes)
    if as_json:
        _print_json(found.to_json())
    else:
        click.echo(preview.checked_text(found))


@click.command()
@_FILE
@_OVERRIDES
@click.option(
    "--sample",
    metavar="N",
    type=click.IntRange(min=1),
    help="Print N sampled configurations instead.",
)
@click.option("--store", metavar="URL", help="Look into this store instead of the usual one.")
@_JSON
def plan(
    file: str,
    overrides: tuple[str, ...],
    *,
    sample: int | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Say what the sweep in FILE would do and cost; nothing is trained.

    Size of the space, budget, what the store answers already, expected duplicates, the rungs of
    early stopping, and a forecast of time, energy, CO2e and cost from what is recorded of the same
    objective. KEY=VALUE overrides a key of the file, as in `run`.
    """
    from sweeper.config.load import load

    loaded = load(file, overrides)
    from sweeper import compose
    from sweeper.reporting import plan as words
    from sweeper.reporting import preview

    if sample is not None:
        samples = compose.sample(loaded, sample)
        if as_json:
            _print_json(preview.samples_json(samples))
        else:
            click.echo(preview.sample_lines(samples))
        return
    facts = compose.plan(loaded, store)
    if as_json:
        _print_json(words.plan_json(facts))
    else:
        click.echo(words.plan_text(facts))


@click.command()
def schema() -> None:
    """Print the JSON Schema of a sweep file, for editors.

    After `sweeper schema > sweep.schema.json`, editors with the YAML language server use it in
    every sweep file that begins with `# yaml-language-server: $schema=sweep.schema.json`.
    """
    from sweeper.config.schema import sweep_file_schema

    click.echo(json.dumps(sweep_file_schema(), ensure_ascii=False, indent=2))


def _print_json(document: Value) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
