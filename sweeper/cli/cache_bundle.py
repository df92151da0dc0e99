"""``sweeper cache export`` and ``import``: results from one store to another, in a file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from sweeper.cli.cache_select import STORE, selected, selection

__all__ = ["export", "import_bundle"]


@click.command()
@selection
@click.option("--all", "everything", is_flag=True, help="Every record of the store.")
@click.option("--disowned", is_flag=True, help="Also tainted, revoked and suspect records.")
@click.option(
    "-o", "--output", "path", required=True, type=click.Path(dir_okay=False),
    help="The file; packed where it ends in .gz.",
)  # fmt: skip
@STORE
def export(
    path: str, *, everything: bool, disowned: bool, store: str | None, **given: str | None
) -> None:
    """Write records with their keys into a file that another store can import."""
    from sweeper.compose import open_store
    from sweeper.store.bundle import export_bundle

    with closing(open_store(store, existing=True)) as opened:
        wanted = selected(opened, given)
        if wanted.is_empty and not everything:
            raise click.UsageError("say which records, by --who, --sweep, ...; or --all")
        done = export_bundle(opened, wanted, Path(path), disowned=disowned)
    rest = f"; {done.left_out} tainted or disowned left out" if done.left_out else ""
    click.echo(f"{done.records} record(s) in {path}{rest}")


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Check the file and say what is new.")
@STORE
def import_bundle(file: str, *, dry_run: bool, store: str | None) -> None:
    """Check a file of `export` and add what is new of it, all or nothing."""
    from sweeper.compose import open_store
    from sweeper.store.bundle import import_bundle as read

    with closing(open_store(store)) as opened:
        done = read(opened, Path(file), dry_run=dry_run)
    would = "would be new" if dry_run else "are new"
    click.echo(f"{done.records} record(s) of store {done.store}, {done.new} {would}")
