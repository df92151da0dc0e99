"""``sweeper export``: a sweep as a file for other programs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import click

__all__ = ["export"]

_BY_ENDING = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".db": "optuna",
    ".optuna": "optuna",
    ".log": "optuna",
}
_TEXTS = ("csv", "json")
_JOURNAL = ".log"


@click.command()
@click.argument("sweep", metavar="SWEEP")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "parquet", "optuna"]),
    help="Default: what the ending of FILE says: .csv .json .parquet; .db .optuna: Optuna's SQLite "
    "database; .log: its journal.",
)
@click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE; csv and json go to stdout without it."
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--store", metavar="URL", help="Read this store instead of the usual one.")
def export(
    sweep: str, *, form: str | None, output: str | None, force: bool, store: str | None
) -> None:
    """Write a sweep as a file for other programs.

    csv and parquet have one row per trial, json is `show --json` with every curve, optuna is a
    storage that `optuna.load_study` and optuna-dashboard open. The numbers are those of `show`.
    docs/export.md says what each holds.
    """
    from sweeper.compose import open_store, view
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    chosen = _format(form, output)
    if output is not None:
        _check(Path(output), force=force)
    with closing(open_store(store, existing=True)) as opened:
        seen = view(opened, find_sweep(opened, sweep, who=opened.who or user()))
    from sweeper.compose.exporting import ExportFormat, export_file, export_text

    wanted = ExportFormat(chosen)
    if output is None:
        click.echo(export_text(seen, wanted), nl=False)
        return
    file = Path(output)
    journal = file.suffix.lower() == _JOURNAL
    _put(file, lambda path: export_file(seen, wanted, path, journal=journal), force=force)


def _format(form: str | None, output: str | None) -> str:
    """Choose the format, and refuse a binary one on standard output."""
    chosen = form
    if chosen is None and output is not None:
        chosen = _BY_ENDING.get(Path(output).suffix.lower())
    if chosen is None:
        known = ", ".join(_BY_ENDING)
        raise click.UsageError(f"say --format csv|json|parquet|optuna, or -o FILE with {known}")
    if output is None and chosen not in _TEXTS:
        raise click.UsageError(f"--format {chosen} is no text; give -o FILE")
    return chosen


def _check(file: Path, *, force: bool) -> None:
    """Refuse what must not be replaced, before anything is read."""
    from sweeper.errors import SweeperError

    if not os.path.lexists(file):
        return
    if not file.is_file():
        raise SweeperError(f"{file}: is there and is no regular file; choose another name")
    if not force:
        raise SweeperError(f"{file}: is there already; --force replaces it")


def _put(file: Path, write: Callable[[Path], None], *, force: bool) -> None:
    """Write beside the file, then give it its name: nobody sees a part of it."""
    from sweeper.errors import SweeperError

    try:
        target = Path(os.path.realpath(file))  # a link keeps pointing to it
        with _beside(target) as part:
            write(part)
            if force:
                part.replace(target)
            else:
                _name(part, target)
    except FileExistsError as error:
        raise SweeperError(f"{file}: is there already; --force replaces it") from error
    except OSError as error:
        raise SweeperError(f"{file}: cannot be written: {error.strerror or error}") from error


def _name(part: Path, target: Path) -> None:
    """Give a file its name unless somebody took it meanwhile."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        part.replace(target)


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Name a file beside another one; it and what a database leaves beside it are removed."""
    part = target.with_name(f".{target.name[:100]}.{uuid4().hex[:8]}.part")
    try:
        yield part
    finally:
        for ending in ("", "-journal", "-wal", "-shm", ".lock"):
            part.with_name(part.name + ending).unlink(missing_ok=True)
