"""``sweeper cache explain`` and ``diff``: why a trial was trained again."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from sweeper.cli.cache_select import JSON, STORE
from sweeper.cli.trial_names import sweep_and_trial, trial_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sweeper.store.connection import Store
    from sweeper.store.explain import Explanation
    from sweeper.store.key_text import Difference

__all__ = ["diff", "explain"]


@click.command()
@click.argument("trial", metavar="SWEEP/TRIAL")
@click.option("--dump-key", is_flag=True, help="Also print the whole key, section by section.")
@STORE
@JSON
def explain(trial: str, *, dump_key: bool, store: str | None, as_json: bool) -> None:
    """Say why a trial was not answered by the store, or by which record it was.

    Names the file, package or parameter that differs from the nearest record.
    """
    from sweeper.compose import open_store
    from sweeper.reporting import cache_pages
    from sweeper.store.explain import explain_trial, key_of_trial

    with closing(open_store(store, existing=True)) as opened:
        sweep, number = _trial(opened, trial)
        facts = _facts(explain_trial(opened, sweep, number))
        if dump_key:
            facts["key"] = dict(key_of_trial(opened, sweep, number))
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(cache_pages.explanation_page(facts, now=time.time()))
    for name, text in facts.get("key", {}).items():
        click.echo(f"{name:<10}{text}")


@click.command()
@click.argument("here", metavar="A")
@click.argument("there", metavar="B")
@STORE
@JSON
def diff(here: str, there: str, *, store: str | None, as_json: bool) -> None:
    """Say what differs between two keys: records, configurations or trials.

    A and B are SWEEP/TRIAL, or the first hex digits of a record's uid or of a configuration's key.
    """
    from sweeper.compose import open_store
    from sweeper.reporting import cache_pages
    from sweeper.store.explain import compare

    with closing(open_store(store, existing=True)) as opened:
        differs, equal = compare(_key(opened, here), _key(opened, there))
    facts = {"differs": _differs(differs), "equal": list(equal)}
    click.echo(json.dumps(facts) if as_json else "\n".join(cache_pages.difference_lines(facts)))


def _trial(store: Store, text: str) -> tuple[Any, int]:
    """Find the sweep and the number that ``SWEEP/TRIAL`` means."""
    from sweeper.compose import view
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    name, trial = sweep_and_trial(text)
    sweep = find_sweep(store, name, who=store.who or user())
    return sweep, int(trial) if trial.isdecimal() else trial_number(view(store, sweep), trial)


def _key(store: Store, text: str) -> Mapping[str, str]:
    from sweeper.store.explain import key_of_record, key_of_trial

    if "/" in text:
        return key_of_trial(store, *_trial(store, text))
    return key_of_record(store, text)


def _facts(found: Explanation) -> dict[str, Any]:
    from sweeper.cli.cache_facts import row_facts

    return {
        "key": {},
        "run_key": found.run_key,
        "uncached": found.uncached,
        "answered_by": None if found.answered_by is None else row_facts(found.answered_by),
        "known": list(found.known),
        "nearest": None if found.nearest is None else row_facts(found.nearest),
        "differs": _differs(found.differs),
        "equal": list(found.equal),
        "notes": list(found.notes),
    }


def _differs(
    sections: Sequence[tuple[str, Sequence[Difference]]],
) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [
            {
                "path": one.path,
                "here": None if one.missing == "here" else _plain(one.here),
                "there": None if one.missing == "there" else _plain(one.there),
                "missing": one.missing or None,
            }
            for one in found
        ]
        for name, found in sections
    }


def _plain(value: object) -> Any:
    """Write a leaf so that JSON can hold it and 1, 1.0 and "1" stay apart."""
    return value if value is None or isinstance(value, str | int | bool) else repr(value)
