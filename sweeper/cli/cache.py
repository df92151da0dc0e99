"""``sweeper cache``: what the store holds, whether it is well, and what to do about it.

Owns: the group and its verbs, but for explaining (``cache_explain.py``) and bundles
(``cache_bundle.py``).
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing

import click

from sweeper.cli.cache_bundle import export, import_bundle
from sweeper.cli.cache_explain import diff, explain
from sweeper.cli.cache_select import JSON, STORE, selected, selection

__all__ = ["cache"]


@click.group()
def cache() -> None:
    """Look into the store of results, look after it, share it.

    \b
      sweeper cache status             what it holds, consumed and avoided
      sweeper cache explain SWEEP/7    why trial 7 was trained again
      sweeper cache doctor             is it well?
      sweeper cache revoke --host n12 --since 2d --reason "bad GPU"

    docs/lab.md sets one up for a lab.
    """  # noqa: D301


@cache.command()
@STORE
@JSON
def status(*, store: str | None, as_json: bool) -> None:
    """Count what the store holds and has avoided."""
    from sweeper.cli import cache_facts
    from sweeper.compose import open_store
    from sweeper.places import state_folder, user
    from sweeper.reporting import cache_pages
    from sweeper.store.overview import overview
    from sweeper.store.spool import spools

    with closing(open_store(store, existing=True)) as opened:
        found = overview(opened, who=opened.who or user())
    waiting = sum(file.results for file in spools(state_folder(os.environ)))
    facts = cache_facts.status_facts(found, waiting=waiting)
    click.echo(json.dumps(facts) if as_json else cache_pages.status_page(facts))


@cache.command()
@selection
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@STORE
@JSON
def ls(*, store: str | None, as_json: bool, limit: int, **given: str | None) -> None:
    """List records, newest first."""
    from sweeper.cli import cache_facts
    from sweeper.compose import open_store
    from sweeper.reporting import cache_pages, tables
    from sweeper.store.listing import list_records

    with closing(open_store(store, existing=True)) as opened:
        found = list_records(opened, selected(opened, given), limit=limit)
    rows = [cache_facts.row_facts(one) for one in found]
    if as_json:
        click.echo(json.dumps(rows))
    elif not rows:
        click.echo("no such records", err=True)
    else:
        tables.print_page(cache_pages.records_table(rows, now=time.time()), sys.stdout)


@cache.command()
@click.argument("uid")
@STORE
@JSON
def show(uid: str, *, store: str | None, as_json: bool) -> None:
    """Show one record: facts, provenance, whom it answered, what was said about it."""
    from sweeper.cli import cache_facts
    from sweeper.compose import open_store
    from sweeper.reporting import cache_pages
    from sweeper.store.listing import find_record, sections_of, uses_of, verdicts_of

    with closing(open_store(store, existing=True)) as opened:
        found = find_record(opened, uid)
        facts = cache_facts.record_facts(
            found,
            uses=[use for _, use in uses_of(opened, [found.record.uid])],
            verdicts=verdicts_of(opened, found.record.uid),
            sections=sections_of(opened, found.record.config_key),
        )
    click.echo(json.dumps(facts) if as_json else cache_pages.record_page(facts, now=time.time()))


@cache.command()
@click.option("--expired", is_flag=True, help="Only those whose lease is over.")
@STORE
@JSON
def claims(*, expired: bool, store: str | None, as_json: bool) -> None:
    """List who trains what now."""
    from sweeper.cli import cache_facts
    from sweeper.compose import open_store
    from sweeper.reporting import cache_pages, tables
    from sweeper.store.listing import claims_of

    with closing(open_store(store, existing=True)) as opened:
        found = claims_of(opened, expired=expired)
    rows = [cache_facts.claim_facts(one) for one in found]
    if as_json:
        click.echo(json.dumps(rows))
    elif not rows:
        click.echo("nobody trains anything now" if not expired else "none is expired", err=True)
    else:
        tables.print_page(cache_pages.claims_table(rows), sys.stdout)


@cache.command()
@click.option("--sample", type=click.IntRange(1), help="Only so many records, at random.")
@STORE
@JSON
def verify(*, sample: int | None, store: str | None, as_json: bool) -> None:
    """Look for damage in records, keys, references and the file; nothing is changed."""
    from sweeper.compose import open_store
    from sweeper.store.verify import verify as look

    with closing(open_store(store, existing=True)) as opened:
        found = look(opened, sample=sample)
    if as_json:
        problems = [{"what": one.what, "why": one.why} for one in found.problems]
        facts = {"records": found.records, "configs": found.configs, "problems": problems}
        click.echo(json.dumps(facts))
    else:
        for one in found.problems:
            click.echo(f"{one.what}: {one.why}")
        click.echo(
            f"{found.records} records and {found.configs} configurations looked at, "
            f"{len(found.problems)} problem(s)"
        )
    sys.exit(1 if found.problems else 0)


@cache.command()
@click.argument("uid", required=False)
@selection
@click.option("--reason", required=True, help="Why; those who used the records read it.")
@click.option("--yes", is_flag=True, help="Do not ask, also when there are many.")
@STORE
def revoke(
    uid: str | None, *, reason: str, yes: bool, store: str | None, **given: str | None
) -> None:
    """Disown records: they answer nobody any more, and the next who asks trains.

    UID is the beginning of one record's uid; without it the options choose. Prints the trials that
    had used them.
    """
    _judge(uid, given, store, reason=reason, yes=yes, word="revoke")


@cache.command()
@click.argument("uid", required=False)
@selection
@click.option("--reason", required=True, help="Why.")
@click.option("--yes", is_flag=True, help="Do not ask, also when there are many.")
@STORE
def restore(
    uid: str | None, *, reason: str, yes: bool, store: str | None, **given: str | None
) -> None:
    """Take back what was said about records that were revoked or suspected."""
    _judge(uid, given, store, reason=reason, yes=yes, word="restore")


def _judge(
    uid: str | None,
    given: dict[str, str | None],
    store: str | None,
    *,
    reason: str,
    yes: bool,
    word: str,
) -> None:
    from sweeper.compose import open_store
    from sweeper.places import user
    from sweeper.store.listing import RecordFilter, find_record
    from sweeper.store.schema import VerdictKind
    from sweeper.store.verdicts import matching, say_verdict

    kind = VerdictKind.REVOKED if word == "revoke" else VerdictKind.RESTORED
    with closing(open_store(store, existing=True)) as opened:
        wanted = selected(opened, given)
        if uid is not None:
            wanted = RecordFilter(uids=(find_record(opened, uid).record.uid,))
        elif wanted.is_empty:
            raise click.UsageError(f"say which records to {word}: a UID, or --who, --host, ...")
        _ask(len(matching(opened, wanted)), word, yes=yes)
        done = say_verdict(opened, wanted, kind, reason=reason, who=opened.who or user())
    click.echo(f"{len(done.changed)} record(s) {kind.value}")
    if done.unchanged:
        click.echo(f"{len(done.unchanged)} left as they were")
    for record_uid, use in done.uses:
        trial = f"{use.sweep}/{use.number}" + (f"-r{use.replicate}" if use.replicate else "")
        click.echo(f"used by {use.who}: {trial} ({use.kind.value}) record {record_uid.hex[:8]}")


def _ask(number: int, word: str, *, yes: bool) -> None:
    if number == 0:
        click.echo("no such records", err=True)
        sys.exit(1)
    if number > 1 and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{number} records match; add --yes to {word} them all")
        click.confirm(f"{word} {number} records?", abort=True)


@cache.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--older", default="30d", show_default=True, help="Snapshots of code unused since.")
@click.option("--revoked", is_flag=True, help="Also records revoked longer ago than --older.")
@STORE
def gc(*, dry_run: bool, older: str, revoked: bool, store: str | None) -> None:
    """Remove what nobody needs any more: expired claims, old snapshots of code."""
    from sweeper.cli.cache_select import age_s
    from sweeper.compose import open_store
    from sweeper.places import state_folder
    from sweeper.store.collect import collect
    from sweeper.store.snapshot import remove_snapshot, stale_snapshots

    older_s = age_s(older, "--older")
    with closing(open_store(store, existing=True)) as opened:
        found = collect(opened, revoked_older_s=older_s if revoked else None, dry_run=dry_run)
    old = stale_snapshots(state_folder(os.environ), older_s=older_s)
    for path in old:
        if not dry_run:
            remove_snapshot(path)
    would = "would remove" if dry_run else "removed"
    click.echo(f"{would} {found.claims} expired claim(s), {len(old)} snapshot(s) of code")
    if revoked:
        click.echo(
            f"{would} {found.records} revoked record(s); {found.unlinked} trial(s) keep their "
            f"figures without them, {found.uses} note(s) of what they avoided go"
        )


@cache.command()
@click.option("--mend", is_flag=True, help="Advance numbers that a failover left behind.")
@STORE
@JSON
def doctor(*, mend: bool, store: str | None, as_json: bool) -> None:
    """Check the store and its place, and say what to do."""
    from sweeper.compose import open_store
    from sweeper.places import state_folder
    from sweeper.store.doctor import Health, examine

    with closing(open_store(store, existing=True)) as opened:
        checks = examine(opened, state_folder(os.environ), mend=mend)
        url = opened.url
    if as_json:
        facts = [
            {"check": c.name, "health": c.health.value, "found": c.found, "cure": c.cure}
            for c in checks
        ]
        click.echo(json.dumps({"store": url, "checks": facts}))
    else:
        click.echo(f"store        {url}")
        for check in checks:
            click.echo(f"{check.health.value:<4}  {check.name:<12} {check.found}")
            if check.cure:
                click.echo(f"      {'':<12} -> {check.cure}")
    sys.exit(1 if any(check.health is Health.FAIL for check in checks) else 0)


@cache.command()
@STORE
def migrate(*, store: str | None) -> None:
    """Bring the tables to this version; on a server also roles, grants and triggers."""
    from sweeper.compose import open_store
    from sweeper.store.migrate import migrate as bring

    with closing(open_store(store)) as opened:
        for line in bring(opened):
            click.echo(line)


for command in (explain, diff, export, import_bundle):
    cache.add_command(command)
